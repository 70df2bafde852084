"""How close a training run is to its limit, and what this means for its hypergradient."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace

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
    bound       on ‖∇f(λ) − implicit‖, see `Convergence.of`; NaN if the rate is
    """

    T: int
    residual: float
    least: float
    largest: float
    rate: float
    to_minimum: float
    bound: float

    @classmethod
    def of(cls, inner: Inner, w_0: Array, w_T: Array, a: Array, unsolved: float) -> Convergence:
        """From the weights at both ends, a = ∇E(w_T), and ‖a − q H‖ / ‖a‖.

            ‖∇f(λ) − implicit‖ <= r^T (‖q‖ ‖M‖ + ‖a‖)                         1
                                  + ‖a‖ D T r^{T-1} (η' L + largest η' / η)     2
                                  + ‖a‖ D η' L r^T / (1 − r)                    3
                                  + ‖a − q H‖ ‖M‖ / least                       4
            a = q H,   D = ‖w_0 − w_T‖ + ‖w_T − w*‖,   L = L_M + L_H ‖M‖ / least,   η' = η / (1 − μ)

        1: the start is not fully forgotten after T steps; 2: A_t and B_t differed from those at the
        minimum, and η and μ still mattered; 3: w_T is not w*; 4: the error of the solver.

        Exact    a bound for GradientDescent if J is quadratic in w and M changes equally in all
                 directions (L2). Otherwise an estimate: the Lipschitz constants L_M, L_H are
                 measured only between w_0 and w_T, and Momentum may be slower than r^T at first
        Beware   a product of norms: usually 10² to 10⁵ times the distance, with the right slope.
                 r belongs to the least curvature, which a run from w_0 = 0 may never meet
        Source   the sum of (10) at the fixed point, compared term by term; Grazzi et al. 2020,
                 Theorem 2.1, has the same orders
        """
        last = inner.at(w_T)
        least, largest = curvatures(last)
        least = 0.0 if abs(least) < 1e-12 * largest else least  # rounding
        r = contraction(inner, least, largest)
        residual = float(np.linalg.norm(last.grad))
        to_minimum = residual / least if least > 0 else np.inf
        bound = np.nan if np.isnan(r) else np.inf
        end = cls(inner.run.T, residual, least, largest, r, to_minimum, bound)
        if least > 0 and r < 1:
            return replace(end, bound=distance(inner.at(w_0), last, a, unsolved, end))
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


def distance(first: InnerAt, last: InnerAt, a: Array, unsolved: float, end: Convergence) -> float:
    """The bound of `Convergence.of`, from J at w_0 and w_T; `end` does not have it yet."""
    T, r, least = end.T, end.rate, end.least
    norm_a = float(np.linalg.norm(a))
    q = last.solved(a, 1e-6 * norm_a, 10 * a.size + 1000)
    apart = float(np.linalg.norm(first.w - last.w)) or 1.0
    M = norm_of_mixed([last])
    L_M = norm_of_mixed([last, first]) / apart
    L = L_M + norm_of_change(first, last) / apart * M / least
    dynamics = last.inner.run.dynamics
    eta, *mu = map(np.max, dynamics.rates_at(T, last.inner.run.lam).values())
    longer = 1 / (1 - mu[0]) if mu else 1.0
    drift = norm_a * (apart + end.to_minimum) * longer
    return (
        r**T * (float(np.linalg.norm(q)) * M + norm_a)
        + drift * T * r ** (T - 1) * (eta * L + end.largest)
        + drift * eta * L * r**T / (1 - r)
        + unsolved * norm_a * M / least
    )


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


def norm_of_mixed(points: list[InnerAt]) -> float:
    """‖M(w)‖, or ‖M(w) − M(w')‖ for two points."""
    run = points[0].inner.run
    pairs = list(zip((1.0, -1.0), points, strict=False))
    own = run.dynamics.J.hyper(run.problem.p)

    def square(x: Array) -> Array:
        blocks = {n: b for n, b in run.layout.split(x).items() if n in own}
        u = np.sum([sign * at.along(blocks) for sign, at in pairs], axis=0)
        back = run.layout.zeros(like=x)
        for sign, at in pairs:
            for name, block in at.mixed(u).items():
                back[name] += sign * block
        return run.layout.flatten(back)

    return float(np.sqrt(power(square, run.layout.size, 30)))


def norm_of_change(first: InnerAt, last: InnerAt) -> float:
    """‖H(w_0) − H(w_T)‖."""
    return power(lambda u: first.curved(u) - last.curved(u), last.w.size, 30)


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
