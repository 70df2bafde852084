"""Mistakes in what was trained: another optimizer, loss or schedule than the one asked about."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np

from hgref.arguments import Array
from hgref.dynamics.adam import CONVENTIONS, Adam
from hgref.dynamics.dynamics import Dynamics
from hgref.dynamics.momentum import Momentum
from hgref.layout import Blocks
from hgref.objectives.linear_model import LinearModel
from hgref.objectives.objective import Objective, Sum
from hgref.objectives.penalties import L2
from hgref.verify.mistakes.mistake import Mistake
from hgref.verify.mistakes.plan import (
    Plan,
    Scaled,
    each_term,
    scheduled,
    with_dynamics,
    with_E,
    with_J,
)

Plans = Iterator[tuple[str, Plan]]


# --- Adam ---


def other_adams(plan: Plan) -> Iterator[tuple[str, Dynamics, Blocks]]:
    if isinstance(plan.dynamics, Adam):
        lam = {"eps_root": np.zeros(()), **plan.lam}
        for convention in CONVENTIONS:
            if convention != plan.dynamics.convention:
                yield convention, Adam(plan.J, convention), lam


def other_convention(plan: Plan) -> Plans:
    for convention, adam, lam in other_adams(plan):
        yield convention, plan.changed(problem=with_dynamics(plan.problem, adam), lam=lam)


def other_map_differentiated(plan: Plan) -> Plans:
    for convention, adam, lam in other_adams(plan):
        yield convention, plan.changed(adjoint=with_dynamics(plan.problem, adam), lam=lam)


def with_bias(plan: Plan, **fields: Any) -> Any:
    adam = copy.copy(plan.dynamics)
    adam.rule = adam.rule._replace(**fields)  # type: ignore[attr-defined]
    return with_dynamics(plan.problem, adam)


def no_slope(t: int, beta1: Any, beta2: Any, b_c1: Any, b_c2: Any) -> tuple[float, float]:
    return 0.0, 0.0


def no_bias_correction(plan: Plan) -> Plans:
    if isinstance(plan.dynamics, Adam):
        nothing = with_bias(plan, bias=lambda t, beta1, beta2: (1.0, 1.0), bias_vjp=no_slope)
        yield "", plan.changed(problem=nothing)


def bias_off_by_one(plan: Plan) -> Plans:
    if isinstance(plan.dynamics, Adam):
        rule = plan.dynamics.rule
        later = with_bias(
            plan,
            bias=lambda t, *rest: rule.bias(t + 1, *rest),
            bias_vjp=lambda t, *rest: rule.bias_vjp(t + 1, *rest),
        )
        yield "t + 1 for t", plan.changed(problem=later)


def bias_constant(plan: Plan) -> Plans:
    if isinstance(plan.dynamics, Adam):
        yield "", plan.changed(adjoint=with_bias(plan, bias_vjp=no_slope))


# --- momentum ---


def nesterov_or_not(plan: Plan) -> Plans:
    if isinstance(plan.dynamics, Momentum):
        other = copy.copy(plan.dynamics)
        other.nesterov = not other.nesterov
        variant = "with it" if other.nesterov else "without it"
        yield variant, plan.changed(problem=with_dynamics(plan.problem, other))


class DampedFromTheStart(Momentum):
    """(1 − τ) at the first step too."""

    def law(self, t: int, s: Array, lam: Blocks) -> tuple[Any, ...]:
        return super().law(max(t, 2), s, lam)


def dampening(plan: Plan) -> Plans:
    if isinstance(plan.dynamics, Momentum) and plan.dynamics.dampening:
        ignored = copy.copy(plan.dynamics)
        ignored.dampening = 0.0
        yield "ignored", plan.changed(problem=with_dynamics(plan.problem, ignored))


def dampening_at_the_first_step(plan: Plan) -> Plans:
    plain = isinstance(plan.dynamics, Momentum) and plan.dynamics.dampening
    unscheduled = not scheduled(plan) and not any(
        isinstance(term, LinearModel) and term.features.batches is not None
        for term in plan.J.terms()
    )
    if plain and unscheduled:
        damped = DampedFromTheStart.__new__(DampedFromTheStart)
        damped.__dict__.update(plan.dynamics.__dict__)
        yield "", plan.changed(problem=with_dynamics(plan.problem, damped))


def averaged_momentum(plan: Plan) -> Plans:
    """v = μ v + (1−μ) g is heavy ball at the rate η (1−μ); the chain rule gives its gradient."""
    if not isinstance(plan.dynamics, Momentum) or plan.lam["eta"].shape != plan.lam["mu"].shape:
        return
    if plan.dynamics.nesterov or plan.dynamics.dampening or plan.lam["mu"].ndim:
        return
    eta, mu = plan.lam["eta"], plan.lam["mu"]

    def chain(blocks: Blocks) -> Blocks:
        eta_bar = blocks["eta"]
        return {**blocks, "eta": (1 - mu) * eta_bar, "mu": blocks["mu"] - eta * eta_bar}

    yield "", plan.changed(lam={**plan.lam, "eta": eta * (1 - mu)}).answering(chain)


# --- weight decay ---


class Decoupled(Dynamics):
    """The dynamics without its penalty, then w ← w − η ∇Ω(w) on its own."""

    def __init__(self, dynamics: Dynamics, rest: Objective, penalty: Objective):
        self.inner, self.J, self.penalty = copy.copy(dynamics), dynamics.J, penalty
        self.inner.J = rest
        self.state, self.names = dynamics.state, dynamics.names

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


def decay_ignored(plan: Plan) -> Plans:
    if isinstance(plan.dynamics, Momentum) and plan.dynamics.weight_decay:
        plain = copy.copy(plan.dynamics)
        plain.weight_decay = 0.0
        yield "weight_decay", plan.changed(problem=with_dynamics(plan.problem, plain))
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
            return Scaled(term, size(term) ** power) if isinstance(term, LinearModel) else term

        if any(isinstance(term, LinearModel) for term in plan.J.terms()):
            scaled = with_J(plan.problem, each_term(plan.J, change))
            yield f"training loss: {variant}", plan.changed(problem=scaled)
        if any(isinstance(term, LinearModel) for term in plan.problem.E.terms()):
            E = each_term(plan.problem.E, change)
            yield f"validation error: {variant}", plan.changed(problem=with_E(plan.problem, E))


def size(term: LinearModel) -> float:
    """The number of examples that the mean is taken over."""
    return float(len(term.y[term.features.rows(1)]))


def batch_scaling(plan: Plan) -> Plans:
    def change(term: Objective) -> Objective:
        if isinstance(term, LinearModel) and term.features.batches is not None:
            return Scaled(term, size(term) / term.features.n)
        return term

    J = each_term(plan.J, change)
    if any(isinstance(term, Scaled) for term in J.terms()):
        yield "1/n in place of 1/B", plan.changed(problem=with_J(plan.problem, J))


class Normalised(Objective):
    """(Σ λ_i ℓ_i) / Σ λ_i in place of the mean (1/n) Σ λ_i ℓ_i."""

    def __init__(self, J: LinearModel):
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
        if not isinstance(term, LinearModel) or term.features.batches is not None:
            return term
        return Normalised(term) if term.example_weights else term

    J = each_term(plan.J, change)
    if any(isinstance(term, Normalised) for term in J.terms()):
        yield "", plan.changed(problem=with_J(plan.problem, J))


def error_on_training_data(plan: Plan) -> Plans:
    terms = [term for term in plan.J.terms() if isinstance(term, LinearModel)]
    if len(terms) == 1 and terms[0].features.batches is None:
        plain = copy.copy(terms[0])
        plain.example_weights = False
        yield "", plan.changed(problem=with_E(plan.problem, plain))


# --- time ---


def schedule_one_off(plan: Plan) -> Plans:
    for shift, variant in ((-1, "one step late"), (1, "one step early")):
        names = scheduled(plan)
        if names:
            rolled = {n: held(plan.lam[n], shift) for n in names}

            def unroll(blocks: Blocks, shift: int = shift, names: list[str] = names) -> Blocks:
                return {**blocks, **{n: collected(blocks[n], shift) for n in names}}

            yield variant, plan.changed(lam={**plan.lam, **rolled}).answering(unroll)


def held(schedule: Array, shift: int) -> Array:
    """The schedule read `shift` entries off, its first or last entry held."""
    return schedule[np.clip(np.arange(schedule.size) + shift, 0, schedule.size - 1)]


def collected(share: Array, shift: int) -> Array:
    """The transpose of `held`."""
    total = np.zeros_like(share)
    np.add.at(total, np.clip(np.arange(share.size) + shift, 0, share.size - 1), share)
    return total


def stale_rate(plan: Plan) -> Plans:
    names = [n for n in scheduled(plan) if n == "eta"]
    if names:
        first = {**plan.lam, "eta": np.full_like(plan.lam["eta"], plan.lam["eta"][0])}
        yield "", plan.changed(adjoint=FrozenRates.of(plan, first))


class FrozenRates(Dynamics):
    """The dynamics, its vjp taken with another λ than the run's."""

    @classmethod
    def of(cls, plan: Plan, lam: Blocks) -> Any:
        frozen = cls.__new__(cls)
        frozen.inner, frozen.lam = plan.dynamics, lam  # type: ignore[attr-defined]
        return with_dynamics(plan.problem, frozen)

    def vjp(self, t: int, s: Array, lam: Blocks, alpha: Array) -> tuple[Array, Blocks]:
        return self.inner.vjp(t, s, self.lam, alpha)  # type: ignore[attr-defined]


