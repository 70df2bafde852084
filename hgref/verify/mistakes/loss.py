"""Mistakes in the losses: penalties, means and sums, weights, the data of E."""

from __future__ import annotations

import copy
from collections.abc import Iterator

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
from hgref.verify.mistakes.computation import (
    Computation,
    Edited,
    Scaled,
    altered,
    each_term,
)
from hgref.verify.mistakes.mistake import Mistake

Wrongs = Iterator[tuple[str, Computation]]


# --- weight decay ---


class Decoupled(Dynamics):
    """The dynamics without its penalty, then w ← w − η ∇Ω(w) on its own."""

    def __init__(self, dynamics: Coordinatewise, rest: Objective, penalty: Objective):
        self.inner, self.J, self.penalty = altered(dynamics, J=rest), dynamics.J, penalty
        self.state, self.names, self.over = dynamics.state, dynamics.names, dynamics.over

    def start(self, w0: Array) -> Array:
        return self.inner.start(w0)

    def at(self, t: int, s: Array, lam: Blocks) -> At:
        inner, penalty = self.inner.at(t, s, lam), self.penalty.at(t, self.weights(s), lam)
        eta = self.inner.rates_at(t, lam)["eta"]
        after = inner.value.copy()
        self.weights(after)[:] -= eta * penalty.value

        def vjp(alpha: Array) -> tuple[Array, Blocks]:
            (row, share), b_w = inner.vjp(alpha), self.weights(alpha)
            uH, uM = penalty.vjp(-eta * b_w)
            self.weights(row)[:] += uH
            b_eta = self.inner.rates_vjp(t, lam, {"eta": -b_w * penalty.value})["eta"]
            return row, {**share, **uM, "eta": share["eta"] + b_eta}

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
        decoupled = Decoupled(base.dynamics, Sum(*rest), Sum(*penalties))
        yield "L2", base.training(dynamics=decoupled)
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
    if split_penalties(base.J)[1]:
        double = each_term(base.J, lambda term: Scaled(term, 2) if isinstance(term, L2) else term)
        yield "", base.training_on(double)


def penalty_in_E(base: Computation) -> Wrongs:
    penalties = split_penalties(base.J)[1]
    if penalties and not split_penalties(base.run.E)[1]:
        yield "", base.training(E=Sum(base.run.E, *penalties))


# --- means and sums ---


def sum_for_mean(base: Computation) -> Wrongs:
    for variant, power in (("the sum in place of the mean", 1), ("1/n twice", -1)):

        def change(term: Objective, power: int = power) -> Objective:
            return Scaled(term, size(term) ** power) if isinstance(term, DataLoss) else term

        if any(isinstance(term, DataLoss) for term in base.J.terms()):
            J = each_term(base.J, change)
            yield f"training loss: {variant}", base.training_on(J)
        if any(isinstance(term, DataLoss) for term in base.run.E.terms()):
            E = each_term(base.run.E, change)
            yield f"validation error: {variant}", base.training(E=E)


def size(term: DataLoss) -> float:
    """The number of examples that the mean is taken over."""
    return float(term.features.B)


def batch_scaling(base: Computation) -> Wrongs:
    def change(term: Objective) -> Objective:
        if isinstance(term, DataLoss) and term.features.batches is not None:
            return Scaled(term, size(term) / term.features.n)
        return term

    J = each_term(base.J, change)
    if any(isinstance(term, Scaled) for term in J.terms()):
        yield "1/n in place of 1/B", base.training_on(J)


class Normalised(Edited):
    """(Σ λ_i ℓ_i) / Σ λ_i in place of the mean (1/n) Σ λ_i ℓ_i."""

    def edit(self, t: int, w: Array, lam: Blocks, exact: At) -> At:
        n, block = self.exact.features.n, self.exact.block
        total = np.sum(lam[block])
        g = n / total * exact.value

        def vjp(u: Array) -> tuple[Array, Blocks]:
            uH, uM = exact.vjp(u * n / total)
            return uH, {**uM, block: uM[block] - u @ g / total}

        return exact._replace(value=g, vjp=vjp)


def normalised_weights(base: Computation) -> Wrongs:
    def change(term: Objective) -> Objective:
        if not isinstance(term, DataLoss) or term.features.batches is not None:
            return term
        return Normalised(term) if term.example_weights else term

    J = each_term(base.J, change)
    if any(isinstance(term, Normalised) for term in J.terms()):
        yield "", base.training_on(J)


def error_on_training_data(base: Computation) -> Wrongs:
    terms = [term for term in base.J.terms() if isinstance(term, DataLoss)]
    if len(terms) == 1 and terms[0].features.batches is None:
        plain = copy.copy(terms[0])
        plain.example_weights = False
        yield "", base.training(E=plain)


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
        "penalty-in-E",
        "the training penalty was added to the validation error as well",
        "E depends on λ directly, and on w once more",
        "one loss function used for both",
        penalty_in_E,
    ),
    Mistake(
        "sum-for-mean",
        "a sum stands where a mean should, or a mean was taken twice",
        "a loss is off by its number of examples",
        "theseus, issue 39; reduction='sum'",
        sum_for_mean,
    ),
    Mistake(
        "batch-scaling",
        "a mini-batch was divided by the number of all examples",
        "the training loss is off by B/n",
        "1/n taken for 1/B",
        batch_scaling,
    ),
    Mistake(
        "weights-normalised",
        "example weights were divided by their sum",
        "only their ratios count",
        "weighted means in place of (1/n) Σ λ_i ℓ_i",
        normalised_weights,
    ),
    Mistake(
        "E-on-training-data",
        "the validation error was computed on the training data",
        "the gradient is that of the training loss",
        "swapped arguments",
        error_on_training_data,
    ),
]
