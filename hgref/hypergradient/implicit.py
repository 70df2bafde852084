"""The gradient in the limit T → ∞, by the implicit function theorem."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np

from hgref.arguments import Array, as_array, as_count, require_known
from hgref.hypergradient.convergence import Convergence, largest_curvature
from hgref.hypergradient.inner import AUTONOMOUS, MINIMISERS, Inner, InnerAt, require_whole
from hgref.hypergradient.reverse import add
from hgref.layout import Blocks
from hgref.problem import Hypergradient, Problem
from hgref.run import Run

VARIES = 1e-9  # by how much ∇J, or a step, may differ between steps, relative, and absolute


@dataclass(frozen=True, eq=False)
class Implicit(Hypergradient):
    """The gradient in the limit, and how far the run was from the limit.

    residual     ‖∇J(w_T)‖, or ‖Φ(s_T) − s_T‖ where the limit is not a minimum of J; zero in it
    unsolved     ‖∇E − q H‖ / ‖∇E‖ that the solver left
    products     number of products with H (or with A, for fixed_point)
    convergence  least and largest curvature, rate, distance; printable, computed on first use;
                 TypeError where the limit is not a minimum of J
    """

    residual: float = 0.0
    unsolved: float = 0.0
    products: int = 0
    how: Callable[[], Convergence] | None = None

    @cached_property
    def convergence(self) -> Convergence:
        """How far w_T is from the limit, and how fast it comes nearer."""
        if self.how is None:
            raise TypeError("convergence: known only of dynamics that minimise J; see .residual")
        return self.how()


def implicit(
    problem: Problem,
    lam: Any,
    solver: str | None = None,
    tol: float = 1e-10,
    iterations: int | None = None,
) -> Implicit:
    """The gradient of lim f(λ) for T → ∞, at the weights after T steps.

        ∇J(w*(λ), λ) = 0,    q H = ∇E,    ∇f(λ) = ∂E/∂λ − q M,    H = ∇²_ww J,  M = ∇²_wλ J

        cg           q by conjugate gradients                     H positive semidefinite
        neumann      q = (1/L) Σ_k ∇E (I − H/L)^k                 L the largest curvature
        fixed_point  α = ∇E + α A,  ∇f(λ) = ∂E/∂λ + α B           the dynamics' own A_T, B_T  (11)
        one-step     α = ∇E,        ∇f(λ) ≈ ∂E/∂λ + ∇E B          the same without A

    lam         (m,) the point λ, or a mapping of names
    solver      "cg", "neumann", "fixed_point" or "one-step"; default "cg" for GradientDescent,
                Momentum, Adam, RMSProp and AdaGrad, which stop at a minimum of J, and "fixed_point"
                for any other dynamics whose step is the same map at every t: Proximal, a StepMap,
                your own
    tol         ‖∇E − q H‖ / ‖∇E‖ (for fixed_point ‖∇E − α (I − A)‖ / ‖∇E‖) at which to stop
    iterations  products that the solver may use; default 10 p, at least 1000 (cg), or 100 000
    returns     Implicit: a Hypergradient with .residual, .unsolved, .products, .convergence
    Raises      ValueError for a bad λ, solver or mini-batches, and for a J or a step that varies
                with t; TypeError for cg and neumann where the limit is not a minimum of J,
                ArithmeticError if tol is not reached, Diverged
    Cost        T steps and the solver's products: about √κ for cg and κ for neumann, where κ is the
                condition number of H; for fixed_point, as many as training needs to converge.
                Memory O(d): no states are stored
    Exact       not for finite T: it is a different gradient, that of the limit. It differs from the
                limit's by O(‖w_T − w*‖) and from `reverse` by O(T r^T), where r is the rate at
                which training converges: see `.convergence`
    Beware      one-step is no solution: its error is of the size ‖A‖, see .unsolved, so it is good
                where training converges in very few steps. η, μ and w0 get exactly 0 where the
                limit is a minimum of J: it does not depend on them, unless J has several.
                fixed_point of another dynamics takes s_T for the limit: look at .residual, and
                train longer if it is not small
    Source      Bengio 2000, "Gradient-based optimization of hyperparameters"; Pedregosa 2016 (cg);
                Lorraine, Vicol, Duvenaud 2020 (neumann); Grazzi et al. 2020 (fixed_point); Bolte,
                Pauwels, Vaiter 2023 (one-step)

    Example
        >>> E = hgref.objectives.Quadratic(np.eye(2), [1.0, -2.0])
        >>> problem = hgref.Problem(hgref.GradientDescent(E + hgref.objectives.L2()), E, T=200)
        >>> hgref.implicit(problem, problem.pack(eta=0.1, l2=1.0)).grad.round(3).tolist()
        [0.0, 0.625]
    """
    run = problem.at(lam)
    if solver is None:
        solver = "cg" if type(run.dynamics) in MINIMISERS else "fixed_point"
    require_known(solver, SOLVERS, "solver")
    if not 0 < as_array("tol", tol, ()) < 1:
        raise ValueError(f"tol: expected a number in (0, 1), found {tol}")
    require_whole(run)
    if iterations is None:
        iterations = max(1000, 10 * problem.p) if solver == "cg" else 100_000
    as_count("iterations", iterations, 1)
    if solver not in OF_THE_STEP or type(run.dynamics) in AUTONOMOUS:
        return at_minimum(run, solver, tol, iterations)
    s = run.last_state()
    require_one_step(run, s)
    row, direct = run.error_grad(run.T, s)
    with np.errstate(all="ignore"):  # that it diverged is said next
        share, unsolved, used = OF_THE_STEP[solver](run, s, row, tol, iterations)
    require_solved(solver, unsolved, tol, used, "that the step is a contraction there")
    grad = gradient(run, direct, share)
    moved = float(np.linalg.norm(run.at(run.T, s).value - s))
    return Implicit(
        run.error(run.T, s), grad, s, run.layout, residual=moved, unsolved=unsolved, products=used
    )


def at_minimum(run: Run, solver: str, tol: float, iterations: int) -> Implicit:
    """`implicit` where the dynamics stops at a minimum of J."""
    inner, s = Inner(run), run.last_state()
    row, direct = run.error_grad(run.T, s)
    w_T, a = run.dynamics.weights(s), run.dynamics.weights(row)
    end = inner.at(w_T)
    require_one_J(run, w_T)
    with np.errstate(all="ignore"):  # that it diverged is said next
        if solver in OF_THE_STEP:
            share, unsolved, used = OF_THE_STEP[solver](run, s, row, tol, iterations)
        else:
            share, unsolved = OF_J[solver](end, a, tol, iterations)
            used = inner.products
    require_solved(solver, unsolved, tol, used, "that J is convex there")
    return Implicit(
        run.error(run.T, s),
        limit_gradient(run, direct, share),
        s,
        run.layout,
        residual=float(np.linalg.norm(end.grad)),
        unsolved=unsolved,
        products=used,
        how=partial(convergence_at, run, w_T),
    )


def convergence_at(run: Run, w: Array) -> Convergence:
    """A function of its own, so that the result of another process can be sent here."""
    return Convergence.of(Inner(run.untransformed()), w)


def require_solved(solver: str, unsolved: float, tol: float, used: int, what: str) -> None:
    """Raise ArithmeticError if the solver stopped too early."""
    if solver != "one-step" and not unsolved <= tol:
        raise ArithmeticError(
            f"{solver}: expected ‖∇E − q H‖ <= {tol:g} ‖∇E‖, found {unsolved:.2g} after {used} "
            f"products with H; train longer, allow more iterations or a larger tol, and check "
            f"{what}"
        )


def require_one_J(run: Run, w: Array) -> None:
    """Raise ValueError if ∇J at w depends on t: such a run has no limit."""
    J = run.dynamics.J
    if J.same_at_every_step:
        return
    last = J.grad(run.T, w, run.lam)
    for t in {1, max(run.T - 1, 1)}:
        require_same("J for all steps", "∇J", t, run.T, J.grad(t, w, run.lam), last)


def require_one_step(run: Run, s: Array) -> None:
    """Raise ValueError if the step at s, or its products with one row, depends on t."""
    row = np.random.default_rng(0).standard_normal(s.size)

    def seen(t: int) -> Array:
        step = run.at(t, s)
        alpha, share = step.vjp(row)
        return np.concatenate([step.value, alpha, *(np.ravel(b) for b in share.values())])

    last = seen(run.T)
    for t in {1, max(run.T - 1, 1)}:
        require_same("step for all t", type(run.dynamics).__name__, t, run.T, seen(t), last)


def require_same(what: str, name: str, t: int, T: int, found: Array, last: Array) -> None:
    off = np.abs(found - last).max(initial=0.0)
    if off > VARIES * np.abs(last).max(initial=0.0) + VARIES:
        raise ValueError(
            f"implicit: expected one {what}, found {name} at steps {t} and {T} apart by "
            f"{off:.1g}: such a run has no limit; use reverse"
        )


def gradient(run: Run, direct: Blocks, share: Blocks) -> Array:
    """∂E/∂λ plus the solver's share, (m,)."""
    grad = run.layout.zeros(like=np.zeros(0))
    add(grad, direct)
    add(grad, run.pull(share))
    run.require_finite("∇f", 0, grad)
    return run.layout.flatten(grad)


