"""How close a training run is to its limit, and what this means for its hypergradient."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hgref.arguments import Array
from hgref.hypergradient.inner import AUTONOMOUS, Inner, InnerAt
from hgref.objectives.quadratic import Quadratic

SMALL = 400  # up to so many weights H is formed


@dataclass(frozen=True)
class Convergence:
    """The end of a run, compared with the minimum w* to which it converges.

    T           steps
    residual    ‖∇J(w_T)‖
    least       smallest and
    largest     largest curvature of J at w_T: the ends of the spectrum of H
    rate        r: each step multiplies the distance to the minimum by this factor; NaN if the
                steps are different maps (Adam)
    to_minimum  ‖w_T − w*‖ <= residual / least, if J is as curved on the way as at w_T
    """

    T: int
    residual: float
    least: float
    largest: float
    rate: float
    to_minimum: float

    @classmethod
    def of(cls, inner: Inner, w_T: Array) -> Convergence:
        """From the last weights.

        ‖∇f(λ) − implicit‖ falls as T r^T, and ‖implicit − limit‖ as r^T.

        Exact    r for GradientDescent and Momentum near the minimum
        Beware   r belongs to the least curvature, which a run from w_0 = 0 may never meet. A bound
                 on the distances themselves is not told: products of norms come out a thousand to
                 a hundred thousand times too large
        Source   Grazzi et al. 2020, Theorem 2.1, for the orders
        """
        last = inner.at(w_T)
        least, largest = curvatures(last)
        least = 0.0 if abs(least) < 1e-12 * largest else least  # rounding
        r = contraction(inner, least, largest)
        residual = float(np.linalg.norm(last.grad))
        to_minimum = residual / least if least > 0 else np.inf
        return cls(inner.run.T, residual, least, largest, r, to_minimum)

    def __str__(self) -> str:
        lines = [f"‖∇J(w_T)‖ = {self.residual:.3g} after T = {self.T} steps"]
        lines += [f"curvature of J at w_T: {self.least:.3g} … {self.largest:.3g}"]
        if self.least <= 0:
            return "\n".join([*lines, "w_T is not near a minimum at which J is strongly convex"])
        lines += [f"‖w_T − w*‖ <= {self.to_minimum:.3g}"]
        if self.rate >= 1:
            lines += [f"each step multiplies the distance by {self.rate:.4g}: no convergence"]
        elif self.rate < 1:
            lines += [f"each step multiplies the distance by {self.rate:.4g}"]
        return "\n".join(lines)


def contraction(inner: Inner, least: float, largest: float) -> float:
    """Spectral radius of A_T: the larger of the two at the ends of the spectrum of H."""
    run = inner.run
    if type(run.dynamics) not in AUTONOMOUS or run.dynamics.of_weights:
        return np.nan
    radii = []
    for curvature in (least - inner.decay, largest - inner.decay):
        one = copy.copy(run.dynamics)
        one.J = Quadratic([[curvature]], [0.0])
        k = len(one.state)
        A = one.at(run.T, np.zeros(k), run.lam).jvp(np.eye(k), {})
        radii.append(np.abs(np.linalg.eigvals(A)).max())
    return float(max(radii))


# --- spectra ---


def curvatures(last: InnerAt) -> tuple[float, float]:
    """(least, largest) eigenvalue of H."""
    from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

    p = last.w.size
    if p <= SMALL:
        H = np.stack([last.curved(e) for e in np.eye(p)])
        spectrum = np.linalg.eigvalsh(H)
        return float(spectrum[0]), float(spectrum[-1])
    operator = LinearOperator((p, p), matvec=last.curved, dtype=float)
    start = np.random.default_rng(0).standard_normal(p)
    ends: list[float] = []
    for which in ("SA", "LA"):
        try:
            found = eigsh(
                operator, 1, which=which, v0=start, tol=1e-3, maxiter=100, return_eigenvectors=False
            )
        except ArpackNoConvergence:
            found = [np.nan]
        ends.append(float(found[0]))
    return ends[0], ends[1]


def largest_curvature(last: InnerAt) -> float:
    """The largest eigenvalue of H, or slightly more, so that 1/L is a safe step."""
    return 1.02 * power(last.curved, last.w.size, 30)


def power(product: Callable[[Array], Array], size: int, rounds: int) -> float:
    """A lower bound on the largest absolute eigenvalue of a symmetric map, by power iteration."""
    u = np.random.default_rng(0).standard_normal(size)
    found = 0.0
    for _ in range(rounds):
        length = np.linalg.norm(u)
        if length == 0:
            return 0.0
        u = product(u / length)
        found = float(np.linalg.norm(u))
    return found
