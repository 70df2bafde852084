"""Mistakes in the losses: penalties, means and sums, weights, the data of E."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from hgref.arguments import Array
from hgref.at import At
from hgref.dynamics.adam import Adam
from hgref.dynamics.adamw import AdamW
from hgref.dynamics.coordinatewise import Coordinatewise
from hgref.dynamics.dynamics import Dynamics
from hgref.dynamics.momentum import Momentum
from hgref.layout import Blocks
from hgref.objectives.data_loss import DataLoss
from hgref.objectives.objective import Objective, Sum
from hgref.objectives.penalties import L2
from hgref.verify.mistakes.computation import Computation, Wrongs
from hgref.verify.mistakes.edits import Edited, Scaled, altered, data_losses, each_term, leaves
from hgref.verify.mistakes.mistake import Mistake

# --- weight decay ---


class Decoupled(Dynamics):
    """The dynamics without its penalty, then w ← w − η ∇Ω(w) on its own; η = 1 if not `rated`."""

    def __init__(
        self, dynamics: Coordinatewise, rest: Objective, penalty: Objective, rated: bool = True
    ):
        self.rated = rated
        self.inner, self.J, self.penalty = altered(dynamics, J=rest), dynamics.J, penalty
        self.state, self.names, self.over = dynamics.state, dynamics.names, dynamics.over

    def start(self, w0: Array) -> Array:
        return self.inner.start(w0)

    def at(self, t: int, s: Array, lam: Blocks) -> At:
        inner, penalty = self.inner.at(t, s, lam), self.penalty.at(t, self.weights(s), lam)
        eta = self.inner.rates_at(t, lam)["eta"] if self.rated else 1.0
        after = inner.value.copy()
        self.weights(after)[:] -= eta * penalty.value

        def vjp(alpha: Array) -> tuple[Array, Blocks]:
            (row, share), b_w = inner.vjp(alpha), self.weights(alpha)
            uH, uM = penalty.vjp(-eta * b_w)
            self.weights(row)[:] += uH
            if self.rated:
                b_eta = self.inner.rates_vjp(t, lam, {"eta": -b_w * penalty.value})["eta"]
                share = {**share, "eta": share["eta"] + b_eta}
            return row, {**share, **uM}

        return inner._replace(value=after, vjp=vjp)


class FixedDecay(Objective):
    """½ δ ‖w‖² with a constant δ, as in Momentum's setting `weight_decay`."""

    def __init__(self, delta: float):
        self.delta = delta

    def at(self, t: int, w: Array, lam: Blocks) -> At:
        return At(self.delta * w, lambda dw, dlam: self.delta * dw, lambda u: (self.delta * u, {}))


def split_penalties(J: Objective) -> tuple[list[Objective], list[Objective]]:
    """(other terms, penalties) of a sum."""
    terms = list(J.terms())
    penalties: list[Objective] = [term for term in terms if isinstance(term, L2)]
    return [term for term in terms if not isinstance(term, L2)], penalties


def decoupled_decay(base: Computation) -> Wrongs:
    rest, penalties = split_penalties(base.J)
    if rest and penalties:
        for variant, rated in (("L2", True), ("L2, not multiplied by η", False)):
            decoupled = Decoupled(base.dynamics, Sum(*rest), Sum(*penalties), rated)
            yield variant, base.training(dynamics=decoupled)
    if isinstance(base.dynamics, Momentum) and base.dynamics.weight_decay:
        plain = copy.copy(base.dynamics)
        plain.weight_decay = 0.0
        decoupled = Decoupled(plain, base.J, FixedDecay(base.dynamics.weight_decay))
        yield "weight_decay", base.training(dynamics=decoupled)
    if isinstance(base.dynamics, AdamW) and not base.lam["weight_decay"].ndim:
        J = Sum(*base.J.terms(), L2(name="weight_decay"))
        coupled = Adam(J, base.dynamics.convention)
        yield "weight_decay", base.training(dynamics=coupled)


def decay_ignored(base: Computation) -> Wrongs:
    if isinstance(base.dynamics, Momentum) and base.dynamics.weight_decay:
        plain = copy.copy(base.dynamics)
        plain.weight_decay = 0.0
        yield "weight_decay", base.training(dynamics=plain)
    if isinstance(base.dynamics, AdamW):
        adam = Adam(base.J, base.dynamics.convention)
        yield "weight_decay", base.training(dynamics=adam)
    rest, penalties = split_penalties(base.J)
    if rest and penalties:
        yield "L2", base.training_on(Sum(*rest))


def no_half(base: Computation) -> Wrongs:
    is_penalty = lambda term: isinstance(term, L2)  # noqa: E731
    double = lambda term: Scaled(term, 2) if is_penalty(term) else term  # noqa: E731
    yield from losses_changed(base, "", double, is_penalty)


def penalties_changed(
    base: Computation, variant: str, change: Callable[[Objective], Objective]
) -> Wrongs:
    if any(isinstance(term, L2) for term in leaves(base.J)):
        edited = each_term(base.J, lambda term: change(term) if isinstance(term, L2) else term)
        yield variant, base.training_on(edited)


