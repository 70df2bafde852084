"""Mistakes of the backward pass."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from hgref.arguments import Array
from hgref.at import At
from hgref.dynamics.adagrad import AdaGrad
from hgref.dynamics.adam import Adam
from hgref.dynamics.adamw import AdamW
from hgref.dynamics.dynamics import Dynamics
from hgref.dynamics.momentum import Momentum
from hgref.dynamics.rmsprop import RMSProp
from hgref.layout import Blocks
from hgref.objectives.objective import Objective
from hgref.objectives.penalties import L2
from hgref.run import Run
from hgref.verify.mistakes.computation import Computation, Point, Wrongs, sees_lam, together
from hgref.verify.mistakes.edits import Edited, altered, each_term, leaves, other_run, with_dynamics
from hgref.verify.mistakes.mistake import Mistake


def jacobians_after_the_step(base: Computation) -> Wrongs:
    yield from at_other_states(base, "", lambda t, T: t)


def at_other_states(base: Computation, where: str, point: Point) -> Wrongs:
    yield where, base.changed(at_A=point, at_B=point)
    for alone, changed in (("A_t", {"at_A": point}), ("B_t", {"at_B": point})):
        yield together(where, f"{alone} alone"), base.changed(**changed)


def jacobians_at_one_state(base: Computation) -> Wrongs:
    yield from at_other_states(base, "s_T", lambda t, T: T)
    yield from at_other_states(base, "s_0", lambda t, T: 0)


def jacobians_transposed(base: Computation) -> Wrongs:
    yield "", base.changed(columns=True)


def late_B(base: Computation) -> Wrongs:
    yield "", base.changed(late=1)
    yield "early: α_{t+1}", base.changed(late=-1)
    yield "early: α_{t+1}, and α_T B_T", base.changed(late=-2)


def truncated(base: Computation) -> Wrongs:
    if base.run.T > 1:
        yield "", base.changed(every_K=True)


class NoHessian(Edited):
    """J without its products with H; those with M stay."""

    def edit(self, t: int, w: Array, lam: Blocks, exact: At) -> At:
        return exact._replace(vjp=lambda u: (np.zeros_like(u), exact.vjp(u)[1]))


class NoMixed(Edited):
    """J without its products with M, or with some blocks of it; those with H stay."""

    def __init__(self, exact: Objective, names: tuple[str, ...] | None = None):
        super().__init__(exact)
        self.names = names

    def edit(self, t: int, w: Array, lam: Blocks, exact: At) -> At:
        def vjp(u: Array) -> tuple[Array, Blocks]:
            uH, uM = exact.vjp(u)
            lost = uM if self.names is None else self.names
            return uH, {name: 0 * b if name in lost else b for name, b in uM.items()}

        return exact._replace(vjp=vjp)


class LookedAhead(Edited):
    """J with its products taken at w − η g instead of at w."""

    def edit(self, t: int, w: Array, lam: Blocks, exact: At) -> At:
        eta = lam["eta"][t - 1] if lam["eta"].ndim else lam["eta"]
        return self.exact.at(t, w - eta * exact.value, lam)._replace(value=exact.value)


def products_at_another_iterate(base: Computation) -> Wrongs:
    yield "w − η g for w", base.differentiating_on(LookedAhead)


def first_order(base: Computation) -> Wrongs:
    """Without H, or without that of the losses or that of the penalties."""
    yield "", base.differentiating_on(NoHessian)
    penalties = [isinstance(term, L2) for term in leaves(base.J)]
    if any(penalties) and not all(penalties):
        for variant, of in (("of the losses", False), ("of the penalty", True)):

            def without(term: Objective, of: bool = of) -> Objective:
                return NoHessian(term) if isinstance(term, L2) == of else term

            some = functools.partial(each_term, change=without)
            yield variant, base.differentiating_on(some)


def no_mixed_term(base: Computation) -> Wrongs:
    names = list(base.J.hyper(base.run.problem.p))
    if names:
        yield "", base.differentiating_on(NoMixed)
    if len(names) > 1:
        for name in names:
            yield name, base.differentiating_on(functools.partial(NoMixed, names=(name,)))


def gradient_detached(base: Computation) -> Wrongs:
    if base.J.hyper(base.run.problem.p):
        yield "", base.differentiating_on(lambda J: NoHessian(NoMixed(J)))


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
        yield "", base.differentiating(with_dynamics(FirstDetached))


def no_direct_term(base: Computation) -> Wrongs:
    if sees_lam(base):
        yield "", base.changed(direct=False)


KEEPS = {Adam: "beta2", AdamW: "beta2", RMSProp: "beta", AdaGrad: None}  # of u, from step to step


def root_detached(base: Computation) -> Wrongs:
    kind = type(base.dynamics)
    if kind not in KEEPS:
        return

    def edit(run: Run, squares: bool = False) -> Run:
        at = functools.partial(root_constant, run.dynamics, KEEPS[kind], squares=squares)
        return other_run(run, dynamics=altered(run.dynamics, at=at))

    rates = {"eps", "eps_root", KEEPS[kind]}
    lost = [name for name in base.run.layout.shapes if name in rates]
    erase = lambda blocks: {**blocks, **{name: 0 * blocks[name] for name in lost}}  # noqa: E731
    detached = base.differentiating(edit)
    yield "", detached
    yield "with ε and β2", detached.answering(erase)
    squares = functools.partial(edit, squares=True)
    yield "the squares of a detached gradient", base.differentiating(squares)


def root_constant(
    dynamics: Any, keeps: str | None, t: int, s: Array, lam: Blocks, squares: bool = False
) -> At:
    """The step, whose products take the u by whose root it divides for a constant.

    squares   only g² in u_t is a constant
    """
    exact, j = dynamics.at(t, s, lam), dynamics.state.index("u")
    keep = 1.0 if keeps is None else dynamics.rates_at(t, lam)[keeps]

    def vjp(alpha: Array) -> tuple[Array, Blocks]:
        row, share = exact.vjp(alpha)
        through = np.zeros_like(alpha)  # what reaches u_t by the division
        dynamics.split(through)[j] = dynamics.split(row)[j] / keep
        if squares:
            lost, lost_share = exact.vjp(through)
            dynamics.split(lost)[j] = 0
            shared = dynamics.J.hyper(alpha.size)
            return row - lost, {n: b - lost_share[n] * (n in shared) for n, b in share.items()}
        dynamics.split(through)[j] -= dynamics.split(alpha)[j]
        lost, lost_share = exact.vjp(through)
        return row - lost, {n: b - lost_share.get(n, 0.0) for n, b in share.items()}

    return exact._replace(vjp=vjp)


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
        "gradient-detached",
        "the training gradient was a constant in the backward pass: neither H nor M counts",
        "only the rates get a gradient, and only from their own steps",
        "autograd.grad without create_graph; .backward() inside the loop",
        gradient_detached,
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
        "denominator-detached",
        "the root of the squares was a constant in the backward pass",
        "what λ does to the length of a step by way of √u is missing",
        "u.detach() or stop_gradient where the step divides by √u",
        root_detached,
    ),
    Mistake(
        "jacobians-at-one-state",
        "all A_t and B_t were taken at one state, that after training or that before it",
        "right only where training does not move",
        "a backward loop that reads the weights of the model, which stand at s_T",
        jacobians_at_one_state,
    ),
    Mistake(
        "jacobians-transposed",
        "α_t was multiplied by A_t from the other side",
        "right only where A_t is symmetric, as in plain descent",
        "a product with columns (jvp) taken for one with rows (vjp)",
        jacobians_transposed,
    ),
]
