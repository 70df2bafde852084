"""Compares PyTorch's autograd with every vector in a folder: python consumer.py FOLDER."""

import json
import sys
from pathlib import Path

import torch

torch.set_default_dtype(torch.float64)
RATES = ("eta", "mu", "beta", "beta1", "beta2")  # lists of them are schedules


def loss(terms, w, lam, t):
    """The sum of the terms of an objective at step t; means over the examples or the batch."""
    total = 0.0
    for term in terms:
        if term["kind"] == "quadratic":
            A, b = torch.tensor(term["A"]), torch.tensor(term["b"])
            total = total + w @ A @ w / 2 - b @ w
        elif term["kind"] == "l2":
            total = total + (lam[term.get("name", "l2")] * w * w).sum() / 2
        else:
            X, y = torch.tensor(term["X"]) - torch.tensor(term.get("centre", 0.0)), term["y"]
            rows = torch.tensor(term["batches"][t - 1] if "batches" in term else range(len(y)))
            each = loss_of_each(term, outputs(term, X, w), torch.tensor(y))[rows]
            weights = lam["weights"][rows] if term.get("example_weights") else 1.0
            total = total + (weights * each).mean()
    return total


def outputs(term, X, w):
    """(n, outputs) of a linear model or a network: each layer is W row by row, then b."""
    last = term.get("classes", 1)
    for width in [*term.get("hidden", []), last]:
        W, w = w[: width * X.shape[1]].reshape(width, -1), w[width * X.shape[1] :]
        biased = term["kind"] != "least-squares" and term.get("bias", True)
        X = X @ W.T + (w[:width] if biased else 0.0)
        w = w[width:]
        X = X.tanh() if len(w) else X  # hidden units
    return X


def loss_of_each(term, z, y):
    if term["kind"] == "least-squares":
        return (z[:, 0] - y) ** 2 / 2
    if term["kind"] == "logistic":
        return torch.nn.functional.softplus(z[:, 0]) - y * z[:, 0]
    return torch.nn.functional.cross_entropy(z, y, reduction="none")


def adam(convention, m_hat, u, root, eps, eps_root):
    """The direction of a step; root = 1 - beta2^t."""
    if convention in ("torch", "optax"):
        return m_hat / ((u / root + eps_root).sqrt() + eps)
    return m_hat * root.sqrt() / (u.sqrt() + eps if convention == "tf1" else (u + eps).sqrt())


def rooted(convention, u, eps):
    """The denominator of RMSProp and AdaGrad."""
    return (u + eps).sqrt() if convention == "optax" else u.sqrt() + eps


def field(terms, w, lam, t):
    """The gradient in w of the sum of the terms; some of them may be clipped."""
    smooth = [term for term in terms if term["kind"] != "clipped"]
    value = loss(smooth, w, lam, t) + 0.0 * w.sum()
    g = torch.autograd.grad(value, w, create_graph=True)[0]
    for term in terms:
        if term["kind"] == "clipped":
            inner = field(term["of"], w, lam, t)
            by_norm = term.get("by", "norm") == "norm"
            factor = torch.clamp(lam["clip"] / inner.norm(), max=1.0)
            g = g + (inner * factor if by_norm else inner.clamp(-lam["clip"], lam["clip"]))
    return g


def start(vector, w):
    """The state (w, v, m, u) before the first step."""
    how, zero = vector["dynamics"], torch.zeros_like(w)
    first = how.get("initial", 0.1 if how.get("convention") == "optax" else 0.0)
    return w, zero, zero, zero + first * (how["kind"] == "adagrad")


def step(vector, t, state, lam):
    """The state after step t."""
    how, (w, v, m, u) = vector["dynamics"], state
    r = {n: x[t - 1] if n in RATES and x.ndim else x for n, x in lam.items()}
    g = field(vector["objective"], w, lam, t) + how.get("weight_decay", 0.0) * w
    if how["kind"] == "momentum":
        v = r["mu"] * v + (1.0 if t == 1 else 1 - how.get("dampening", 0.0)) * g
        g = g + r["mu"] * v if how.get("nesterov") else v
    elif how["kind"] in ("rmsprop", "adagrad"):
        u = r["beta"] * u + (1 - r["beta"]) * g * g if "beta" in r else u + g * g
        g = g / rooted(how["convention"], u, r["eps"])
    elif how["kind"] in ("adam", "adamw"):
        m, u = r["beta1"] * m + (1 - r["beta1"]) * g, r["beta2"] * u + (1 - r["beta2"]) * g * g
        m_hat, root = m / (1 - r["beta1"] ** t), 1 - r["beta2"] ** t
        g = adam(how["convention"], m_hat, u, root, r["eps"], r.get("eps_root", 0.0))
        g = g + r.get("weight_decay", 0.0) * w
    return w - r["eta"] * g, v, m, u


