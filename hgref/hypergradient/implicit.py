"""The gradient in the limit T → ∞, by the implicit function theorem."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from hgref.arguments import Array, as_array, as_count, require_known
from hgref.hypergradient.convergence import Convergence, largest_curvature
from hgref.hypergradient.inner import AUTONOMOUS, Inner, InnerAt
from hgref.hypergradient.reverse import add
from hgref.layout import Blocks
from hgref.objectives import Callback, Clipped, Objective
from hgref.problem import Hypergradient, Problem
from hgref.run import Run

VARIES = 1e-9  # by how much ∇J may differ between steps, relative, and absolute


@dataclass(frozen=True, eq=False)
class Implicit(Hypergradient):
    """The gradient in the limit, and how far the run was from the limit.

    residual     ‖∇J(w_T)‖, zero in the limit
    unsolved     ‖∇E − q H‖ / ‖∇E‖ that the solver left
    products     number of products with H (or with A, for fixed_point)
    convergence  least and largest curvature, rate, distances; printable, computed on first use
    """

    residual: float = 0.0
    unsolved: float = 0.0
    products: int = 0
    how: Callable[[], Convergence] | None = None

    @cached_property
    def convergence(self) -> Convergence:
        """How far w_T is from the limit, and the finite-T hypergradient from this one."""
        assert self.how is not None
        return self.how()


def implicit(
    problem: Problem,
    lam: Any,
    solver: str = "cg",
    tol: float = 1e-10,
    iterations: int | None = None,
) -> Implicit:
    """The gradient of lim f(λ) for T → ∞, at the weights after T steps.

        ∇J(w*(λ), λ) = 0,    q H = ∇E,    ∇f(λ) = ∂E/∂λ − q M,    H = ∇²_ww J,  M = ∇²_wλ J

        cg           q by conjugate gradients                     H positive semidefinite
        neumann      q = (1/L) Σ_k ∇E (I − H/L)^k                 L the largest curvature
        fixed_point  α = ∇E + α A,  ∇f(λ) = ∂E/∂λ + α B           the dynamics' own A_T, B_T  (11)

    lam         (m,) the point λ, or a mapping of names
    solver      "cg", "neumann", or "fixed_point" (GradientDescent and Momentum)
    tol         ‖∇E − q H‖ / ‖∇E‖ (for fixed_point ‖∇E − α (I − A)‖ / ‖∇E‖) at which to stop
    iterations  products that the solver may use; default 10 p, at least 1000 (cg), or 100 000
    returns     Implicit: a Hypergradient with .residual, .unsolved, .products, .convergence
    Raises      ValueError for a bad λ, solver or mini-batches, TypeError for dynamics that do
                not converge to a minimum of J, ArithmeticError if tol is not reached, Diverged
    Cost        T steps and the solver's products: about √κ for cg and κ for neumann, where κ is the
                condition number of H; for fixed_point, as many as training needs to converge.
                Memory O(d): no states are stored
    Exact       not for finite T: it is a different gradient, that of the limit. It differs from the
                limit's by O(‖w_T − w*‖) and from `reverse` by O(T r^T), where r is the rate at
                which training converges: see `.convergence`
    Beware      η, μ, w0 and everything else that belongs to the dynamics get exactly 0: the minimum
                does not depend on them, unless J has several
    Source      Bengio 2000, "Gradient-based optimization of hyperparameters"; Pedregosa 2016 (cg);
                Lorraine, Vicol, Duvenaud 2020 (neumann); Grazzi et al. 2020 (fixed_point)

    Example
        >>> E = hgref.objectives.Quadratic(np.eye(2), [1.0, -2.0])
        >>> problem = hgref.Problem(hgref.GradientDescent(E + hgref.objectives.L2()), E, T=200)
        >>> hgref.implicit(problem, problem.pack(eta=0.1, l2=1.0)).grad.round(3).tolist()
        [0.0, 0.625]
    """
    require_known(solver, SOLVERS, "solver")
    if not 0 < as_array("tol", tol, ()) < 1:
        raise ValueError(f"tol: expected a number in (0, 1), found {tol}")
    run = problem.at(lam)
    inner, s_0 = Inner(run), run.start()
    if iterations is None:
        iterations = max(1000, 10 * problem.p) if solver == "cg" else 100_000
    as_count("iterations", iterations, 1)
    s = run.last_state()
    row, direct = run.error_grad(run.T, s)
    w_0, w_T, a = (run.dynamics.weights(x) for x in (s_0, s, row))
    end = inner.at(w_T)
    require_one_J(run, w_T)
    share, unsolved = SOLVERS[solver](end, s, row, tol, iterations)
    used = inner.products
    if not unsolved <= tol:
        raise ArithmeticError(
            f"{solver}: expected ‖∇E − q H‖ <= {tol:g} ‖∇E‖, found {unsolved:.2g} after {used} "
            f"products with H; train longer, allow more iterations or a larger tol, and check "
            f"that J is convex there"
        )
    return Implicit(
        run.error(run.T, s),
        limit_gradient(run, direct, share),
        s,
        run.layout,
        residual=float(np.linalg.norm(end.grad)),
        unsolved=float(unsolved),
        products=used,
        how=lambda: Convergence.of(Inner(run), w_0, w_T, a, unsolved),
    )


def require_one_J(run: Run, w: Array) -> None:
    """Raise ValueError if ∇J at w depends on t: such a run has no limit."""
    J = run.dynamics.J
    if all(map(is_the_same_in_every_step, J.terms())):
        return
    last = J.grad(run.T, w, run.lam)
    for t in {1, max(run.T - 1, 1)}:
        off = np.abs(J.grad(t, w, run.lam) - last).max(initial=0.0)
        if off > VARIES * np.abs(last).max(initial=0.0) + VARIES:
            raise ValueError(
                f"implicit: expected one J for all steps, found ∇J at steps {t} and {run.T} apart "
                f"by {off:.1g}: such a run has no limit; use reverse"
            )


def is_the_same_in_every_step(part: Objective) -> bool:
    """Whether that is known of an objective: those of hgref that hold no function of a user's."""
    own = type(part).__module__.startswith("hgref.objectives.")
    return own and not isinstance(part, (Callback, Clipped))  # mini-batches are refused before


