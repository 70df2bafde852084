"""Whether the functions of a run are functions: the same result at the same point."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hgref.arguments import Array
from hgref.run import Run

CALLS = 3
REPEATED = 1e-9  # relative difference that sums in another order may make
ADVICE = (
    "the loss must be a function of (w, λ) alone: give it its mini-batches by batches=, and its "
    "random numbers fixed"
)


def unsteady(run: Run, f: float | None = None, rounding: float = 0.0) -> str | None:
    """The first function that gives two results at one point, in a sentence; None if none does.

    f         f(λ) of a run that may have rounded otherwise; default: it is run twice
    rounding  how much that may change f(λ), relative
    """
    s = run.start()
    w, lam = off_start(run.dynamics.weights(s)), run.lam
    for role, objective, t in (("J", run.dynamics.J, 1), ("E", run.E, run.before + run.T)):
        for part in objective.terms():
            name = f"{role}, {type(part).__name__},"
            for what, function in (("value", part.afresh), ("gradient", part.grad)):
                found = differing(function, t, w, lam)
                if found:
                    return f"the {what} of {name} is not a function of (w, λ): {found}; {ADVICE}"
    found = differing(run.dynamics.afresh, 1, s, lam)
    if found:
        name = type(run.dynamics).__name__
        return f"the step of {name} is not a function of (s, λ): {found}; fix its random numbers"
    f = float(run.problem.f(run.point)) if f is None else f
    again = float(run.problem.f(run.point))
    if abs(again - f) > max(REPEATED, rounding) * abs(f):
        return f"two runs at one λ gave f = {f:.8g} and f = {again:.8g}; {ADVICE}"
    return None


def off_start(w: Array) -> Array:
    """A point near w: at the start itself, at zeros, a loss may not depend on its data."""
    random = np.random.default_rng(0)
    return w * random.uniform(0.99, 1.01, w.size) + random.uniform(-0.01, 0.01, w.size)


def differing(function: Callable[..., Any], *point: Any) -> str | None:
    """Two different results of a function at one point, in words; None if it has only one."""
    try:
        with np.errstate(all="ignore"):
            found = [np.array(function(*point), dtype=float) for _ in range(CALLS)]
    except Exception:
        return None
    for other in found[1:]:
        off = np.abs(other - found[0])
        if off.size and off.max() > REPEATED * np.abs(found[0]).max():
            worst = np.unravel_index(int(off.argmax()), off.shape)
            where = f" at index {tuple(map(int, worst))}" if worst else ""
            a, b = float(found[0][worst]), float(other[worst])
            return f"two calls at one point gave {a:.8g} and {b:.8g}{where}"
    return None
