"""Mistakes made after a right computation, or in place of one."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Mapping

import numpy as np

from hgref.arguments import Array
from hgref.layout import Blocks, Layout
from hgref.verify.mistakes.computation import Computation, Wrongs, scheduled, sees_lam
from hgref.verify.mistakes.edits import data_losses
from hgref.verify.mistakes.mistake import Mistake

FEW = 5  # blocks of λ: all their subsets and orders are tried


def sign(base: Computation) -> Wrongs:
    yield from times(base, {"": lambda x: -np.ones_like(x)})


def nothing(base: Computation) -> Wrongs:
    yield "", base.answering(lambda blocks: {n: 0 * b for n, b in blocks.items()})


def only_direct_term(base: Computation) -> Wrongs:
    if sees_lam(base):
        yield "", base.changed(enters=lambda T: np.zeros(T + 1))


def logarithm(base: Computation) -> Wrongs:
    yield from times(base, {"": lambda x: x, "log10": lambda x: x * np.log(10)})


def reparametrised(base: Computation) -> Wrongs:
    """dλ/dθ of λ = σ(θ), log(1 + e^θ), θ², 1/θ, 1 − θ, 2^(−1/θ), e^(−1/θ), in λ."""
    slopes: dict[str, Callable[[Array], Array]] = {
        "sigmoid": lambda x: x * (1 - x),
        "softplus": lambda x: -np.expm1(-x),
        "square": lambda x: 2 * np.sqrt(x),
        "reciprocal": lambda x: -(x**2),
        "complement to 1": lambda x: -np.ones_like(x),
        "half-life": lambda x: x * np.log(x) ** 2 / np.log(2),
        "time constant": lambda x: x * np.log(x) ** 2,
    }
    yield from times(base, slopes)


def times(base: Computation, slopes: Mapping[str, Callable[[Array], Array]]) -> Wrongs:
    """All blocks, one of them, or some, times dλ/dθ."""
    names = tuple(base.run.layout.shapes)
    for function, slope in slopes.items():
        with np.errstate(all="ignore"):  # √ and log of a number below 0
            factors = {name: slope(base.lam[name]) for name in names}
        for some in subsets(names):
            where = "" if some == names else " and ".join(some)
            variant = " of ".join(filter(None, (function, where)))
            here = functools.partial(multiplied, {name: factors[name] for name in some})
            alone = 1 < len(some) < len(names)
            yield variant, base.answering(here).changed(alone=alone or base.alone)


def subsets(names: tuple[str, ...]) -> list[tuple[str, ...]]:
    """All of the names, each of them, then those between, while they are few."""
    sizes = [len(names), *range(1, len(names) if len(names) <= FEW else 2)]
    chosen = [some for size in sizes for some in itertools.combinations(names, size)]
    return list(dict.fromkeys(chosen))


def multiplied(factors: Blocks, blocks: Blocks) -> Blocks:
    return {**blocks, **{name: blocks[name] * factor for name, factor in factors.items()}}


def w0_left_out(base: Computation) -> Wrongs:
    if base.run.problem.learn_w0:
        yield "", base.answering(lambda blocks: {**blocks, "w0": 0 * blocks["w0"]})


def rate_detached(base: Computation) -> Wrongs:
    for name in base.dynamics.names:
        if name in base.run.layout.shapes:  # skips names that only another convention has
            yield name, base.answering(functools.partial(erased, name))


def erased(name: str, blocks: Blocks) -> Blocks:
    return {**blocks, name: 0 * blocks[name]}


def transposed(base: Computation) -> Wrongs:
    models = data_losses(base.J)
    problem = base.run.problem
    if problem.learn_w0 and models and not any_order(models[0].layers(problem.w0)):

        def turn(blocks: Blocks) -> Blocks:
            turned = [(W.T.reshape(-1), b) for W, b in models[0].layers(blocks["w0"])]
            return {**blocks, "w0": np.concatenate([part for layer in turned for part in layer])}

        yield "w0", base.answering(turn)
    shapes = base.run.layout.shapes
    matrices = [name for name, shape in shapes.items() if len(shape) == 2 and min(shape) > 1]
    for names in dict.fromkeys([*((name,) for name in matrices), tuple(matrices)]):
        if names:
            yield ", ".join(names), base.answering(functools.partial(by_columns, names))


def by_columns(names: tuple[str, ...], blocks: Blocks) -> Blocks:
    """The blocks with those matrices flattened by columns."""
    turned = {n: blocks[n].T.reshape(blocks[n].shape) for n in names}
    return {**blocks, **turned}


def any_order(layers: list[tuple[Array, Array]]) -> bool:
    """Whether row and column order agree: no matrix has two rows and two columns."""
    return all(min(W.shape) == 1 for W, _ in layers)


def permuted(base: Computation) -> Wrongs:
    layout = base.run.layout
    names = list(layout.shapes)
    if names != sorted(names):
        alphabetical = functools.partial(in_order, layout, tuple(sorted(names)))
        yield "in alphabetical order", base.answering(alphabetical)
    if len(names) <= FEW:
        for order in itertools.permutations(names):
            reordered = functools.partial(in_order, layout, order)
            yield ", ".join(order), base.answering(reordered).changed(alone=True)
    for a, b in itertools.combinations(names, 2):
        if layout.shapes[a] == layout.shapes[b]:
            yield f"{a} and {b} swapped", base.answering(functools.partial(exchanged, a, b))


def in_order(layout: Layout, order: tuple[str, ...], blocks: Blocks) -> Blocks:
    """The numbers of a flat vector in that order, read in the layout's own."""
    return layout.split(np.concatenate([blocks[n].reshape(-1) for n in order]))