def limit_gradient(run: Run, direct: Blocks, share: Blocks) -> Array:
    """The same at a minimum of J, which does not depend on the dynamics' own hyperparameters."""
    own = run.dynamics.names
    return gradient(run, direct, {n: block for n, block in share.items() if n not in own})


# --- the solvers, at the last weights: (−q M or α B, the relative residual) ---


def by_cg(end: InnerAt, a: Array, tol: float, iterations: int) -> tuple[Blocks, float]:
    q = end.solved(a, tol * float(np.linalg.norm(a)), iterations)
    return end.mixed(-q), relative(a - end.curved(q), a)


def by_neumann(end: InnerAt, a: Array, tol: float, iterations: int) -> tuple[Blocks, float]:
    largest = largest_curvature(end)
    q, rest = np.zeros_like(a), a
    for _ in range(iterations):
        if relative(rest, a) <= tol:
            break
        q = q + rest / largest
        rest = a - end.curved(q)
    return end.mixed(-q), relative(rest, a)


def by_fixed_point(
    run: Run, s: Array, row: Array, tol: float, iterations: int
) -> tuple[Blocks, float, int]:
    """α B with α = ∇E + α A, the relative residual, and the number of products."""
    step, alpha, moved = run.at(run.T, s), row, np.inf
    for used in range(1, iterations + 1):  # noqa: B007 - the last one is returned
        alpha_A, share = step.vjp(alpha)
        moved = relative(row + alpha_A - alpha, row)
        if moved <= tol or not np.isfinite(moved):
            break
        alpha = row + alpha_A
    return share, moved, used


def by_one_step(
    run: Run, s: Array, row: Array, tol: float, iterations: int
) -> tuple[Blocks, float, int]:
    """∇E B, and what it leaves of α = ∇E + α A."""
    alpha_A, share = run.at(run.T, s).vjp(row)
    return share, relative(alpha_A, row), 1


def relative(rest: Array, a: Array) -> float:
    return float(np.linalg.norm(rest) / (np.linalg.norm(a) or 1.0))


OF_J = {"cg": by_cg, "neumann": by_neumann}
OF_THE_STEP = {"fixed_point": by_fixed_point, "one-step": by_one_step}
SOLVERS = {**OF_J, **OF_THE_STEP}
