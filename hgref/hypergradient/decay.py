"""How fast REVERSE-HG forgets on its way back, and which K is enough for `truncated`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from hgref.arguments import Array, as_array, as_count, require_at_least
from hgref.hypergradient.reverse import add
from hgref.hypergradient.tape import taped
from hgref.layout import Blocks, Layout
from hgref.problem import Problem

ROUNDING = float(np.finfo(float).eps)
TOLERANCES = (0.1, 0.01, 0.001)  # printed by Decay


@dataclass(frozen=True, eq=False)
class Decay:
    """‖α_t‖ along the way back, and what `truncated` drops for each K; printable.

    alpha    (T,) ‖α_t‖ for t = 1 … T: alpha[t-1]
    dropped  (T,) ‖∇f − truncated_K‖ for K = 1 … T: dropped[K-1]; 0 for K = T
    blocks   the same for each block of λ, by name
    grad     (m,) ∇f(λ)
    layout   positions of the blocks in `grad`
    """

    alpha: Array
    dropped: Array
    blocks: Blocks
    grad: Array
    layout: Layout

    @property
    def rate(self) -> float:
        """The factor from ‖α_t‖ to ‖α_{t-1}‖; α grows if it is above 1. NaN if T = 1 or α = 0.

        The median slope of log ‖α_t‖ between steps half the run apart (Theil's incomplete method);
        an ‖α_t‖ that is rounding error next to a later one is left out.
        """
        back = self.alpha[::-1]
        steps = np.flatnonzero(back > ROUNDING * np.maximum.accumulate(back))
        if len(steps) < 2:
            return 0.0 if len(steps) and len(back) > 1 else math.nan
        half = len(steps) // 2
        logs = np.log(back[steps])
        slopes = (logs[half:] - logs[:-half]) / (steps[half:] - steps[:-half])
        return float(np.exp(np.median(slopes)))

    def K(self, tol: float) -> int:
        """The least K such that it and every larger K drop at most tol · ‖∇f‖."""
        require_at_least("tol", as_array("tol", tol, ()), 0)
        above = np.flatnonzero(self.dropped > tol * lengths(self.grad[None])[0])
        return int(above[-1]) + 2 if above.size else 1

    def lost(self, K: int) -> dict[str, float]:
        """‖∇f − truncated_K‖ / ‖∇f‖ of each block; 1 if all of it is dropped."""
        K = as_count("K", K, 1, len(self.dropped))
        lost = {}
        for name, whole in self.layout.split(self.grad).items():
            drop, norm = (
                float(self.blocks[name][K - 1]),
                float(lengths(np.reshape(whole, (1, -1)))[0]),
            )
            lost[name] = drop / norm if norm else math.inf if drop else 0.0
        return lost

    def __str__(self) -> str:
        names = list(self.layout.shapes)
        rows = [["dropped at most", f"K of {len(self.alpha)}", *names]]
        for tol in TOLERANCES:
            K = self.K(tol)
            rows.append([percent(tol), str(K), *map(percent, self.lost(K).values())])
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(map(str.rjust, row, widths)) for row in rows]
        return "\n".join([told(self.rate), *lines])


def told(rate: float) -> str:
    """The rate in words."""
    if math.isnan(rate):
        return "‖α_t‖ has no rate: there is only one step, or it is zero"
    times = f"each step back multiplies ‖α_t‖ by {rate:.4g}"
    if rate >= 1:
        return f"{times}: the start of training matters most, truncation is hopeless"
    steps = math.log(0.5) / math.log(rate) if rate else 0.0
    return f"{times}: half of α is forgotten in {steps:.3g} steps"


def percent(share: float) -> str:
    number = 100 * share
    return f"{number:.0f} %" if 10 <= number < 1e4 else f"{number:.2g} %"


def decay(problem: Problem, lam: Any) -> Decay:
    """How ‖α_t‖ decays on the way back, and how much `truncated` drops for every K.

        α_t = α_{t+1} A_{t+1},   ∇f − truncated_K = Σ_{t = 1 … T-K} α_t B_t    eq. (8), (10)

    (+ α_0 ds_0/dλ for K < T, if w0 is learned)

    lam      (m,) the point λ, or a mapping of names
    returns  Decay: the norms, the rate, and .K(tol), the least K that drops at most tol · ‖∇f‖
    Raises   ValueError for a bad λ, Diverged if s_t or α_t is not finite
    Cost     T steps and T vjps, as `reverse`; memory that of `reverse` plus O(T m)
    Exact    to rounding, including ∇f; the rate is a fit
    Beware   it costs as much as `reverse`: measure once, and use that K at points near by. A K that
             suits most blocks may drop another completely: see Decay.lost
    Source   Franceschi et al. 2017, Algorithm 1, its partial sums; Shaban et al. 2019, "Truncated
             back-propagation for bilevel optimization", bounds them by the rate

    Example
        >>> J = hgref.objectives.Quadratic(np.eye(2), [1.0, -2.0])
        >>> problem = hgref.Problem(hgref.GradientDescent(J), J, T=10)
        >>> print(hgref.decay(problem, problem.pack(eta=0.5)))
        each step back multiplies ‖α_t‖ by 0.5: half of α is forgotten in 1 steps
        ...
    """
    run = problem.at(lam)
    s_T, back = taped(run, run.start(), 1, run.T, run.T)
    alpha, direct = run.error_grad(run.T, s_T)
    layout, norms = run.layout, np.zeros(run.T)
    grad, terms = layout.zeros(like=alpha), np.zeros((run.T + 1, layout.size), alpha.dtype)
    add(grad, direct)
    for t, step in back:
        norms[t - 1] = lengths(alpha[None])[0]
        alpha, share = run.vjp(t, step, alpha)
        add(layout.split(terms[t]), share)
        add(grad, share)
    add(layout.split(terms[0]), run.start_vjp(alpha))
    add(grad, run.start_vjp(alpha))
    run.require_finite("∇f", 0, grad)
    sums = np.cumsum(terms, axis=0, out=terms)[: run.T][::-1]  # row K-1: up to t = T-K
    sums[-1] = 0  # K = T reaches s_0
    blocks = {name: lengths(sums[:, part]) for name, part in layout.slices.items()}
    return Decay(norms, lengths(sums), blocks, layout.flatten(grad), layout)


def lengths(rows: Array) -> Array:
    """‖row‖ of each row, also where squares would overflow."""
    scale = np.abs(rows).max(initial=0.0) or 1.0
    return scale * np.linalg.norm(rows / scale, axis=1)
