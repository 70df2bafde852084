"""Compute the gradient step by step in both directions, and compare the results."""

from __future__ import annotations

import math
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

import hgref
from hgref.arguments import Array
from hgref.hypergradient.forward import sensitivities
from hgref.hypergradient.tape import taped
from hgref.objectives import LeastSquares
from paper_repro.record import surroundings, write_json
from paper_repro.recurrent import textbook
from paper_repro.recurrent.setting import Setting

FIRST = 1.0  # x_1, which the network should remember


def compute(setting: Setting, folder: Path) -> dict[str, Path]:
    """Run both recursions on one sequence; write the numbers that the figure shows.

    setting  sizes and seed
    folder   for the result
    returns  {"recurrent": its JSON file}
    Cost     one run with all columns of Z, one reverse; the literature's loops: about a second
    Source   Franceschi et al. 2017, section 3; Werbos 1990; Williams and Zipser 1989
    """
    started = time.perf_counter()
    problem, lam = network(setting)
    g = hgref.reverse(problem, lam)
    Z, alpha, shares = roads(problem, lam)
    met = np.einsum("th,thm->tm", alpha, Z)  # α_t Z_t = Σ_{τ ≤ t} α_τ B_τ
    rest = np.cumsum(np.vstack([0 * g.grad, shares[::-1]]), axis=0)[::-1]  # Σ_{τ > t} α_τ B_τ
    along = g.grad / (g.grad @ g.grad)
    content = {
        "experiment": "recurrent",
        "data": {"source": f"one sequence: x_1 = {FIRST:g}, then random numbers"},
        "setting": asdict(setting),
        "blocks": {name: list(shape) for name, shape in g.layout.shapes.items()},
        "error": g.f,
        "gradient": g.grad,
        "norms of the columns of Z": np.linalg.norm(Z, axis=1),
        "alpha": alpha,
        "terms along the gradient": shares @ along,
        "forwards": met @ along,
        "backwards": rest @ along,
        "apart": {
            "sum at any t": largest(met + rest - g.grad) / np.linalg.norm(g.grad),
            **apart(problem, lam, g.grad),
        },
        "made with": surroundings(),
        "wall seconds": round(time.perf_counter() - started, 1),
    }
    return {"recurrent": write_json(folder / "recurrent.json", content)}


def network(setting: Setting) -> tuple[hgref.Problem, Array]:
    """(problem, λ): E = ½ (first unit at T − x_1)², at random weights, before any training."""
    random, h = np.random.default_rng(setting.seed), setting.hidden
    inputs = setting.noise * random.standard_normal((setting.T, 1))
    inputs[0] = FIRST
    E = LeastSquares(np.eye(h)[:1], [FIRST], bias=False)
    problem = hgref.Problem(hgref.Recurrent(inputs, hidden=h), E, setting.T)
    W, _ = np.linalg.qr(random.standard_normal((h, h)))
    U = random.uniform(-1, 1, (h, 1))
    return problem, problem.pack(W=setting.gain * W, U=U, b=np.zeros(h))


def roads(problem: hgref.Problem, lam: Array) -> tuple[Array, Array, Array]:
    """Z_0 … Z_T (T+1, h, m), α_0 … α_T (T+1, h) and α_1 B_1 … α_T B_T (T, m).

    Uses (14) forwards and (8) backwards; `hgref.reverse` forms the same sum but keeps no terms.
    """
    run = problem.at(lam)
    layout = run.layout
    Z = [run.start_jvp(layout.identity(), layout.size)]
    Z += [Z_t for _, _, Z_t in sensitivities(run, layout)]
    s_T, back = taped(run, run.start(), 1, run.T, run.T)
    alpha, shares = [run.error_grad(run.T, s_T)[0]], []
    for t, step in back:
        row, share = run.vjp(t, step, alpha[-1])
        alpha.append(row)
        shares.append(layout.flatten(share))
    return np.array(Z), np.array(alpha[::-1]), np.array(shares[::-1])


def apart(problem: hgref.Problem, lam: Array, grad: Array) -> dict[str, float]:
    """Distances between gradients, each divided by ‖∇f‖.

    The accuracy of the differences is estimated from their change when the step doubles, plus the
    rounding of E divided by the step.
    """
    network: Any = problem.dynamics
    blocks, size = problem.unpack(lam), np.linalg.norm(grad)
    w = np.column_stack([blocks["W"], blocks["U"], blocks["b"]])
    inputs = network.inputs[:, 0].tolist()
    loops = {
        name: flat(function(w.tolist(), inputs, FIRST))
        for name, function in (("BPTT", textbook.bptt), ("RTRL", textbook.rtrl))
    }
    fine, coarse = (flat(textbook.differences(w, inputs, FIRST, c * textbook.STEP)) for c in (1, 2))
    forward = hgref.forward(problem, lam).grad
    pairs = {
        "forward and reverse": forward - grad,
        "reverse and the literature's BPTT": grad - loops["BPTT"],
        "forward and the literature's RTRL": forward - loops["RTRL"],
        "reverse and differences": grad - fine,
    }
    cancelled = np.finfo(float).eps * math.sqrt(grad.size) / textbook.STEP
    return {
        **{name: float(np.linalg.norm(gap) / size) for name, gap in pairs.items()},
        "accuracy of the differences": float((np.linalg.norm(coarse - fine) + cancelled) / size),
    }


def flat(rows: Array) -> Array:
    """Rows (W_i, U_i, b_i) in the order of λ."""
    h = len(rows)
    return np.concatenate([rows[:, :h].ravel(), rows[:, h:-1].ravel(), rows[:, -1]])


def largest(rows: Array) -> float:
    """The largest of the rows' norms."""
    return float(np.linalg.norm(rows, axis=1).max())
