"""HOAG: implicit gradients from an inner problem and a linear system solved approximately."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from hgref.arguments import Array, as_array, as_count, require_callable, require_known
from hgref.descent import Path, anywhere, projected
from hgref.hypergradient.implicit import limit_gradient
from hgref.hypergradient.inner import Inner
from hgref.layout import Layout
from hgref.problem import Problem
from hgref.run import Run

# the tolerance ε_k as a function of ε_1 and k
TOLERANCES: dict[str, Callable[[float, int], float]] = {
    "exponential": lambda first, k: first * 0.9 ** (k - 1),
    "quadratic": lambda first, k: first / k**2,
    "cubic": lambda first, k: first / k**3,
}
LONGER, SHORTER = 1.05, 0.5  # factors on the step size after an accepted and after a rejected step
LEAST_TOLERANCE = 1e-10  # a smaller tolerance is lost in rounding
LEAST_STEP = 1e-12  # relative to the first step; the run ends when steps get smaller
INNER_ITERATIONS, SOLVER_ITERATIONS = 10_000, 10_000


@dataclass(frozen=True, eq=False)
class Hoag(Path):
    """The result of `hoag`: the path of λ over the hyper-iterations k = 0 … K.

    lam       (K+1, m) λ_0 … λ_K
    f         (K+1,) E at the approximate weights of each point; its error is about ‖q‖ · tol
    tol       (K+1,) the tolerance ε at each point
    step      (K,) the step sizes that led to λ_1 … λ_K; rejected steps are left out
    products  the number of products with H, in total
    w         (p,) the weights at λ_K
    layout    the positions of the blocks in λ

    Example
        >>> J = hgref.objectives.Quadratic(np.eye(2), np.ones(2)) + hgref.objectives.L2()
        >>> E = hgref.objectives.Quadratic(np.eye(2), np.full(2, 0.5))
        >>> problem = hgref.Problem(hgref.GradientDescent(J), E, T=10)
        >>> run = hgref.outer.hoag(problem, {"eta": 0.1, "l2": 0.2}, iterations=5)
        >>> run.lam.shape, run.step.shape, run.w.shape
        ((6, 2), (5,), (2,))
    """

    lam: Array
    f: Array
    tol: Array
    step: Array
    products: int
    w: Array
    layout: Layout


def hoag(
    problem: Problem,
    lam: Any,
    project: Callable[[Array], Array] | None = None,
    iterations: int = 50,
    tol: float = 0.1,
    decrease: str = "exponential",
    wrt: Iterable[str] | None = None,
    progress: Callable[[Iterable[int]], Iterable[int]] | None = None,
) -> Hoag:
    """min E(w*(λ), λ) over Λ with w*(λ) = argmin J(·, λ), by approximate implicit gradients.

        ‖∇J(w_k, λ_k)‖ <= ε_k       by L-BFGS from w_{k-1}
        ‖∇E − q_k H‖ <= ε_k         by conjugate gradients from q_{k-1}
        λ_{k+1} = P_Λ(λ_k − a_k (∂E/∂λ − q_k M))

        ε_k = ε_1 0.9^{k-1} (exponential), ε_1 / k² (quadratic), ε_1 / k³ (cubic), but >= 1e-10

    The step size a_k is adaptive. A step is accepted if E falls by at least ½ ‖λ_{k+1} − λ_k‖² /
    a_k, up to the error ‖q‖ ε of E at both ends; the next step size is then 5 % larger. Otherwise
    the step is rejected and its size halved.

    problem     provides J, E and the starting point w0; its dynamics and T are not used
    lam         (m,) λ_0, or a mapping of names; it is projected first
    project     P_Λ, a function of a flat λ; default: no constraint
    iterations  K, the number of accepted steps
    tol         ε_1
    decrease    "exponential", "quadratic" or "cubic"
    wrt         names of the blocks to learn; default: all
    progress    a wrapper of the iterations, such as tqdm.tqdm
    returns     Hoag: the paths of λ, f, tolerances and step sizes; shorter than K if no step
                reduces E
    Raises      ValueError for an invalid λ or tolerance, or if J has mini-batches; TypeError if the
                dynamics do not converge to a minimum of J; Diverged if E is not finite
    Cost        at each point, as many gradients of J and products with H as the tolerance
                requires; memory O(p + m)
    Exact       in the limit: the errors are of order ε_k and summable, so the path converges to a
                stationary point of the limit problem
    Beware      J must have a unique minimum. The limit T → ∞ does not depend on η, μ or w0: their
                gradient is zero and they keep their values
    Source      Pedregosa 2016, "Hyperparameter optimization with approximate gradient", Algorithm 1
                and section 3 (tolerances; adaptive step size, there with another growth rule)

    Example
        >>> J = hgref.objectives.Quadratic(np.eye(2), np.ones(2)) + hgref.objectives.L2()
        >>> E = hgref.objectives.Quadratic(np.eye(2), np.full(2, 0.5))
        >>> problem = hgref.Problem(hgref.GradientDescent(J), E, T=10)
        >>> run = hgref.outer.hoag(problem, {"eta": 0.1, "l2": 0.2}, iterations=60, tol=1e-3)
        >>> run.best.round(1).tolist()  # E is least where w* = 1 / (1 + l2) = 0.5
        [0.1, 1.0]
    """
    require_known(decrease, TOLERANCES, "decrease")
    if not as_array("tol", tol, ()) > 0:
        raise ValueError(f"tol: expected a number > 0, found {tol}")
    as_count("iterations", iterations, 1)
    search = Search(problem, lam, anywhere if project is None else project, wrt)
    search.look(search.run_0, tol)
    todo: Iterable[int] = range(1, iterations + 1)
    for k in todo if progress is None else progress(todo):
        if not search.descend(max(TOLERANCES[decrease](tol, k + 1), LEAST_TOLERANCE)):
            break
    return search.path()


class Search:
    """The state of HOAG: the points so far, and the w and q from which the solvers start."""

    def __init__(
        self,
        problem: Problem,
        lam: Any,
        project: Callable[[Array], Array],
        wrt: Iterable[str] | None,
    ):
        require_callable("project", project)
        self.problem, self.project = problem, project
        self.run_0 = projected(problem, project, problem.read(lam).point)
        self.layout = self.run_0.layout
        moved = self.layout.zeros(like=np.zeros(0))
        for name in self.layout.shapes if wrt is None else self.layout.select(wrt).shapes:
            moved[name] += 1
        self.moved = self.layout.flatten(moved)
        self.w, self.q = problem.dynamics.weights(self.run_0.start()), np.zeros(problem.p)
        self.points: list[tuple[Array, float, float]] = []  # λ, f, ε
        self.steps: list[float] = []
        self.products = 0
        self.step = self.first = 0.0

    def look(self, run: Run, tol: float) -> None:
        """f and the gradient at the run's λ, kept as the last point."""
        inner = Inner(run)
        w = minimum(inner, self.w, tol)
        s = run.dynamics.start(w)
        row, direct = run.error_grad(run.T, s)
        end = inner.at(w)
        q = end.solved(run.dynamics.weights(row), tol, SOLVER_ITERATIONS, self.q)
        grad = limit_gradient(run, direct, end.mixed(-q))
        self.products += inner.products
        self.points.append((run.point, float(run.error(run.T, s)), tol))
        self.w, self.q, self.grad = w, q, grad * self.moved
        self.unsure = float(np.linalg.norm(q)) * tol  # E(w) − E(w*) = q ∇J(w) in first order

    def descend(self, tol: float) -> bool:
        """Add the next point; False if no step of useful size reduces E."""
        lam, f, _ = self.points[-1]
        before = self.w, self.q, self.grad, self.unsure
        if not self.first:  # a tenth of the length of λ: a guess
            length = max(float(np.linalg.norm(lam)), 1.0)
            self.step = self.first = 0.1 * length / (float(np.linalg.norm(self.grad)) or 1.0)
        while self.step > LEAST_STEP * self.first:
            near = projected(self.problem, self.project, lam - self.step * before[2])
            moved = float(np.linalg.norm(near.point - lam))
            if moved == 0:
                return False
            self.look(near, tol)
            slack = self.unsure + before[3]
            if self.points[-1][1] <= f - moved**2 / (2 * self.step) + slack:
                self.steps.append(self.step)
                self.step *= LONGER
                return True
            self.points.pop()
            self.w, self.q, self.grad, self.unsure = before
            self.step *= SHORTER
        return False

    def path(self) -> Hoag:
        lams, f, tols = (np.array(column) for column in zip(*self.points, strict=True))
        return Hoag(lams, f, tols, np.array(self.steps), self.products, self.w, self.layout)


def minimum(inner: Inner, w: Array, tol: float) -> Array:
    """argmin J(·, λ) to ‖∇J‖ <= tol, starting at w."""
    from scipy.optimize import minimize

    def grad(w: Array) -> Array:
        return inner.at(w).grad

    if np.linalg.norm(grad(w)) <= tol:
        return w
    options = {"gtol": tol / np.sqrt(w.size), "ftol": 0.0, "maxiter": INNER_ITERATIONS}
    options["maxfun"] = 2 * INNER_ITERATIONS
    return minimize(inner.value, w, jac=grad, method="L-BFGS-B", options=options).x
