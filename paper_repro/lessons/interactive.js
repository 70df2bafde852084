"use strict";

// Momentum on E(w) = J(w) = ½ Σ h w², from w = 1: the run, its multipliers, and its hypergradient.

const CURVATURES = [1, 0.6, 0.35, 0.2, 0.12, 0.07];

// lesson 1: s_t = (v, w), v' = μ v + h w, w' = w − η v';  lesson 2: α_t backwards, ∇f = Σ α_t B_t
function train(eta, mu, T) {
  const p = CURVATURES.length, states = [{v: Array(p).fill(0), w: Array(p).fill(1)}];
  for (let t = 1; t <= T; t++) {
    const {v, w} = states[t - 1];
    const next = v.map((x, i) => mu * x + CURVATURES[i] * w[i]);
    states.push({v: next, w: w.map((x, i) => x - eta * next[i])});
  }
  const end = states[T].w, alphas = Array(T + 1);
  let a = {v: Array(p).fill(0), w: end.map((x, i) => CURVATURES[i] * x)}, dEta = 0, dMu = 0;
  for (let t = T; t >= 1; t--) {
    alphas[t] = a;
    const before = states[t - 1], after = states[t];
    const b = a.v.map((x, i) => x - eta * a.w[i]); // what comes back to v' of this step
    for (let i = 0; i < p; i++) {
      dEta -= a.w[i] * after.v[i];
      dMu += b[i] * before.v[i];
    }
    a = {v: b.map(x => mu * x), w: a.w.map((x, i) => x + CURVATURES[i] * b[i])};
  }
  alphas[0] = a;
  const f = end.reduce((sum, x, i) => sum + 0.5 * CURVATURES[i] * x * x, 0);
  return {states, alphas, f, dEta, dMu};
}

// how a step acts on weight i: complex eigenvalues turn, and their modulus is √μ
function motion(eta, mu, h) {
  const trace = 1 + mu - eta * h, root = trace * trace - 4 * mu;
  const radius = root < 0 ? Math.sqrt(mu) : (Math.abs(trace) + Math.sqrt(root)) / 2;
  const kind = Math.abs(radius - 1) < 1e-9 ? "is at the limit" : radius > 1 ? "diverges"
    : root < 0 ? "spirals in" : trace < 0 ? "jumps from side to side, and in" : "goes in without turning";
  return {radius, kind};
}

function spiral(run) {
  const points = run.states.map(s => [s.w[0], s.v[0]]);
  const size = Math.min(1e6, Math.max(1, ...points.flat().map(Math.abs).filter(isFinite)));
  const place = ([w, v]) => [150 + 135 * w / size, 150 - 135 * v / size];
  const shown = points.map(place).filter(point => point.every(x => isFinite(x) && Math.abs(x) < 1e4));
  const dots = shown.map(([x, y], t) => {
    const light = Math.round(70 * t / shown.length);
    return `<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="3.5" fill="hsl(215 80% ${15 + light}%)"/>`;
  });
  const line = shown.map(point => point.map(x => x.toFixed(1)).join()).join(" ");
  return `<path d="M0 150H300M150 0V300" stroke="#8a8a8a" stroke-width=".5"/>` +
    `<polyline points="${line}" fill="none" stroke="#8a8a8a"/>${dots.join("")}` +
    `<text x="298" y="144" text-anchor="end">w</text><text x="156" y="12">v</text>`;
}

function field(run, T) {
  const rows = CURVATURES.length, wide = 560 / T, high = 150 / rows;
  const values = run.alphas.slice(1).map(a => a.w);
  const most = Math.max(1e-300, ...values.flat().map(Math.abs).filter(isFinite));
  const cells = values.flatMap((column, t) => column.map((alpha, i) => {
    const share = Math.min(1, Math.abs(alpha) / most) || 0;
    const hue = alpha < 0 ? "28 95%" : "268 60%";
    const minus = alpha < 0 && share > 0.1 && wide > 8
      ? `<text x="${wide * (t + 0.5)}" y="${high * (i + 0.5) + 4}" text-anchor="middle">−</text>` : "";
    return `<rect x="${wide * t}" y="${high * i}" width="${wide}" height="${high}" ` +
      `fill="hsl(${hue} ${97 - 50 * share}%)"/>${minus}`;
  }));
  return cells.join("");
}

function show() {
  const value = name => Number(document.getElementById(name).value);
  const eta = value("eta"), mu = value("mu"), T = value("T");
  const run = train(eta, mu, T), {radius, kind} = motion(eta, mu, CURVATURES[0]);
  const number = x => isFinite(x) ? x.toPrecision(4) : "not finite";
  const step = 1e-5; // a witness that runs the training and nothing else
  const slope = (a, b) => (train(...a, T).f - train(...b, T).f) / (2 * step);
  document.getElementById("spiral").innerHTML = spiral(run);
  document.getElementById("field").innerHTML = field(run, T);
  for (const name of ["eta", "mu", "T"]) {
    document.getElementById(`${name}-value`).textContent = value(name);
  }
  const rows = [
    ["∂f/∂η", run.dEta, slope([eta + step, mu], [eta - step, mu])],
    ["∂f/∂μ", run.dMu, slope([eta, mu + step], [eta, mu - step])],
  ];
  document.getElementById("numbers").innerHTML = rows.map(([name, reverse, seen]) =>
    `<tr><th scope="row">${name}</th><td>${number(reverse)}</td><td>${number(seen)}</td></tr>`).join("");
  document.getElementById("told").textContent =
    `f = ${number(run.f)}. The steepest weight ${kind}: a step multiplies (v, w) by ` +
    `${radius.toFixed(3)} on average, in the long run; √μ = ${Math.sqrt(mu).toFixed(3)}.`;
}

if (typeof document !== "undefined") {
  for (const name of ["eta", "mu", "T"]) {
    document.getElementById(name).addEventListener("input", show);
  }
  show();
}
