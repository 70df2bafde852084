"""Mistakes in the losses: penalties, means and sums, weights, the data of E."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import numpy as np

from hgref.arguments import Array
from hgref.dynamics.adam import Adam
from hgref.dynamics.adamw import AdamW
from hgref.dynamics.dynamics import Dynamics
from hgref.dynamics.momentum import Momentum
from hgref.layout import Blocks
from hgref.objectives.data_loss import DataLoss
from hgref.objectives.objective import Objective, Sum
from hgref.objectives.penalties import L2
from hgref.verify.mistakes.mistake import Mistake
from hgref.verify.mistakes.plan import (
    Plan,
    Scaled,
    each_term,
    with_dynamics,
    with_E,
    with_J,
)

Plans = Iterator[tuple[str, Plan]]


# --- weight decay ---


class Decoupled(Dynamics):
    """The dynamics without its penalty, then w ← w − η ∇Ω(w) on its own."""

    def __init__(self, dynamics: Dynamics, rest: Objective, penalty: Objective):
        self.inner, self.J, self.penalty = copy.copy(dynamics), dynamics.J, penalty
        self.inner.J = rest
        self.state, self.names = dynamics.state, dynamics.names

    def start(self, w0: Array) -> Array:
        return self.inner.start(w0)

    def step(self, t: int, s: Array, lam: Blocks) -> Array:
        after = self.inner.step(t, s, lam)
        w = self.weights(s)
        self.weights(after)[:] -= self.at(t, lam)[0] * self.penalty.grad(t, w, lam)
        return after

    def vjp(self, t: int, s: Array, lam: Blocks, alpha: Array) -> tuple[Array, Blocks]:
        row, share = self.inner.vjp(t, s, lam, alpha)
        w, b_w, eta = self.weights(s), self.weights(alpha), self.at(t, lam)[0]
        uH, uM = self.penalty.grad_vjp(t, w, lam, -eta * b_w)
        self.weights(row)[:] += uH
        zeros = [0.0] * (len(self.names) - 1)
        b_eta = self.cotangents_at(t, lam, -b_w * self.penalty.grad(t, w, lam), *zeros)["eta"]
        return row, {**share, **uM, "eta": share["eta"] + b_eta}


class FixedDecay(L2):
    """½ δ ‖w‖² with a constant δ, as a setting of Momentum has it."""

    def __init__(self, delta: float):
        super().__init__()
        self.delta = np.asarray(delta)

    def hyper(self, p: int) -> dict[str, tuple[int, ...]]:
        return {}

    def grad(self, t: int, w: Array, lam: Blocks) -> Array:
        return self.delta * w

    def grad_vjp(self, t: int, w: Array, lam: Blocks, u: Array) -> tuple[Array, Blocks]:
        return self.delta * u, {}


def split_penalties(J: Objective) -> tuple[list[Objective], list[Objective]]:
    """(other terms, penalties) of a sum."""
    terms = list(J.terms())
    penalties: list[Objective] = [term for term in terms if isinstance(term, L2)]
    return [term for term in terms if not isinstance(term, L2)], penalties


def decoupled_decay(plan: Plan) -> Plans:
    rest, penalties = split_penalties(plan.J)
    if rest and penalties:
        decoupled = Decoupled(plan.dynamics, Sum(*rest), Sum(*penalties))
        yield "L2", plan.changed(problem=with_dynamics(plan.problem, decoupled))
    if isinstance(plan.dynamics, Momentum) and plan.dynamics.weight_decay:
        plain = copy.copy(plan.dynamics)
        plain.weight_decay = 0.0
        decoupled = Decoupled(plain, plan.J, FixedDecay(plan.dynamics.weight_decay))
        yield "weight_decay", plan.changed(problem=with_dynamics(plan.problem, decoupled))
    if isinstance(plan.dynamics, AdamW) and not plan.lam["weight_decay"].ndim:
        J = Sum(*plan.J.terms(), L2(name="weight_decay"))
        coupled = Adam(J, plan.dynamics.convention)
        yield "weight_decay", plan.changed(problem=with_dynamics(plan.problem, coupled))


def decay_ignored(plan: Plan) -> Plans:
    if isinstance(plan.dynamics, Momentum) and plan.dynamics.weight_decay:
        plain = copy.copy(plan.dynamics)
        plain.weight_decay = 0.0
        yield "weight_decay", plan.changed(problem=with_dynamics(plan.problem, plain))
    if isinstance(plan.dynamics, AdamW):
        adam = Adam(plan.J, plan.dynamics.convention)
        yield "weight_decay", plan.changed(problem=with_dynamics(plan.problem, adam))
    rest, penalties = split_penalties(plan.J)
    if rest and penalties:
        yield "L2", plan.changed(problem=with_J(plan.problem, Sum(*rest)))


def no_half(plan: Plan) -> Plans:
    if split_penalties(plan.J)[1]:
        double = each_term(plan.J, lambda term: Scaled(term, 2) if isinstance(term, L2) else term)
        yield "", plan.changed(problem=with_J(plan.problem, double))


def penalty_in_E(plan: Plan) -> Plans:
    penalties = split_penalties(plan.J)[1]
    if penalties and not split_penalties(plan.problem.E)[1]:
        yield "", plan.changed(problem=with_E(plan.problem, Sum(plan.problem.E, *penalties)))


# --- means and sums ---


def sum_for_mean(plan: Plan) -> Plans:
    for variant, power in (("the sum in place of the mean", 1), ("1/n twice", -1)):

        def change(term: Objective, power: int = power) -> Objective:
            return Scaled(term, size(term) ** power) if isinstance(term, DataLoss) else term

        if any(isinstance(term, DataLoss) for term in plan.J.terms()):
            scaled = with_J(plan.problem, each_term(plan.J, change))
            yield f"training loss: {variant}", plan.changed(problem=scaled)
        if any(isinstance(term, DataLoss) for term in plan.problem.E.terms()):
            E = each_term(plan.problem.E, change)
            yield f"validation error: {variant}", plan.changed(problem=with_E(plan.problem, E))


def size(term: DataLoss) -> float:
    """The number of examples that the mean is taken over."""
    return float(term.features.B)


def batch_scaling(plan: Plan) -> Plans:
    def change(term: Objective) -> Objective:
        if isinstance(term, DataLoss) and term.features.batches is not None:
            return Scaled(term, size(term) / term.features.n)
        return term

    J = each_term(plan.J, change)
    if any(isinstance(term, Scaled) for term in J.terms()):
        yield "1/n in place of 1/B", plan.changed(problem=with_J(plan.problem, J))


class Normalised(Objective):
    """(Σ λ_i ℓ_i) / Σ λ_i in place of the mean (1/n) Σ λ_i ℓ_i."""

    def __init__(self, J: DataLoss):
        self.exact, self.p = J, J.p

    def grad(self, t: int, w: Array, lam: Blocks) -> Array:
        c = self.exact.features.n / np.sum(lam[self.exact.block])
        return c * self.exact.grad(t, w, lam)

    def grad_vjp(self, t: int, w: Array, lam: Blocks, u: Array) -> tuple[Array, Blocks]:
        block = self.exact.block
        total = np.sum(lam[block])
        uH, uM = self.exact.grad_vjp(t, w, lam, u * self.exact.features.n / total)
        both = u @ self.grad(t, w, lam) / total
        return uH, {block: uM[block] - both}


def normalised_weights(plan: Plan) -> Plans:
    def change(term: Objective) -> Objective:
        if not isinstance(term, DataLoss) or term.features.batches is not None:
            return term
        return Normalised(term) if term.example_weights else term

    J = each_term(plan.J, change)
    if any(isinstance(term, Normalised) for term in J.terms()):
        yield "", plan.changed(problem=with_J(plan.problem, J))


def error_on_training_data(plan: Plan) -> Plans:
    terms = [term for term in plan.J.terms() if isinstance(term, DataLoss)]
    if len(terms) == 1 and terms[0].features.batches is None:
        plain = copy.copy(terms[0])
        plain.example_weights = False
        yield "", plan.changed(problem=with_E(plan.problem, plain))


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
