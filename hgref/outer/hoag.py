"""HOAG: the inner problem and the implicit gradient solved only as well as they need to be."""

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

# ε_k from ε_1 and k
TOLERANCES: dict[str, Callable[[float, int], float]] = {
    "exponential": lambda first, k: first * 0.9 ** (k - 1),
    "quadratic": lambda first, k: first / k**2,
    "cubic": lambda first, k: first / k**3,
}
LONGER, SHORTER = 1.05, 0.5  # what a step that was good, or was not, makes of the next
LEAST_TOLERANCE = 1e-10  # below it the inner solver would chase rounding
LEAST_STEP = 1e-12  # of the first one: below it there is no descent left
INNER_ITERATIONS, SOLVER_ITERATIONS = 10_000, 10_000


@dataclass(frozen=True, eq=False)
class Hoag(Path):
    """The path of HOAG over k = 0 … K hyper-iterations.

    lam       (K+1, m) λ_0 … λ_K
    f         (K+1,) E at the inner solutions, each as exact as its tolerance
    tol       (K+1,) the tolerance ε of each point
    step      (K,) the step that led to λ_1 … λ_K, those taken back left out
    products  with H, in all
    w         (p,) the weights at λ_K
    layout    where the blocks stand in λ
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

        ‖∇J(w_k, λ_k)‖ <= ε_k       from w_{k-1}, by L-BFGS
        ‖∇E − q_k H‖ <= ε_k         from q_{k-1}, by conjugate gradients
        λ_{k+1} = P_Λ(λ_k − a_k (∂E/∂λ − q_k M))

        ε_k = ε_1 0.9^{k-1} (exponential), ε_1 / k² (quadratic), ε_1 / k³ (cubic), but >= 1e-10

    The step a_k adapts: it grows by 5 % where E fell by at least ½ ‖λ_{k+1} − λ_k‖² / a_k, but for
    the ‖q‖ ε that E may be off by; otherwise the step is taken back and halved.

    problem     J and E, and w0 to begin at; its dynamics and T are not run
    lam         (m,) λ_0, or a mapping of names; projected first
    project     P_Λ of a flat λ; default: none
    iterations  K, steps that were taken back not counted
    tol         ε_1
    decrease    "exponential", "quadratic" or "cubic"
    wrt         names of the blocks that are learned; default all
    progress    wraps the iterations, as tqdm.tqdm does
    returns     Hoag: paths of λ, f, tolerances and steps. Ends early where no step descends
    Raises      ValueError for a bad λ, tolerance or mini-batches, TypeError for dynamics that
                do not stop at a minimum of J, Diverged where E is not finite
    Cost        at each point, gradients of J and products with H as the tolerance asks for;
                memory O(p + m)
    Exact       in the limit: errors of order ε_k are summable, and so the path converges to a
                stationary point of the limit problem
    Beware      the limit T → ∞ has no η, μ, w0: they stay as they are. J must have one minimum
    Source      Pedregosa 2016, "Hyperparameter optimization with approximate gradient", Algorithm 1
                and section 3 (tolerances; adaptive step, there with another rule of growth)
    """
    require_known(decrease, TOLERANCES, "decrease")
    if not as_array("tol", tol, ()) > 0:
        raise ValueError(f"tol: expected a number > 0, found {tol}")
    as_count("iterations", iterations, 1)
    search = Search(problem, lam, anywhere if project is None else project, wrt)
    search.look(search.lam_0, tol)
    todo: Iterable[int] = range(1, iterations + 1)
    for k in todo if progress is None else progress(todo):
        if not search.descend(max(TOLERANCES[decrease](tol, k + 1), LEAST_TOLERANCE)):
            break
    return search.path()


class Search:
    """Where HOAG is: the points so far, and weights w and a solution q to begin at."""

    def __init__(
        self,
        problem: Problem,
        lam: Any,
        project: Callable[[Array], Array],
        wrt: Iterable[str] | None,
    ):
        require_callable("project", project)
        self.problem, self.project = problem, project
        blocks, self.layout = problem.read(lam)
        self.lam_0 = projected(problem, self.layout, project, self.layout.flatten(blocks))
        moved = self.layout.zeros(like=np.zeros(0))
        for name in self.layout.shapes if wrt is None else self.layout.select(wrt).shapes:
            moved[name] += 1
        self.moved = self.layout.flatten(moved)
        self.w, self.q = problem.dynamics.weights(problem.start(blocks)), np.zeros(problem.p)
        self.points: list[tuple[Array, float, float]] = []  # λ, f, ε
        self.steps: list[float] = []
        self.products = 0
        self.step = self.first = 0.0

    def look(self, lam: Array, tol: float) -> None:
        """f and the gradient at λ, kept as the last point."""
        inner = Inner(self.problem, self.layout.split(lam))
        w = minimum(inner, self.w, tol)
        T, dynamics = self.problem.T, self.problem.dynamics
        s = dynamics.start(w)
        row, direct = self.problem.error_grad(T, s, inner.lam)
        q = inner.solved(w, dynamics.weights(row), tol, SOLVER_ITERATIONS, self.q)
        grad = limit_gradient(self.problem, self.layout, direct, inner.mixed(w, -q))
        self.products += inner.products
        self.points.append((lam, float(self.problem.error(T, s, inner.lam)), tol))
        self.w, self.q, self.grad = w, q, grad * self.moved
        self.unsure = float(np.linalg.norm(q)) * tol  # E(w) − E(w*) = q ∇J(w) in first order

    def descend(self, tol: float) -> bool:
        """The next point; False where no step of any use goes down."""
        lam, f, _ = self.points[-1]
        before = self.w, self.q, self.grad, self.unsure
        if not self.first:  # a tenth of λ's length, as nothing is known yet
            length = max(float(np.linalg.norm(lam)), 1.0)
            self.step = self.first = 0.1 * length / (float(np.linalg.norm(self.grad)) or 1.0)
        while self.step > LEAST_STEP * self.first:
            near = projected(self.problem, self.layout, self.project, lam - self.step * before[2])
            moved = float(np.linalg.norm(near - lam))
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
    """argmin J(·, λ) to ‖∇J‖ <= tol, beginning at w."""
    from scipy.optimize import minimize

    if np.linalg.norm(inner.grad(w)) <= tol:
        return w
    options = {"gtol": tol / np.sqrt(w.size), "ftol": 0.0, "maxiter": INNER_ITERATIONS}
    options["maxfun"] = 2 * INNER_ITERATIONS
    return minimize(inner.value, w, jac=inner.grad, method="L-BFGS-B", options=options).x
