"""Mistakes in RMSProp, AdaGrad and AdamW: where ε stands, where u starts, how weights decay."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from hgref.arguments import Array
from hgref.dynamics.adagrad import INITIAL, AdaGrad
from hgref.dynamics.adamw import AdamW
from hgref.dynamics.dynamics import Dynamics
from hgref.dynamics.rmsprop import RMSProp
from hgref.dynamics.root_of_squares import CONVENTIONS, RootOfSquares
from hgref.layout import Blocks
from hgref.verify.mistakes.mistake import Mistake
from hgref.verify.mistakes.plan import Plan, altered, with_dynamics

Plans = Iterator[tuple[str, Plan]]


# --- RMSProp, AdaGrad ---


def epsilon_elsewhere(plan: Plan) -> Iterator[tuple[str, Dynamics]]:
    if isinstance(plan.dynamics, RootOfSquares):
        for convention in CONVENTIONS:
            if convention != plan.dynamics.convention:
                yield convention, altered(plan.dynamics, convention=convention)


def epsilon_place(plan: Plan) -> Plans:
    for convention, dynamics in epsilon_elsewhere(plan):
        yield f"as {convention}", plan.changed(problem=with_dynamics(plan.problem, dynamics))


def accumulator_start(plan: Plan) -> Plans:
    starts = set(INITIAL.values()) if isinstance(plan.dynamics, AdaGrad) else {1.0}
    if isinstance(plan.dynamics, RootOfSquares):
        for initial in sorted(starts - {plan.dynamics.initial}):
            started = with_dynamics(plan.problem, altered(plan.dynamics, initial=initial))
            yield f"at {initial:g}", plan.changed(problem=started)


class BiasCorrected(RMSProp):
    """With û = u / k, k = 1 − β^t: √k η, √k ε' and k ρ in place of η, ε' and ρ say the same."""

    def law(self, t: int, s: Array, lam: Blocks) -> tuple[Any, ...]:
        u, w, g, eta, beta, averaged, outside, inside = super().law(t, s, lam)
        k = 1 - beta**t
        return u, w, g, k**0.5 * eta, beta, averaged, k**0.5 * outside, k * inside

    def vjp(self, t: int, s: Array, lam: Blocks, alpha: Array) -> tuple[Array, Blocks]:
        row, share = super().vjp(t, s, lam, alpha)
        eta, beta, outside, inside = self.at(t, lam)
        b_eta, b_beta, b_eps = (np.sum(share[name]) for name in self.names)
        k = 1 - beta**t
        root = k**0.5
        b_k = eta / (2 * root) * b_eta + (outside / (2 * root) + inside) * b_eps
        b_beta = b_beta - t * beta ** (t - 1) * b_k
        shares = self.cotangents_at(t, lam, root * b_eta, b_beta, root * b_eps, k * b_eps)
        return row, {**share, **shares}


def bias_correction_added(plan: Plan) -> Plans:
    if isinstance(plan.dynamics, RMSProp):
        corrected = BiasCorrected(plan.J, plan.dynamics.convention)
        yield "", plan.changed(problem=with_dynamics(plan.problem, corrected))


# --- AdamW ---


class DecayWithoutRate(AdamW):
    """w ← (1 − δ) w is a decay of δ / η, multiplied by η."""

    def law(self, t: int, s: Array, lam: Blocks) -> tuple[Any, ...]:
        *others, decay = super().law(t, s, lam)
        return *others, decay / self.at(t, lam)[0]

    def vjp(self, t: int, s: Array, lam: Blocks, alpha: Array) -> tuple[Array, Blocks]:
        row, share = super().vjp(t, s, lam, alpha)
        eta, *others, decay = self.at(t, lam)
        b_decay = np.sum(share["weight_decay"]) / eta
        nothing = [0.0] * len(others)
        moved = self.cotangents_at(t, lam, -decay / eta * b_decay, *nothing, b_decay)
        return row, {
            **share,
            "eta": share["eta"] + moved["eta"],
            "weight_decay": moved["weight_decay"],
        }


def decay_without_rate(plan: Plan) -> Plans:
    if isinstance(plan.dynamics, AdamW):
        other = DecayWithoutRate(plan.J, plan.dynamics.convention)
        yield "", plan.changed(problem=with_dynamics(plan.problem, other))


ADAPTIVE = [
    Mistake(
        "epsilon-place",
        "ε stands inside the root where it should stand outside, or the reverse",
        "√(u + ε) is taken for √u + ε: the smaller the gradients, the more it matters",
        "optax, issue 532; torch's RMSprop and Adagrad add it outside, optax's inside",
        epsilon_place,
    ),
    Mistake(
        "accumulator-start",
        "the accumulated squares started from another number",
        "the first steps are shorter, or longer, than those asked about",
        "optax.adagrad starts at 0.1 and torch's at 0; TensorFlow 1's RMSProp at 1",
        accumulator_start,
    ),
    Mistake(
        "bias-correction-added",
        "RMSProp's mean of squares was corrected for its bias, as Adam's is",
        "the first steps are shorter by √(1 − β^t)",
        "optax.rmsprop with bias_correction=True; Adam with β1 = 0 taken for RMSProp",
        bias_correction_added,
    ),
    Mistake(
        "decay-without-rate",
        "the decoupled decay was not multiplied by η",
        "the weights shrink by 1 − δ a step, whatever the rate",
        "Loshchilov and Hutter's own form, in which a schedule alone multiplies it",
        decay_without_rate,
    ),
]
