"""Mistakes in RMSProp, AdaGrad and AdamW: where ε stands, where u starts, how weights decay."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

from hgref.arguments import Array
from hgref.dynamics.adagrad import INITIAL
from hgref.dynamics.adam import CONVENTIONS as ADAMS
from hgref.dynamics.adam import Adam
from hgref.dynamics.adamw import AdamW
from hgref.dynamics.coordinatewise import Numbers
from hgref.dynamics.dynamics import Dynamics
from hgref.dynamics.rmsprop import RMSProp
from hgref.dynamics.root_of_squares import CONVENTIONS, RootOfSquares
from hgref.verify.mistakes.computation import Computation, Wrongs
from hgref.verify.mistakes.edits import altered
from hgref.verify.mistakes.mistake import Mistake

# --- RMSProp, AdaGrad ---


def epsilon_elsewhere(base: Computation) -> Iterator[tuple[str, Dynamics]]:
    if isinstance(base.dynamics, RootOfSquares):
        for convention in CONVENTIONS:
            if convention != base.dynamics.convention:
                yield convention, altered(base.dynamics, convention=convention)


def epsilon_place(base: Computation) -> Wrongs:
    for convention, dynamics in epsilon_elsewhere(base):
        yield f"as {convention}", base.training(dynamics=dynamics)
    if isinstance(base.dynamics, Adam) and base.dynamics.convention != "optax":
        rule = base.dynamics.rule
        moved = rule._replace(inside=rule.outside, outside=rule.inside)
        if moved not in ADAMS.values():  # those are other conventions
            yield "", base.training(dynamics=altered(base.dynamics, rule=moved))


def accumulator_start(base: Computation) -> Wrongs:
    """At 0, 0.1 or 1."""
    dynamics = base.dynamics
    if not isinstance(dynamics, RootOfSquares | Adam):
        return
    for initial in {*INITIAL.values(), 1.0} - {getattr(dynamics, "initial", 0.0)}:
        start = functools.partial(started, dynamics, initial)
        yield f"at {initial:g}", base.training(dynamics=altered(dynamics, start=start))


def started(dynamics: Any, initial: float, w0: Array) -> Array:
    s = type(dynamics).start(dynamics, w0)
    dynamics.split(s)[dynamics.state.index("u")] = initial
    return s


class BiasCorrected(RMSProp):
    """Divides by û = u / k, k = 1 − β^t: the same as √k η, √k ε' and k ρ for η, ε' and ρ."""

    def numbers(self, t: int, rates: Numbers) -> Numbers:
        n, k = super().numbers(t, rates), 1 - rates["beta"] ** t
        return n | {
            "eta": k**0.5 * n["eta"],
            "eps": k**0.5 * n["eps"],
            "eps_root": k * n["eps_root"],
        }

    def numbers_vjp(self, t: int, rates: Numbers, b: Numbers) -> Numbers:
        n, beta = super().numbers(t, rates), rates["beta"]
        k = 1 - beta**t
        b_root = n["eta"] * b["eta"] + n["eps"] * b["eps"]
        b_k = b_root / (2 * k**0.5) + n["eps_root"] * b["eps_root"]
        before = {"eta": k**0.5 * b["eta"], "eps": k**0.5 * b["eps"], "eps_root": k * b["eps_root"]}
        before["beta"] = b["beta"] - t * beta ** (t - 1) * b_k
        return super().numbers_vjp(t, rates, before)


def bias_correction_added(base: Computation) -> Wrongs:
    if isinstance(base.dynamics, RMSProp):
        corrected = BiasCorrected(base.J, base.dynamics.convention)
        yield "", base.training(dynamics=corrected)


# --- AdamW ---


class DecayWithoutRate(AdamW):
    """w ← (1 − δ) w: a decay of δ / η, which the step multiplies by η."""

    def numbers(self, t: int, rates: Numbers) -> Numbers:
        return super().numbers(t, rates) | {"decay": rates["weight_decay"] / rates["eta"]}

    def numbers_vjp(self, t: int, rates: Numbers, b: Numbers) -> Numbers:
        b_decay, eta = b["decay"] / rates["eta"], rates["eta"]
        b_eta = b["eta"] - rates["weight_decay"] / eta * b_decay
        return super().numbers_vjp(t, rates, b | {"eta": b_eta, "decay": b_decay})


def decay_without_rate(base: Computation) -> Wrongs:
    if isinstance(base.dynamics, AdamW):
        other = DecayWithoutRate(base.J, base.dynamics.convention)
        yield "", base.training(dynamics=other)


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