def mapped(vector, theta):
    """lambda: some blocks are exp or sigmoid of what is given."""
    kinds = {n: kind for kind, names in vector.get("transform", {}).items() for n in names}
    return {n: getattr(torch, kinds[n])(x) if n in kinds else x for n, x in theta.items()}


def error(vector, theta, w0, K=None):
    """E(w_T); the states before the last K steps are constants."""
    lam, state = mapped(vector, theta), start(vector, w0)
    for t in range(1, vector["T"] + 1):
        if K and t == vector["T"] - K + 1:
            state = [x.detach().requires_grad_() for x in state]
        state = step(vector, t, state, lam)
    return loss(vector["error"], state[0], lam, vector["T"])


def in_real_time(vector, theta, w0, every, rate):
    """The blocks of lambda after each update, flat: descent along dE(w_t)/d shift, every few steps.

    The same shift is added to all values of the past, whose states are never computed again.
    """
    names = [n for n in theta if n != "w0"]
    shift = {n: torch.zeros_like(x, requires_grad=True) for n, x in theta.items()}
    now = {n: x.detach() for n, x in theta.items()}
    points, state = [now], start(vector, w0 + shift["w0"] if "w0" in shift else w0)
    for t in range(1, vector["T"] + 1):
        lam = mapped(vector, {n: now[n] + shift[n] for n in names})
        state = step(vector, t, state, lam)
        if t % every == 0:
            E = loss(vector["error"], state[0], lam, t)
            slopes = gradient(E, shift.values(), retain_graph=True)
            now = {n: now[n] - rate * g for (n, g) in zip(now, slopes, strict=True)}
            points.append(now)
    return {n: torch.stack([point[n] for point in points]) for n in theta}


def gradient(f, leaves, **options):
    return torch.autograd.grad(f, (*leaves,), materialize_grads=True, **options)


def numbers(x):
    """Decimal strings, nested in lists, as a tensor."""
    plain = json.loads(json.dumps(x).replace('"', ""))
    return torch.tensor(plain, dtype=torch.float64, requires_grad=True)


def hessian(grad, leaves):
    """(m, m): the gradient of each entry of the gradient."""
    rows = []
    for entry in torch.cat([x.reshape(-1) for x in grad]):
        row = torch.autograd.grad(entry, leaves, retain_graph=True, materialize_grads=True)
        rows.append(torch.cat([x.reshape(-1) for x in row]))
    return torch.stack(rows)


def verdict(vector):
    """right, WRONG or NaN: autograd through the unrolled loop against the certified digits."""
    theta, w0 = {n: numbers(x) for n, x in vector["lambda"].items()}, numbers(vector["w0"])
    leaves = {**theta, "w0": w0} if vector.get("learn_w0") else theta
    found = gradient(error(vector, theta, w0), leaves.values(), create_graph=True)
    pairs = [(x, numbers(vector["grad"][n])) for n, x in zip(leaves, found, strict=True)]
    if "hessian" in vector:
        pairs += [(hessian(found, (*leaves.values(),)), numbers(vector["hessian"]))]
    if "truncated" in vector:
        K, grad = vector["truncated"]["K"], vector["truncated"]["grad"]
        cut = gradient(error(vector, theta, w0, K), leaves.values())
        pairs += [(x, numbers(grad[n])) for n, x in zip(leaves, cut, strict=True)]
    if "realtime" in vector:
        every, rate = vector["realtime"]["every"], vector["realtime"]["rate"]
        points = in_real_time(vector, leaves, w0, every, rate)
        pairs += [(points[n], numbers(x)) for n, x in vector["realtime"]["path"].items()]
    if any(x.isnan().any() for x in found):
        return "NaN"
    return "right" if all(torch.allclose(*pair, 1e-11, 1e-13) for pair in pairs) else "WRONG"


if __name__ == "__main__":
    for path in sorted(Path(sys.argv[1]).glob("*.json")):
        print(f"{path.stem:28} {verdict(json.loads(path.read_text()))}")
