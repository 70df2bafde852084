"""The gradient in the limit T → ∞, by the implicit function theorem."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from hgref.arguments import Array, as_array, as_count, require_known
from hgref.hypergradient.convergence import Convergence, largest_curvature
from hgref.hypergradient.inner import AUTONOMOUS, Inner
from hgref.hypergradient.reverse import add
from hgref.layout import Blocks, Layout
from hgref.problem import Hypergradient, Problem


@dataclass(frozen=True, eq=False)
class Implicit(Hypergradient):
    """The gradient in the limit, and how far the run was from there.

    residual     ‖∇J(w_T)‖, zero in the limit
    unsolved     ‖∇E − q H‖ / ‖∇E‖ that the solver left
    products     with H (or with A, for fixed_point) that it took
    convergence  least and largest curvature, rate, distances; computed when asked for. Printable
    """

    residual: float = 0.0
    unsolved: float = 0.0
    products: int = 0
    how: Callable[[], Convergence] | None = None

    @cached_property
    def convergence(self) -> Convergence:
        """How far from the limit w_T is, and the finite-T hypergradient from this one."""
        assert self.how is not None
        return self.how()


def implicit(
    problem: Problem,
    lam: Any,
    solver: str = "cg",
    tol: float = 1e-10,
    iterations: int | None = None,
) -> Implicit:
    """The gradient of lim f(λ) for T → ∞, at the weights that T steps have reached.

        ∇J(w*(λ), λ) = 0,    q H = ∇E,    ∇f(λ) = ∂E/∂λ − q M,    H = ∇²_ww J,  M = ∇²_wλ J

        cg           q by conjugate gradients                     H positive semidefinite
        neumann      q = (1/L) Σ_k ∇E (I − H/L)^k                 L the largest curvature
        fixed_point  α = ∇E + α A,  ∇f(λ) = ∂E/∂λ + α B           the dynamics' own A_T, B_T  (11)

    lam         (m,) the point λ, or a mapping of names
    solver      "cg", "neumann", or "fixed_point" (GradientDescent and Momentum)
    tol         ‖∇E − q H‖ / ‖∇E‖ (for fixed_point ‖∇E − α (I − A)‖ / ‖∇E‖) to stop at
    iterations  products that the solver may take; default 10 p, at least 1000 (cg), 100 000
    returns     Implicit: a Hypergradient with .residual, .unsolved, .products, .convergence
    Raises      ValueError for a bad λ, solver or mini-batches, TypeError for dynamics that do
                not stop at a minimum of J, ArithmeticError where tol is not reached, Diverged
    Cost        T steps and the solver's products: some √κ of them for cg, κ for neumann, where κ
                is the condition of H; for fixed_point those that the dynamics itself needs.
                Memory O(d), nothing of the run is kept
    Exact       not for finite T: it is another gradient, that of the limit. It differs from the
                limit's by O(‖w_T − w*‖) and from `reverse` by O(T r^T), r the rate at which
                training converges: `.convergence` tells both
    Beware      η, μ and all that belongs to the dynamics get exactly 0, and so does w0: the
                minimum does not depend on them, unless J has several
    Source      Bengio 2000, "Gradient-based optimization of hyperparameters"; Pedregosa 2016 (cg);
                Lorraine, Vicol, Duvenaud 2020 (neumann); Grazzi et al. 2020 (fixed_point)
    """
    require_known(solver, SOLVERS, "solver")
    if not 0 < as_array("tol", tol, ()) < 1:
        raise ValueError(f"tol: expected a number in (0, 1), found {tol}")
    lam, layout = problem.point(lam)
    inner, s_0 = Inner(problem, lam), problem.start(lam)
    if iterations is None:
        iterations = max(1000, 10 * problem.p) if solver == "cg" else 100_000
    as_count("iterations", iterations, 1)
    s = problem.last_state(lam)
    row, direct = problem.error_grad(problem.T, s, lam)
    share, unsolved = SOLVERS[solver](inner, s, row, tol, iterations)
    used = inner.products
    if not unsolved <= tol:
        raise ArithmeticError(
            f"{solver}: expected ‖∇E − q H‖ <= {tol:g} ‖∇E‖, found {unsolved:.2g} after {used} "
            f"products with H; train longer, allow more iterations or a larger tol, and see "
            f"whether J is convex there"
        )
    w_0, w_T, a = (problem.dynamics.weights(x) for x in (s_0, s, row))
    return Implicit(
        problem.error(problem.T, s, lam),
        limit_gradient(problem, layout, direct, share),
        s,
        layout,
        residual=float(np.linalg.norm(inner.grad(w_T))),
        unsolved=float(unsolved),
        products=used,
        how=lambda: Convergence.of(Inner(problem, lam), w_0, w_T, a, unsolved, layout),
    )


def limit_gradient(problem: Problem, layout: Layout, direct: Blocks, share: Blocks) -> Array:
    """∂E/∂λ and the solver's share, (m,); zero for what belongs to the dynamics."""
    grad = layout.zeros(like=np.zeros(0))
    add(grad, direct)
    add(grad, {n: block for n, block in share.items() if n not in problem.dynamics.names})
    problem.require_finite("∇f", 0, grad)
    return layout.flatten(grad)


# --- the solvers: (−q M or α B, what is unsolved) ---


def by_cg(inner: Inner, s: Array, row: Array, tol: float, iterations: int) -> tuple[Blocks, float]:
    w, a = (inner.problem.dynamics.weights(x) for x in (s, row))
    q = inner.solved(w, a, tol * float(np.linalg.norm(a)), iterations)
    return inner.mixed(w, -q), relative(a - inner.curved(w, q), a)


def by_neumann(
    inner: Inner, s: Array, row: Array, tol: float, iterations: int
) -> tuple[Blocks, float]:
    w, a = (inner.problem.dynamics.weights(x) for x in (s, row))
    largest = largest_curvature(inner, w)
    q, rest = np.zeros_like(a), a
    for _ in range(iterations):
        if relative(rest, a) <= tol:
            break
        q = q + rest / largest
        rest = a - inner.curved(w, q)
    return inner.mixed(w, -q), relative(rest, a)


def by_fixed_point(
    inner: Inner, s: Array, row: Array, tol: float, iterations: int
) -> tuple[Blocks, float]:
    problem, lam = inner.problem, inner.lam
    if type(problem.dynamics) not in AUTONOMOUS:
        raise TypeError(
            f"fixed_point: expected GradientDescent or Momentum, whose step is the same map at "
            f"every t, found {type(problem.dynamics).__name__}; use cg or neumann"
        )
    alpha, moved = row, np.inf
    for _ in range(iterations):
        inner.products += 1
        with np.errstate(all="ignore"):
            alpha_A, share = problem.dynamics.vjp(problem.T, s, lam, alpha)
        moved = relative(row + alpha_A - alpha, row)
        if moved <= tol or not np.isfinite(moved):
            break
        alpha = row + alpha_A
    return share, moved


def relative(rest: Array, a: Array) -> float:
    return float(np.linalg.norm(rest) / (np.linalg.norm(a) or 1.0))


SOLVERS = {"cg": by_cg, "neumann": by_neumann, "fixed_point": by_fixed_point}