class OnSome(Edited):
    """An objective that sees some of the weights: `mask` is 1 there, 0 elsewhere."""

    def __init__(self, exact: Objective, mask: Array):
        super().__init__(exact)
        self.mask = mask

    def edit(self, t: int, w: Array, lam: Blocks, exact: At) -> At:
        here, mask = self.exact.at(t, self.mask * w, lam), self.mask

        def vjp(u: Array) -> tuple[Array, Blocks]:
            uH, uM = here.vjp(mask * u)
            return mask * uH, uM

        return exact._replace(value=mask * here.value, vjp=vjp)


def penalty_on_other_weights(base: Computation) -> Wrongs:
    models = data_losses(base.J)
    if not models:
        return
    yield from penalties_changed(base, "1/n of it", lambda p: Scaled(p, 1 / models[0].features.n))
    weights = np.ones(base.run.problem.p)
    for _, biases in models[0].layers(weights):
        biases[...] = 0  # views
    if not weights.all():
        yield from penalties_changed(base, "not on the biases", lambda p: OnSome(p, weights))


# --- means and sums ---


def sum_for_mean(base: Computation) -> Wrongs:
    for variant, power in (("the sum in place of the mean", 1), ("1/n twice", -1)):

        def change(term: Objective, power: int = power) -> Objective:
            return Scaled(term, size(term) ** power) if isinstance(term, DataLoss) else term

        yield from losses_changed(base, variant, change, lambda term: isinstance(term, DataLoss))


def twice_or_half(base: Computation) -> Wrongs:
    for variant, c in (("twice", 2.0), ("half", 0.5)):

        def change(term: Objective, c: float = c) -> Objective:
            return term if isinstance(term, L2) else Scaled(term, c)

        yield from losses_changed(base, variant, change, lambda term: not isinstance(term, L2))


def losses_changed(
    base: Computation,
    variant: str,
    change: Callable[[Objective], Objective],
    applies: Callable[[Objective], bool],
) -> Wrongs:
    """In the training loss, in the validation error, and in both."""
    J, E = each_term(base.J, change), each_term(base.run.E, change)
    of_J, of_E = (any(map(applies, leaves(part))) for part in (base.J, base.run.E))
    if of_J:
        yield said("training loss", variant), base.training_on(J)
    if of_E:
        yield said("validation error", variant), base.training(E=E)
    if of_J and of_E:
        yield said("both losses", variant), base.training_on(J).training(E=E)


def said(where: str, variant: str) -> str:
    return f"{where}: {variant}" if variant else where


def size(term: DataLoss) -> float:
    """The number of examples that the mean is taken over."""
    return float(term.features.B)


class Normalised(Edited):
    """(Σ λ_i ℓ_i) / Σ λ_i over the batch in place of the mean (1/B) Σ λ_i ℓ_i.

    constant   the sum of weights is a constant in the backward pass
    """

    def __init__(self, exact: DataLoss, constant: bool):
        super().__init__(exact)
        self.features, self.block, self.constant = exact.features, exact.block, constant

    def edit(self, t: int, w: Array, lam: Blocks, exact: At) -> At:
        block, n, seen = self.block, self.features.B, self.features.rows(t)
        total = np.sum(lam[block][seen])
        g = n / total * exact.value

        def vjp(u: Array) -> tuple[Array, Blocks]:
            uH, uM = exact.vjp(u * n / total)
            share = uM[block].copy()
            if not self.constant:
                share[seen] -= u @ g / total
            return uH, {**uM, block: share}

        return exact._replace(value=g, vjp=vjp)


def normalised_weights(base: Computation) -> Wrongs:
    if not any(getattr(term, "example_weights", False) for term in leaves(base.J)):
        return
    for variant, constant in (("", False), ("by a constant sum", True)):

        def change(term: Any, constant: bool = constant) -> Objective:
            weighted = isinstance(term, DataLoss) and term.example_weights
            return Normalised(term, constant) if weighted else term

        yield variant, base.training_on(each_term(base.J, change)).changed(alone=constant)


LOSS = [
    Mistake(
        "decoupled-decay",
        "weight decay was decoupled from the gradient, or the reverse",
        "the penalty does not pass through velocities and running means",
        "AdamW taken for Adam with an L2 penalty",
        decoupled_decay,
    ),
    Mistake(
        "decay-missing",
        "the penalty on the weights was left out of the training",
        "its coefficient gets no gradient, and the weights are larger",
        "a regulariser that is only added to the reported loss",
        decay_ignored,
    ),
    Mistake(
        "half-missing",
        "the penalty was l2·‖w‖² without its ½",
        "as if the coefficient were twice as large",
        "two usual definitions of weight decay",
        no_half,
    ),
    Mistake(
        "sum-for-mean",
        "a sum stands where a mean should, or a mean was taken twice",
        "a loss is off by its number of examples",
        "theseus, issue 39; reduction='sum'",
        sum_for_mean,
    ),
    Mistake(
        "weights-normalised",
        "example weights were divided by their sum",
        "only their ratios count",
        "weighted means in place of (1/n) Σ λ_i ℓ_i",
        normalised_weights,
    ),
    Mistake(
        "loss-twice-or-half",
        "a loss is twice or half as large",
        "a ½ is missing, or stands twice",
        "mean squared errors with and without ½; gradients added up that were not set to zero",
        twice_or_half,
    ),
    Mistake(
        "penalty-elsewhere",
        "the penalty was divided by the number of examples, or left out the biases",
        "the weights are pulled less, or not all of them",
        "½ δ/n ‖w‖² in textbooks; parameter groups without decay for biases",
        penalty_on_other_weights,
    ),
]