def exchanged(a: str, b: str, blocks: Blocks) -> Blocks:
    return {**blocks, a: blocks[b], b: blocks[a]}


def schedule_backwards(base: Computation) -> Wrongs:
    names = scheduled(base)
    if names:

        def turned(blocks: Blocks) -> Blocks:
            return {**blocks, **{n: blocks[n][::-1] for n in names}}

        yield "", base.answering(turned)


ANSWER = [
    Mistake(
        "sign",
        "the sign of the hypergradient is reversed, or that of some blocks",
        "descent goes up",
        "−∇f returned as a direction, or ascent on f",
        sign,
    ),
    Mistake(
        "zero",
        "the gradient is zero: λ is not connected to the run",
        "nothing is learned",
        "a detached graph, or parameters copied by value",
        nothing,
    ),
    Mistake(
        "only-direct-term",
        "only ∂E/∂λ was returned; nothing went through the training run",
        "the trained state was detached",
        "a .detach() or stop_gradient on the final weights",
        only_direct_term,
    ),
    Mistake(
        "logarithm",
        "the gradient is with respect to log λ",
        "each entry is multiplied by λ, or by λ log 10",
        "hyperparameters kept as logarithms",
        logarithm,
    ),
    Mistake(
        "w0-not-learned",
        "the initial weights were taken for a constant",
        "block w0 is zero",
        "initial weights created inside the loop",
        w0_left_out,
    ),
    Mistake(
        "transposed",
        "a weight matrix was flattened by columns",
        "entries of the block stand in the wrong places",
        "(inputs, outputs) against (outputs, inputs)",
        transposed,
    ),
    Mistake(
        "permuted-blocks",
        "blocks of λ stand in another order",
        "right numbers under wrong names",
        "jax sorts the keys of a mapping",
        permuted,
    ),
    Mistake(
        "schedule-backwards",
        "the gradient of a schedule is in the order of the backward pass",
        "entry t stands at T + 1 − t",
        "lists filled from t = T down",
        schedule_backwards,
    ),
    Mistake(
        "rate-detached",
        "a hyperparameter of the optimizer was fed to it as a constant",
        "its block is zero",
        "FAR-HO: a step size chosen by a line search; optimizers that keep plain numbers",
        rate_detached,
    ),
    Mistake(
        "reparametrised",
        "the gradient is with respect to another function of λ",
        "each entry is multiplied by dλ/dθ",
        "hyperparameters kept positive, or below 1, by a sigmoid, a softplus or a square",
        reparametrised,
    ),
]