def steps_off_by_one(plan: Plan) -> Plans:
    fixed = bool(scheduled(plan)) or any(
        isinstance(term, LinearModel) and term.features.batches is not None
        for term in plan.J.terms()
    )
    for T in (plan.problem.T - 1, plan.problem.T + 1):
        if T >= 1 and not fixed:
            other = copy.copy(plan.problem)
            other.T = T
            yield f"T = {T}", plan.changed(problem=other)


RUN = [
    Mistake(
        "adam-convention",
        "another convention of Adam was trained than the one asked about",
        "ε stands elsewhere, or the bias is corrected elsewhere",
        "torch, optax, TensorFlow 1 and the paper's authors all differ",
        other_convention,
    ),
    Mistake(
        "differentiated-another-map",
        "the map that was run is not the map that was differentiated",
        "states of one convention of Adam, Jacobians of another",
        "FAR-HO; higher, issues 71 and 72; TorchOpt, issue 235",
        other_map_differentiated,
    ),
    Mistake(
        "bias-correction-missing",
        "Adam's bias correction was left out",
        "the first steps are far too short (or, for β2, too long)",
        "hand-written Adams",
        no_bias_correction,
    ),
    Mistake(
        "bias-correction-off-by-one",
        "Adam's step count was off by one in the bias correction",
        "c1 and c2 are those of the next step",
        "step counts that start at 0, or that are raised twice",
        bias_off_by_one,
    ),
    Mistake(
        "bias-correction-constant",
        "Adam's bias correction was treated as a constant",
        "the derivatives with respect to β1 and β2 lack a term",
        "bias corrections computed in plain Python numbers",
        bias_constant,
    ),
    Mistake(
        "nesterov",
        "Nesterov's look-ahead was used where it was not asked for, or the reverse",
        "the step is h + μ v in place of v",
        "a default taken over from another library",
        nesterov_or_not,
    ),
    Mistake(
        "dampening-at-t-1",
        "dampening was applied at the first step too",
        "v_1 is (1 − τ) g in place of g",
        "torch.optim.SGD starts its buffer with g itself",
        dampening_at_the_first_step,
    ),
    Mistake(
        "dampening-ignored",
        "dampening was left out",
        "v adds g in place of (1 − τ) g",
        "libraries without the setting",
        dampening,
    ),
    Mistake(
        "averaged-momentum",
        "momentum averaged the gradients: v = μ v + (1−μ) g",
        "the rate is smaller by 1 − μ, and depends on μ",
        "the exponential-average form, as in HIPS/hypergrad",
        averaged_momentum,
    ),
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
    Mistake(
        "schedule-one-off",
        "a schedule was read one step off",
        "step t uses the entry of its neighbour",
        "counts from 0 and from 1",
        schedule_one_off,
    ),
    Mistake(
        "stale-rate",
        "the backward pass used the first learning rate for all steps",
        "A_t and B_t belong to another rate than the run",
        "rates read once, before the loop",
        stale_rate,
    ),
    Mistake(
        "steps-off-by-one",
        "one training step too few or too many was taken",
        "E is evaluated at the neighbour of s_T",
        "loops that end with a gradient and no step",
        steps_off_by_one,
    ),
]
