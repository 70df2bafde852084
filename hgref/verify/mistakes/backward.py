"""Mistakes of the backward pass."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from hgref import laws
from hgref.arguments import Array
from hgref.dynamics.momentum import Momentum
from hgref.layout import Blocks
from hgref.objectives.objective import Objective
from hgref.problem import Problem
from hgref.verify.mistakes.mistake import Mistake
from hgref.verify.mistakes.plan import Plan, altered, each_term, has_batches, with_dynamics, with_J

Plans = Iterator[tuple[str, Plan]]


def jacobians_after_the_step(plan: Plan) -> Plans:
    yield "", plan.changed(shift=1)


def late_B(plan: Plan) -> Plans:
    yield "", plan.changed(late=True)


def truncated(plan: Plan) -> Plans:
    if plan.problem.T > 1:
        yield "", plan.changed(every_K=True)


class NoHessian(Objective):
    """J whose products with H are dropped; M stays."""

    def __init__(self, J: Objective):
        self.exact, self.p = J, J.p

    def grad(self, t: int, w: Array, lam: Blocks) -> Array:
        return self.exact.grad(t, w, lam)

    def grad_vjp(self, t: int, w: Array, lam: Blocks, u: Array) -> tuple[Array, Blocks]:
        return np.zeros_like(u), self.exact.grad_vjp(t, w, lam, u)[1]


class NoMixed(NoHessian):
    """J whose products with M are dropped; H stays."""

    def grad_vjp(self, t: int, w: Array, lam: Blocks, u: Array) -> tuple[Array, Blocks]:
        return self.exact.grad_vjp(t, w, lam, u)[0], {}


class LookedAhead(NoHessian):
    """J whose products are taken at w − η g instead of at w."""

    def grad_vjp(self, t: int, w: Array, lam: Blocks, u: Array) -> tuple[Array, Blocks]:
        eta = lam["eta"][t - 1] if lam["eta"].ndim else lam["eta"]
        return self.exact.grad_vjp(t, w - eta * self.exact.grad(t, w, lam), lam, u)


def products_at_another_iterate(plan: Plan) -> Plans:
    yield (
        "w − η g for w",
        plan.changed(adjoint=with_J(plan.adjoint or plan.problem, LookedAhead(plan.J))),
    )


def first_order(plan: Plan) -> Plans:
    yield "", plan.changed(adjoint=with_J(plan.adjoint or plan.problem, NoHessian(plan.J)))


def no_mixed_term(plan: Plan) -> Plans:
    if plan.J.hyper(plan.problem.p):
        yield "", plan.changed(adjoint=with_J(plan.adjoint or plan.problem, NoMixed(plan.J)))


def frozen_accessory(plan: Plan) -> Plans:
    state = plan.dynamics.state
    for j in range(len(state) - 1):
        names = [state[j]] if len(state) > 2 else list(state[:-1])
        yield ", ".join(names), plan.changed(alter=(*plan.alter, cutting([j])))
    if len(state) > 2:
        both = list(range(len(state) - 1))
        yield ", ".join(state[:-1]), plan.changed(alter=(*plan.alter, cutting(both)))


def cutting(blocks: list[int]) -> Callable[[Problem, Array], Array]:
    def cut(problem: Problem, alpha: Array) -> Array:
        alpha = alpha.copy()
        problem.dynamics.split(alpha)[blocks] = 0
        return alpha

    return cut


class FirstDetached(Momentum):
    """The velocity's first gradient is a constant to the backward pass."""

    def vjp(self, t: int, s: Array, lam: Blocks, alpha: Array) -> tuple[Array, Blocks]:
        if t > 1:
            return super().vjp(t, s, lam, alpha)
        law = self.law(t, s, lam)
        _, mu, keep, decay, _ = law[3:]
        b_v, b_w, b_g, b_eta, b_mu = laws.momentum_vjp(*law, *self.split(alpha))
        b_next = keep * b_v / mu  # what v' = μ v + κ h was asked for
        direct = b_g - b_next  # of h beside v': Nesterov's
        uH, uM = self.J.grad_vjp(t, law[1], lam, direct)
        shares = self.cotangents_at(t, lam, b_eta, b_mu)
        return np.concatenate([b_v, b_w - decay * b_next + uH]), {**uM, **shares}


def first_velocity(plan: Plan) -> Plans:
    if type(plan.dynamics) is Momentum and np.all(plan.lam["mu"]):
        detached = altered(plan.dynamics, FirstDetached)
        yield "", plan.changed(adjoint=with_dynamics(plan.adjoint or plan.problem, detached))


