"""Mistakes of the backward pass."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from hgref.arguments import Array
from hgref.at import At
from hgref.dynamics.dynamics import Dynamics
from hgref.dynamics.momentum import Momentum
from hgref.layout import Blocks
from hgref.objectives.objective import Objective
from hgref.verify.mistakes.computation import (
    Computation,
    Edited,
    altered,
    each_term,
    has_batches,
)
from hgref.verify.mistakes.mistake import Mistake

Wrongs = Iterator[tuple[str, Computation]]


def jacobians_after_the_step(base: Computation) -> Wrongs:
    yield "", base.changed(shift=1)


def late_B(base: Computation) -> Wrongs:
    yield "", base.changed(late=True)


def truncated(base: Computation) -> Wrongs:
    if base.run.T > 1:
        yield "", base.changed(every_K=True)


class NoHessian(Edited):
    """J without its products with H; those with M stay."""

    def edit(self, t: int, w: Array, lam: Blocks, exact: At) -> At:
        return exact._replace(vjp=lambda u: (np.zeros_like(u), exact.vjp(u)[1]))


class NoMixed(Edited):
    """J without its products with M; those with H stay."""

    def edit(self, t: int, w: Array, lam: Blocks, exact: At) -> At:
        def vjp(u: Array) -> tuple[Array, Blocks]:
            uH, uM = exact.vjp(u)
            return uH, {name: 0 * block for name, block in uM.items()}

        return exact._replace(vjp=vjp)


class LookedAhead(Edited):
    """J with its products taken at w − η g instead of at w."""

    def edit(self, t: int, w: Array, lam: Blocks, exact: At) -> At:
        eta = lam["eta"][t - 1] if lam["eta"].ndim else lam["eta"]
        return self.exact.at(t, w - eta * exact.value, lam)._replace(value=exact.value)


def products_at_another_iterate(base: Computation) -> Wrongs:
    yield (
        "w − η g for w",
        base.differentiating_on(LookedAhead(base.J)),
    )


def first_order(base: Computation) -> Wrongs:
    yield "", base.differentiating_on(NoHessian(base.J))


def no_mixed_term(base: Computation) -> Wrongs:
    if base.J.hyper(base.run.problem.p):
        yield "", base.differentiating_on(NoMixed(base.J))


def frozen_accessory(base: Computation) -> Wrongs:
    state = base.dynamics.state
    for j in range(len(state) - 1):
        names = [state[j]] if len(state) > 2 else list(state[:-1])
        yield (
            ", ".join(names),
            base.changed(alter=(*base.alter, cutting(base.dynamics, [j]))),
        )
    if len(state) > 2:
        both = list(range(len(state) - 1))
        yield (
            ", ".join(state[:-1]),
            base.changed(alter=(*base.alter, cutting(base.dynamics, both))),
        )


def cutting(dynamics: Dynamics, blocks: list[int]) -> Callable[[Array], Array]:
    def cut(alpha: Array) -> Array:
        alpha = alpha.copy()
        dynamics.split(alpha)[blocks] = 0
        return alpha

    return cut


class FirstDetached(Momentum):
    """Momentum whose backward pass treats the first gradient as a constant."""

    def at(self, t: int, s: Array, lam: Blocks) -> At:
        exact = super().at(t, s, lam)
        if t > 1:
            return exact
        numbers, field = self.numbers(t, self.rates_at(t, lam)), self.J.at(t, self.weights(s), lam)

        def vjp(alpha: Array) -> tuple[Array, Blocks]:
            row, share = exact.vjp(alpha)
            b_h = numbers["keep"] * self.split(row)[0] / numbers["mu"]  # through v' = μ v + κ h
            uH, uM = field.vjp(b_h)
            self.weights(row)[:] -= uH + numbers["decay"] * b_h
            return row, {name: block - uM.get(name, 0.0) for name, block in share.items()}

        return exact._replace(vjp=vjp)


def first_velocity(base: Computation) -> Wrongs:
    if type(base.dynamics) is Momentum and np.all(base.lam["mu"]):
        detached = altered(base.dynamics, FirstDetached)
        yield "", base.differentiating(dynamics=detached)


def sees_lam(base: Computation) -> bool:
    """Whether E depends on λ directly."""
    run = base.run
    return bool(run.error_grad(run.T, run.dynamics.start(run.problem.w0))[1])


def no_direct_term(base: Computation) -> Wrongs:
    if sees_lam(base):
        yield "", base.changed(direct=False)


def only_direct_term(base: Computation) -> Wrongs:
    if sees_lam(base):
        blocks = list(range(len(base.dynamics.state)))
        cut = base.changed(alter=(*base.alter, cutting(base.dynamics, blocks)))
        yield "", cut.differentiating_on(NoMixed(base.J))


def other_batches(base: Computation) -> Wrongs:
    tables: dict[str, Callable[[Array], Any]] = {"one step later": lambda b: np.roll(b, -1, axis=0),
              "one step earlier": lambda b: np.roll(b, 1, axis=0),
              "in reverse order": lambda b: b[::-1],
              "all examples": lambda b: None}  # fmt: skip
    if not any(has_batches(term) for term in base.J.terms()):
        return
    for variant, table in tables.items():
        J = each_term(base.J, functools.partial(rebatched, table))
        yield variant, base.differentiating_on(J)


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
