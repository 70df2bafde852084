"""Mistakes made after a right computation, or in place of one."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from hgref.arguments import Array
from hgref.layout import Blocks
from hgref.objectives.data_loss import DataLoss
from hgref.verify.mistakes.computation import Computation, scheduled
from hgref.verify.mistakes.mistake import Mistake

Wrongs = Iterator[tuple[str, Computation]]
TINY = 1e-12  # relative: below it, conjugate gradients would divide rounding errors
LARGEST_DENSE = 1000  # weights; the implicit gradient is not tried on larger problems


def sign(base: Computation) -> Wrongs:
    yield "", base.answering(lambda blocks: {n: -b for n, b in blocks.items()})


def nothing(base: Computation) -> Wrongs:
    yield "", base.answering(lambda blocks: {n: 0 * b for n, b in blocks.items()})


def logarithm(base: Computation) -> Wrongs:
    yield from times(base, {"": lambda x: x, "log10": lambda x: x * np.log(10)})


def reparametrised(base: Computation) -> Wrongs:
    """dλ/dθ of λ = σ(θ), log(1 + e^θ), θ², 1/θ, in λ."""
    slopes: dict[str, Callable[[Array], Array]] = {
        "sigmoid": lambda x: x * (1 - x),
        "softplus": lambda x: -np.expm1(-x),
        "square": lambda x: 2 * np.sqrt(x),
        "reciprocal": lambda x: -(x**2),
    }
    yield from times(base, slopes)


def times(base: Computation, slopes: Mapping[str, Callable[[Array], Array]]) -> Wrongs:
    """All blocks, or one of them, times dλ/dθ."""
    names = tuple(base.run.layout.shapes)
    for function, slope in slopes.items():
        for some in dict.fromkeys([names, *((name,) for name in names)]):
            where = "" if some == names else some[0]
            with np.errstate(all="ignore"):  # √ of a number below 0
                factors = {name: slope(base.lam[name]) for name in some}
            variant = " of ".join(filter(None, (function, where)))
            yield variant, base.answering(functools.partial(multiplied, factors))


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
    models = [term for term in base.J.terms() if isinstance(term, DataLoss)]
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

        def alphabetical(blocks: Blocks) -> Blocks:
            return layout.split(np.concatenate([blocks[n].reshape(-1) for n in sorted(names)]))

        yield "in alphabetical order", base.answering(alphabetical)
    for a, b in itertools.combinations(names, 2):
        if layout.shapes[a] == layout.shapes[b]:
            yield f"{a} and {b} swapped", base.answering(functools.partial(exchanged, a, b))


def exchanged(a: str, b: str, blocks: Blocks) -> Blocks:
    return {**blocks, a: blocks[b], b: blocks[a]}


def schedule_backwards(base: Computation) -> Wrongs:
    names = scheduled(base)
    if names:

        def turned(blocks: Blocks) -> Blocks:
            return {**blocks, **{n: blocks[n][::-1] for n in names}}

        yield "", base.answering(turned)


def implicit(base: Computation) -> Wrongs:
    """−∇E H⁻¹ M at s_T: the derivative of the minimum that training has not reached."""
    if base.run.problem.p <= LARGEST_DENSE and base.J.hyper(base.run.problem.p):
        yield "", base.answering(functools.partial(at_the_limit, base, solved))


def implicit_early(base: Computation) -> Wrongs:
    """The same, with the linear solve stopped after K iterations; CG would need p."""
    if base.run.problem.p > LARGEST_DENSE or not base.J.hyper(base.run.problem.p):
        return
    for method, solve in (("conjugate gradients", conjugate_gradients), ("Neumann", neumann)):
        for K in (1, 2, 3, 5, 10):
            if base.run.problem.p > K or solve is neumann:
                early = functools.partial(at_the_limit, base, functools.partial(solve, base, K))
                yield f"{method}, K = {K}", base.answering(early)


def at_the_limit(
    base: Computation, solve: Callable[[Array, Array], Array], blocks: Blocks
) -> Blocks:
    """∂E/∂λ − ∇E H⁻¹ M at s_T, H⁻¹ by `solve`."""
    run = base.run
    s = run.last_state()
    w = run.dynamics.weights(s)
    row, direct = run.error_grad(run.T, s)
    training = run.dynamics.J.at(run.T, w, run.lam)
    H = training.jvp(np.eye(w.size), {})
    q = solve(H, -run.dynamics.weights(row))
    share = training.vjp(q)[1]
    return {n: 0 * b + share.get(n, 0) + direct.get(n, 0) for n, b in blocks.items()}


def solved(H: Array, b: Array) -> Array:
    return np.linalg.lstsq(H.T, b, rcond=None)[0]


def conjugate_gradients(base: Computation, K: int, H: Array, b: Array) -> Array:
    """K textbook iterations from 0; ArithmeticError if fewer suffice, or the curvature vanishes."""
    x, r = 0 * b, b
    d = r
    for _ in range(K):
        curved = d @ H @ d
        if r @ r <= TINY * (b @ b) or abs(curved) <= TINY * (d @ d) * np.linalg.norm(H):
            raise ArithmeticError("expected a residual and a curvature above rounding")
        step = (r @ r) / curved
        x, before = x + step * d, r
        r = r - step * (H @ d)
        d = r + (r @ r) / (before @ before) * d
    return x


def neumann(base: Computation, K: int, H: Array, b: Array) -> Array:
    """η Σ_{k < K} (I − ηH)^k b, with the last learning rate."""
    eta = base.lam["eta"][-1] if base.lam["eta"].ndim else base.lam["eta"]
    term, total = eta * b, 0 * b
    for _ in range(K):
        total, term = total + term, term - eta * (H @ term)
    return total


ANSWER = [
    Mistake(
        "sign",
        "the sign of the hypergradient is reversed",
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
        "implicit-limit",
        "the implicit gradient was taken for that of T steps",
        "what training has not reached yet is counted as reached",
        "jaxopt's own test compares with the limit",
        implicit,
    ),
    Mistake(
        "implicit-not-converged",
        "the implicit gradient's linear system was left after a few iterations",
        "neither the gradient of T steps nor that of the limit",
        "betty, issue 15 and its cg_alpha",
        implicit_early,
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
