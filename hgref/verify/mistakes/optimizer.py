"""Mistakes in the optimizer: the run used another Adam or momentum."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np

from hgref.dynamics.adam import CONVENTIONS, Adam
from hgref.dynamics.adamw import AdamW
from hgref.dynamics.coordinatewise import Numbers
from hgref.dynamics.dynamics import Dynamics
from hgref.dynamics.momentum import Momentum
from hgref.layout import Blocks
from hgref.verify.mistakes.adaptive import epsilon_elsewhere
from hgref.verify.mistakes.computation import Computation, Wrongs, depends_on_t, scheduled
from hgref.verify.mistakes.edits import Edit, altered, other_run
from hgref.verify.mistakes.mistake import Mistake
from hgref.verify.mistakes.relatives import AMSGrad, OwnLookAhead, RateInVelocity

# --- Adam ---


def other_adams(base: Computation) -> Iterator[tuple[str, Dynamics, Blocks]]:
    if isinstance(base.dynamics, Adam):
        lam = {"eps_root": np.zeros(()), **base.lam}
        for convention in CONVENTIONS:
            if convention != base.dynamics.convention:
                adam = type(base.dynamics)(base.J, convention)
                adam.over = {**adam.over, **base.dynamics.over}
                yield convention, adam, lam


def other_convention(base: Computation) -> Wrongs:
    for convention, adam, lam in other_adams(base):
        yield convention, base.training(lam, dynamics=adam)


def other_map_differentiated(base: Computation) -> Wrongs:
    for convention, adam, lam in other_adams(base):
        yield convention, base.training(lam).differentiating(by(adam))
    for convention, dynamics in epsilon_elsewhere(base):
        yield convention, base.differentiating(by(dynamics))
        yield (
            f"run as {convention}",
            base.training(dynamics=dynamics).differentiating(by(base.dynamics)),
        )
    for variant, dynamics in other_nesterovs(base):
        yield f"run {variant}", base.training(dynamics=dynamics).differentiating(by(base.dynamics))
        yield f"differentiated {variant}", base.differentiating(by(dynamics))


def by(dynamics: Dynamics) -> Edit:
    """An edit of a run: another dynamics, on the run's own J."""
    return lambda run: other_run(run, dynamics=altered(dynamics, J=run.dynamics.J))


def with_bias(base: Computation, **fields: Any) -> Any:
    adam = copy.copy(base.dynamics)
    adam.rule = adam.rule._replace(**fields)
    return adam


def no_slope(t: int, beta1: Any, beta2: Any, b_c1: Any, b_c2: Any) -> tuple[float, float]:
    return 0.0, 0.0


def no_bias_correction(base: Computation) -> Wrongs:
    if isinstance(base.dynamics, Adam):
        rule = base.dynamics.rule
        for variant, keep1, keep2 in (("", 0, 0), ("of u", 1, 0), ("of m", 0, 1)):

            def bias(*point: Any, keep1: int = keep1, keep2: int = keep2) -> tuple[Any, Any]:
                c1, c2 = rule.bias(*point)
                return (c1 if keep1 else 1.0), (c2 if keep2 else 1.0)

            def slope(*point: Any, keep1: int = keep1, keep2: int = keep2) -> tuple[Any, Any]:
                *before, b_c1, b_c2 = point
                return rule.bias_vjp(*before, keep1 * b_c1, keep2 * b_c2)

            yield variant, base.training(dynamics=with_bias(base, bias=bias, bias_vjp=slope))


def bias_off_by_one(base: Computation) -> Wrongs:
    if isinstance(base.dynamics, Adam):
        rule = base.dynamics.rule
        later = with_bias(
            base,
            bias=lambda t, *rest: rule.bias(t + 1, *rest),
            bias_vjp=lambda t, *rest: rule.bias_vjp(t + 1, *rest),
        )
        yield "t + 1 for t", base.training(dynamics=later)


def bias_constant(base: Computation) -> Wrongs:
    """In both betas, or in β2 alone, whose square root is often computed outside the graph."""
    if not isinstance(base.dynamics, Adam):
        return
    slope = base.dynamics.rule.bias_vjp

    def beta1_alone(*point: Any) -> tuple[Any, Any]:
        return slope(*point)[0], 0.0

    for variant, cut in (("", no_slope), ("in beta2", beta1_alone)):
        yield variant, base.differentiating(by(with_bias(base, bias_vjp=cut)))