def limit_gradient(run: Run, direct: Blocks, share: Blocks) -> Array:
    """∂E/∂λ plus the solver's share, (m,); zero for the hyperparameters of the dynamics."""
    grad = run.layout.zeros(like=np.zeros(0))
    add(grad, direct)
    add(grad, {n: block for n, block in share.items() if n not in run.dynamics.names})
    run.require_finite("∇f", 0, grad)
    return run.layout.flatten(grad)


# --- the solvers, at the last weights: (−q M or α B, the relative residual) ---


def by_cg(end: InnerAt, s: Array, row: Array, tol: float, iterations: int) -> tuple[Blocks, float]:
    a = end.inner.run.dynamics.weights(row)
    q = end.solved(a, tol * float(np.linalg.norm(a)), iterations)
    return end.mixed(-q), relative(a - end.curved(q), a)


def by_neumann(
    end: InnerAt, s: Array, row: Array, tol: float, iterations: int
) -> tuple[Blocks, float]:
    a = end.inner.run.dynamics.weights(row)
    largest = largest_curvature(end)
    q, rest = np.zeros_like(a), a
    for _ in range(iterations):
        if relative(rest, a) <= tol:
            break
        q = q + rest / largest
        rest = a - end.curved(q)
    return end.mixed(-q), relative(rest, a)


def by_fixed_point(
    end: InnerAt, s: Array, row: Array, tol: float, iterations: int
) -> tuple[Blocks, float]:
    run = end.inner.run
    if type(run.dynamics) not in AUTONOMOUS:
        raise TypeError(
            f"fixed_point: expected GradientDescent or Momentum, whose step is the same map at "
            f"every t, found {type(run.dynamics).__name__}; use cg or neumann"
        )
    step, alpha, moved = run.at(run.T, s), row, np.inf
    for _ in range(iterations):
        end.inner.products += 1
        with np.errstate(all="ignore"):
            alpha_A, share = step.vjp(alpha)
        moved = relative(row + alpha_A - alpha, row)
        if moved <= tol or not np.isfinite(moved):
            break
        alpha = row + alpha_A
    return share, moved


def relative(rest: Array, a: Array) -> float:
    return float(np.linalg.norm(rest) / (np.linalg.norm(a) or 1.0))


SOLVERS = {"cg": by_cg, "neumann": by_neumann, "fixed_point": by_fixed_point}