def no_direct_term(plan: Plan) -> Plans:
    s_T = plan.dynamics.start(plan.problem.w0)
    if plan.problem.error_grad(plan.problem.T, s_T, plan.lam)[1]:
        yield "", plan.changed(direct=False)


def only_direct_term(plan: Plan) -> Plans:
    s_T = plan.dynamics.start(plan.problem.w0)
    if plan.problem.error_grad(plan.problem.T, s_T, plan.lam)[1]:
        yield "", plan.changed(alter=(*plan.alter, cutting(list(range(len(plan.dynamics.state))))),
                               adjoint=with_J(plan.problem, NoMixed(plan.J)))  # fmt: skip


def other_batches(plan: Plan) -> Plans:
    tables: dict[str, Callable[[Array], Any]] = {"one step later": lambda b: np.roll(b, -1, axis=0),
              "one step earlier": lambda b: np.roll(b, 1, axis=0),
              "in reverse order": lambda b: b[::-1],
              "all examples": lambda b: None}  # fmt: skip
    if not any(has_batches(term) for term in plan.J.terms()):
        return
    for variant, table in tables.items():
        J = each_term(plan.J, functools.partial(rebatched, table))
        yield variant, plan.changed(adjoint=with_J(plan.adjoint or plan.problem, J))


def rebatched(table: Callable[[Array], Any], term: Objective) -> Objective:
    if not has_batches(term):
        return term
    term = copy.copy(term)
    term.features = copy.copy(term.features)  # type: ignore[attr-defined]
    term.features.batches = table(term.features.batches)  # type: ignore[attr-defined]
    return term


BACKWARD = [
    Mistake(
        "first-order",
        "the product with the Hessian of the training loss was dropped",
        "α_t is carried back by I instead of A_t: only the immediate effect of λ counts",
        "missing create_graph (mrcl, issue 15); DARTS' first-order variant",
        first_order,
    ),
    Mistake(
        "jacobians-at-s_t",
        "A_t and B_t were taken at the state after the step, s_t, not before it",
        "every product is one step late; the error shrinks as training converges",
        "hand-written backward loops that update first and differentiate then",
        jacobians_after_the_step,
    ),
    Mistake(
        "products-at-another-iterate",
        "the products with H and M were taken at the looked-ahead weights w − η g, not at w",
        "the gradient of the step is right, its derivative belongs to another point",
        "DARTS, issue 21 (Hessian product at the wrong iterate)",
        products_at_another_iterate,
    ),
    Mistake(
        "B-one-step-late",
        "B_t was multiplied by α_{t-1} instead of α_t",
        "the derivative with respect to λ is off by one step",
        "hand-written backward loops",
        late_B,
    ),
    Mistake(
        "truncated",
        "only the last K steps were differentiated",
        "what λ did in the early steps is missing",
        "truncated back-propagation taken for the whole gradient, in several libraries",
        truncated,
    ),
    Mistake(
        "mixed-term-dropped",
        "the direct dependence of the training gradient on λ (M = ∂²J/∂w∂λ) was dropped",
        "hyperparameters of the objective get no gradient from the run",
        "hyperparameters detached from the training loss",
        no_mixed_term,
    ),
    Mistake(
        "accessory-state-detached",
        "velocities or running means were treated as constants in the backward pass",
        "the memory of the optimizer carries no derivative",
        "the RFHO authors' comment: two ways disagree for some strange reason",
        frozen_accessory,
    ),
    Mistake(
        "first-velocity-detached",
        "the first gradient went into the velocity as a constant",
        "what λ and w0 did to g_1 is lost, in every later step too",
        "torch.optim.SGD(differentiable=True) clones and detaches it; hypergrad's diff_sgd",
        first_velocity,
    ),
    Mistake(
        "direct-term-forgotten",
        "∂E/∂λ was forgotten, though E depends on λ directly",
        "the gradient lacks one constant term",
        "FAR-HO, issue 6",
        no_direct_term,
    ),
    Mistake(
        "only-direct-term",
        "only ∂E/∂λ was returned; nothing went through the training run",
        "the trained state was detached",
        "a .detach() or stop_gradient on the final weights",
        only_direct_term,
    ),
    Mistake(
        "other-batches",
        "the backward pass saw other mini-batches than the forward pass",
        "A_t and B_t belong to another training run",
        "RFHO, commit 'FIXED SERIOUS BUG'",
        other_batches,
    ),
]