# --- momentum ---


def other_nesterovs(base: Computation) -> Iterator[tuple[str, Dynamics]]:
    if type(base.dynamics) is Momentum:
        other = altered(base.dynamics, nesterov=not base.dynamics.nesterov)
        yield "with it" if other.nesterov else "without it", other


def nesterov_or_not(base: Computation) -> Wrongs:
    for variant, other in other_nesterovs(base):
        yield variant, base.training(dynamics=other)
    if type(base.dynamics) is Momentum and not base.dynamics.dampening:
        ahead = altered(base.dynamics, OwnLookAhead)
        yield "with Nesterov's own, at w − η μ v", base.training(dynamics=ahead)


def rate_in_velocity(base: Computation) -> Wrongs:
    plain = type(base.dynamics) is Momentum and not base.dynamics.nesterov
    if plain and "eta" in scheduled(base):
        yield "", base.training(dynamics=altered(base.dynamics, RateInVelocity))


def largest_squares(base: Computation) -> Wrongs:
    if type(base.dynamics) in (Adam, AdamW) and base.dynamics.convention == "torch":
        for variant, corrected in (("of u", False), ("of û", True)):
            amsgrad = altered(base.dynamics, AMSGrad, state=AMSGrad.state, corrected=corrected)
            size = len(AMSGrad.state) * base.run.problem.p
            yield variant, base.training(dynamics=amsgrad, d=size).changed(alone=corrected)


class DampedFromTheStart(Momentum):
    """Applies (1 − τ) at the first step too."""

    def numbers(self, t: int, rates: Numbers) -> Numbers:
        return super().numbers(max(t, 2), rates)


def dampening(base: Computation) -> Wrongs:
    if isinstance(base.dynamics, Momentum) and base.dynamics.dampening:
        ignored = altered(base.dynamics, dampening=0.0)
        yield "ignored", base.training(dynamics=ignored)


def dampening_at_the_first_step(base: Computation) -> Wrongs:
    plain = isinstance(base.dynamics, Momentum) and base.dynamics.dampening
    if plain and not depends_on_t(base):
        damped = altered(base.dynamics, DampedFromTheStart)
        yield "", base.training(dynamics=damped)


def averaged_momentum(base: Computation) -> Wrongs:
    """v = μ v + (1−μ) g is heavy ball at the rate η (1−μ); the chain rule gives its gradient."""
    if not isinstance(base.dynamics, Momentum) or base.lam["eta"].shape != base.lam["mu"].shape:
        return
    if base.dynamics.nesterov or base.dynamics.dampening or base.lam["mu"].ndim:
        return
    eta, mu = base.lam["eta"], base.lam["mu"]

    def chain(blocks: Blocks) -> Blocks:
        eta_bar = blocks["eta"]
        return {**blocks, "eta": (1 - mu) * eta_bar, "mu": blocks["mu"] - eta * eta_bar}

    yield "", base.training({**base.lam, "eta": eta * (1 - mu)}).answering(chain)


OPTIMIZER = [
    Mistake(
        "bias-correction-constant",
        "Adam's bias correction was treated as a constant",
        "the derivatives with respect to β1 and β2 lack a term",
        "bias corrections computed in plain Python numbers; higher takes math.sqrt of a tensor",
        bias_constant,
    ),
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
        "states of one convention of the optimizer, Jacobians of another",
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
        "rate-in-velocity",
        "the velocity added η_t g_t in place of g_t",
        "a change of the rate acts later: old gradients keep the rate of their own step",
        "TensorFlow 1 and Caffe multiply inside, torch and optax outside",
        rate_in_velocity,
    ),
    Mistake(
        "amsgrad",
        "the step was divided by the root of the largest mean of squares so far",
        "AMSGrad in place of Adam",
        "torch.optim.Adam with amsgrad=True",
        largest_squares,
    ),
    Mistake(
        "averaged-momentum",
        "momentum averaged the gradients: v = μ v + (1−μ) g",
        "the rate is smaller by 1 − μ, and depends on μ",
        "the exponential-average form, as in HIPS/hypergrad",
        averaged_momentum,
    ),
]
