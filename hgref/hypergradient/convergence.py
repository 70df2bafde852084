"""How near a training run is to its limit, and what that means for its hypergradient."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from hgref.arguments import Array
from hgref.hypergradient.inner import AUTONOMOUS, Inner
from hgref.layout import Layout
from hgref.objectives.quadratic import Quadratic

SMALL = 400  # weights up to which H is written out


@dataclass(frozen=True)
class Convergence:
    """The end of a run beside the minimum that it goes to.

    T           steps
    residual    ‖∇J(w_T)‖
    least       smallest and
    largest     largest curvature of J at w_T: the ends of the spectrum of H
    rate        r: every step brings the run nearer to the minimum by this factor; NaN where
                steps differ (Adam)
    to_minimum  ‖w_T − w*‖ <= residual / least, where J is as curved on the way as at w_T
    bound       on ‖∇f(λ) − implicit‖, see `Convergence.of`; NaN likewise
    """

    T: int
    residual: float
    least: float
    largest: float
    rate: float
    to_minimum: float
    bound: float

    @classmethod
    def of(
        cls, inner: Inner, w_0: Array, w_T: Array, a: Array, unsolved: float, layout: Layout
    ) -> Convergence:
        """From weights at both ends, a = ∇E(w_T), and ‖a − q H‖ / ‖a‖.

            ‖∇f(λ) − implicit‖ <= r^T (‖q‖ ‖M‖ + ‖a‖)                         1
                                  + ‖a‖ D T r^{T-1} (η' L + largest η' / η)     2
                                  + ‖a‖ D η' L r^T / (1 − r)                    3
                                  + ‖a − q H‖ ‖M‖ / least                       4
            a = q H,   D = ‖w_0 − w_T‖ + ‖w_T − w*‖,   L = L_M + L_H ‖M‖ / least,   η' = η / (1 − μ)

        1: what T steps have not forgotten of the start; 2: A_t and B_t were not yet those of the
        minimum, and η and μ still mattered; 3: w_T is not w*; 4: the solver.

        Exact    a bound for GradientDescent where J is quadratic in w and M changes alike in all
                 directions (L2). Elsewhere an estimate: the Lipschitz constants L_M, L_H are
                 measured between w_0 and w_T alone, and Momentum may be slower than r^T at first
        Beware   it multiplies norms: 10² to 10⁵ times the distance is usual, the slope is right. r
                 is that of the least curvature, which a run from w_0 = 0 may never meet
        Source   the sum of (10) at the fixed point, compared term by term; Grazzi et al. 2020,
                 Theorem 2.1, has the same orders
        """
        least, largest = curvatures(inner, w_T)
        least = 0.0 if abs(least) < 1e-12 * largest else least  # rounding
        r = contraction(inner, least, largest)
        residual = float(np.linalg.norm(inner.grad(w_T)))
        to_minimum = residual / least if least > 0 else np.inf
        bound = np.nan if np.isnan(r) else np.inf
        end = cls(inner.problem.T, residual, least, largest, r, to_minimum, bound)
        if least > 0 and r < 1:
            return replace(end, bound=distance(inner, w_0, w_T, a, unsolved, layout, end))
        return end

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
            lines += [f"the hypergradient of T steps is within about {self.bound:.3g}"]
        return "\n".join(lines)


def distance(
    inner: Inner,
    w_0: Array,
    w_T: Array,
    a: Array,
    unsolved: float,
    layout: Layout,
    end: Convergence,
) -> float:
    """The bound of `Convergence.of`; `end` without it."""
    T, r, least = end.T, end.rate, end.least
    norm_a = float(np.linalg.norm(a))
    q = inner.solved(w_T, a, 1e-6 * norm_a, 10 * a.size + 1000)
    apart = float(np.linalg.norm(w_0 - w_T)) or 1.0
    M = norm_of_mixed(inner, [w_T], layout)
    L_M = norm_of_mixed(inner, [w_T, w_0], layout) / apart
    L = L_M + norm_of_change(inner, w_0, w_T) / apart * M / least
    eta, *mu = (float(rate) for rate in inner.problem.dynamics.at(T, inner.lam))
    longer = 1 / (1 - mu[0]) if mu else 1.0
    drift = norm_a * (apart + end.to_minimum) * longer
    return (
        r**T * (float(np.linalg.norm(q)) * M + norm_a)
        + drift * T * r ** (T - 1) * (eta * L + end.largest)
        + drift * eta * L * r**T / (1 - r)
        + unsolved * norm_a * M / least
    )


def contraction(inner: Inner, least: float, largest: float) -> float:
    """Spectral radius of A_T: the larger of those along the two ends of the spectrum of H."""
    dynamics = inner.problem.dynamics
    if type(dynamics) not in AUTONOMOUS:
        return np.nan
    radii = []
    for curvature in (least - inner.decay, largest - inner.decay):
        one = copy.copy(dynamics)
        one.J = Quadratic([[curvature]], [0.0])
        k = len(one.state)
        A = one.jvp(inner.problem.T, np.zeros(k), inner.lam, np.eye(k), {})
        radii.append(np.abs(np.linalg.eigvals(A)).max())
    return float(max(radii))


# --- spectra ---


def curvatures(inner: Inner, w: Array) -> tuple[float, float]:
    """(least, largest) eigenvalue of H."""
    from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

    p = w.size
    if p <= SMALL:
        H = np.stack([inner.curved(w, e) for e in np.eye(p)])
        spectrum = np.linalg.eigvalsh(H)
        return float(spectrum[0]), float(spectrum[-1])
    operator = LinearOperator((p, p), matvec=lambda u: inner.curved(w, u), dtype=float)
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


def largest_curvature(inner: Inner, w: Array) -> float:
    """The largest eigenvalue of H, or a little more: 1/L is a safe step."""
    return 1.02 * power(lambda u: inner.curved(w, u), w.size, 30)


def norm_of_mixed(inner: Inner, weights: list[Array], layout: Layout) -> float:
    """‖M(w)‖, or ‖M(w) − M(w')‖ for two weights."""
    signs = (1.0, -1.0)

    def square(x: Array) -> Array:
        blocks = {n: b for n, b in layout.split(x).items() if n in inner.J.hyper(inner.problem.p)}
        pairs = list(zip(signs, weights, strict=False))
        u = np.sum([sign * inner.along(w, blocks) for sign, w in pairs], axis=0)
        back = layout.zeros(like=x)
        for sign, w in pairs:
            for name, block in inner.mixed(w, u).items():
                back[name] += sign * block
        return layout.flatten(back)

    return float(np.sqrt(power(square, layout.size, 30)))


def norm_of_change(inner: Inner, w: Array, other: Array) -> float:
    """‖H(w) − H(w')‖."""
    return power(lambda u: inner.curved(w, u) - inner.curved(other, u), w.size, 30)


def power(product: Callable[[Array], Array], size: int, rounds: int) -> float:
    """The largest eigenvalue in absolute value of a symmetric map, from below."""
    u = np.random.default_rng(0).standard_normal(size)
    found = 0.0
    for _ in range(rounds):
        length = np.linalg.norm(u)
        if length == 0:
            return 0.0
        u = product(u / length)
        found = float(np.linalg.norm(u))
    return found
