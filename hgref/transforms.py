"""Hyperparameters as people parametrise them: λ = τ(θ), with the products of τ."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from hgref.arguments import Array, as_count, require_callable, require_known
from hgref.layout import Blocks, probe

__all__ = [
    "Cosine",
    "Exp",
    "Map",
    "Piecewise",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Transform",
    "Transformed",
]

Shapes = dict[str, tuple[int, ...]]


class Transformed(NamedTuple):
    """τ at a point: what `Transform.at` returns.

    value   blocks of λ
    jvp     takes {name: (…, k)} of some of θ's blocks, where an absent one is zero
    vjp     takes some of λ's blocks; returns blocks of θ

    Example
        >>> at = hgref.transforms.Exp("eta").at({"eta": np.array(0.0)})
        >>> at.value["eta"].tolist(), at.vjp({"eta": np.array(3.0)})["eta"].tolist()
        (1.0, 3.0)
    """

    value: Blocks
    jvp: Callable[[Blocks], Blocks]
    vjp: Callable[[Blocks], Blocks]


class Transform:
    """A map τ from some blocks of θ to some blocks of λ; the others pass through.

    A subclass defines `shapes` and `at`.

        shapes(of_lam)   {name: shape} of θ, from that of λ
        at(theta)        τ(θ) with its products                     hgref.transforms.Transformed

    Cost     that of the functions
    Source   the chain rule: ∇_θ f = ∇_λ f · τ'(θ)

    Example
        >>> class Halved(hgref.transforms.Transform):
        ...     def shapes(self, of_lam): return of_lam
        ...     def at(self, theta):
        ...         half = lambda of: {**of, **{n: of[n] / 2 for n in ("l2",) if n in of}}
        ...         return hgref.transforms.Transformed(half(theta), half, half)
        >>> J = hgref.objectives.Quadratic(np.eye(1), [0.0]) + hgref.objectives.L2()
        >>> problem = hgref.Problem(hgref.GradientDescent(J), J, 1, [1.0], transform=Halved())
        >>> hgref.reverse(problem, {"eta": 0.5, "l2": 0.0})["l2"].tolist()
        -0.0625
    """

    def shapes(self, of_lam: Shapes) -> Shapes:
        raise NotImplementedError

    def at(self, theta: Blocks) -> Transformed:
        raise NotImplementedError


class Elementwise(Transform):
    """λ_j = τ(θ_j) in the named blocks.

    names    of blocks of λ; θ has blocks of the same names and shapes
    A subclass defines, on arrays that may be complex:

        value(x), slope(x)   τ and τ'
    """

    def __init__(self, *names: str):
        if not names or not all(isinstance(name, str) for name in names):
            raise TypeError(f"{type(self).__name__}: expected names of blocks, found {names}")
        self.names = names

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self.names))})"

    def value(self, x: Array) -> Array:
        raise NotImplementedError

    def slope(self, x: Array) -> Array:
        raise NotImplementedError

    def shapes(self, of_lam: Shapes) -> Shapes:
        for name in self.names:
            require_known(name, of_lam, f"block in {type(self).__name__}")
        return of_lam

    def at(self, theta: Blocks) -> Transformed:
        slopes = {name: np.asarray(self.slope(theta[name])) for name in self.names}

        def jvp(dtheta: Blocks) -> Blocks:
            moved = {n: slopes[n][..., None] * dtheta[n] for n in self.names if n in dtheta}
            return {**dtheta, **moved}

        def vjp(b: Blocks) -> Blocks:
            return {**b, **{n: slopes[n] * b[n] for n in self.names if n in b}}

        value = {name: np.asarray(self.value(theta[name])) for name in self.names}
        return Transformed({**theta, **value}, jvp, vjp)


class Exp(Elementwise):
    """λ = exp(θ): a hyperparameter above 0, whose steps are relative.

    names    of blocks of λ, such as Exp("eta", "l2")
    returns  a transform for `Problem(transform=…)`
    Cost     that of the function
    Exact    to rounding
    Source   the usual parametrisation of rates

    Example
        >>> J = hgref.objectives.Quadratic(np.eye(1), [0.0])
        >>> log = hgref.transforms.Exp("eta")
        >>> problem = hgref.Problem(hgref.GradientDescent(J), J, 1, [1.0], transform=log)
        >>> hgref.reverse(problem, {"eta": np.log(0.5)}).grad.tolist()  # η ∂f/∂η
        [-0.25]
    """

    def value(self, x: Array) -> Array:
        return np.exp(x)

    def slope(self, x: Array) -> Array:
        return np.exp(x)


class Sigmoid(Elementwise):
    """λ = 1 / (1 + exp(−θ)), in (0, 1): momenta, decays, weights of examples.

    names    of blocks of λ
    returns  a transform for `Problem(transform=…)`
    Cost     that of the function
    Exact    to rounding
    Source   the logistic function

    Example
        >>> hgref.transforms.Sigmoid("mu").at({"mu": np.array(0.0)}).value["mu"].tolist()
        0.5
    """

    def value(self, x: Array) -> Array:
        return sigmoid(x)

    def slope(self, x: Array) -> Array:
        return sigmoid(x) * sigmoid(-x)


class Softplus(Elementwise):
    """λ = log(1 + exp(θ)): above 0, and near θ where θ is large.

    names    of blocks of λ
    returns  a transform for `Problem(transform=…)`
    Cost     that of the function
    Exact    to rounding
    Source   Dugas et al. 2001, NeurIPS 13

    Example
        >>> hgref.transforms.Softplus("l2").at({"l2": np.array(0.0)}).value["l2"].round(3).tolist()
        0.693
    """

    def value(self, x: Array) -> Array:
        below = np.real(x) < 0
        return np.where(below, 0.0, x) + np.log1p(np.exp(-np.where(below, -x, x)))

    def slope(self, x: Array) -> Array:
        return sigmoid(x)


def sigmoid(x: Array) -> Array:
    small = np.exp(-np.where(np.real(x) < 0, -x, x))  # never overflows
    return np.where(np.real(x) < 0, small, 1.0) / (1 + small)


class Softmax(Transform):
    """λ = exp(θ) / Σ exp(θ) over a whole block: weights that sum to 1.

    name     of a block of λ
    returns  a transform for `Problem(transform=…)`
    Cost     O(size) a product
    Exact    to rounding
    Beware   adding a number to all θ changes nothing, so the Hessian in θ is singular
    Source   the usual parametrisation of a simplex

    Example
        >>> hgref.transforms.Softmax("c").at({"c": np.zeros(4)}).value["c"].tolist()
        [0.25, 0.25, 0.25, 0.25]
    """

    def __init__(self, name: str):
        self.name = name

    def __repr__(self) -> str:
        return f"Softmax({self.name!r})"

    def shapes(self, of_lam: Shapes) -> Shapes:
        require_known(self.name, of_lam, "block in Softmax")
        return of_lam

    def at(self, theta: Blocks) -> Transformed:
        x = theta[self.name]
        each = np.exp(x - np.max(np.real(x)))
        y = each / each.sum()

        def jvp(dtheta: Blocks) -> Blocks:
            if self.name not in dtheta:
                return dtheta
            weighted = y[..., None] * dtheta[self.name]
            total = weighted.reshape(-1, weighted.shape[-1]).sum(axis=0)
            return {**dtheta, self.name: weighted - y[..., None] * total}

        def vjp(b: Blocks) -> Blocks:
            if self.name not in b:
                return b
            return {**b, self.name: y * (b[self.name] - np.sum(y * b[self.name]))}

        return Transformed({**theta, self.name: y}, jvp, vjp)


class Linear(Transform):
    """A block of λ that is a matrix times some numbers: λ_name = C θ.

    name      of the block of λ;  C: (T, k)
    sources   {name: shape} of the blocks of θ, k numbers in all
    """

    def __init__(self, name: str, C: Array, sources: Shapes):
        self.name, self.C, self.sources = name, C, sources
        ends = np.cumsum([int(np.prod(shape)) for shape in sources.values()])
        self.parts = dict(zip(sources, np.split(C, ends[:-1], axis=1), strict=True))

    def shapes(self, of_lam: Shapes) -> Shapes:
        require_known(self.name, of_lam, f"block in {type(self).__name__}")
        return replaced(of_lam, [self.name], self.sources)

    def at(self, theta: Blocks) -> Transformed:
        def value(of: Blocks) -> Array:
            products = []
            for n, C in self.parts.items():
                if n in of:
                    more = of[n].shape[len(self.sources[n]) :]  # columns, if it has them
                    products.append(C @ of[n].reshape(C.shape[1], *more))
            return np.sum(products, axis=0)

        def forwards(of: Blocks) -> Blocks:
            rest = {n: block for n, block in of.items() if n not in self.sources}
            return {**rest, self.name: value(of)} if len(rest) < len(of) else rest

        def vjp(b: Blocks) -> Blocks:
            rest = {n: block for n, block in b.items() if n != self.name}
            if self.name not in b:
                return rest
            ours = {n: (b[self.name] @ C).reshape(self.sources[n]) for n, C in self.parts.items()}
            return {**rest, **ours}

        return Transformed(forwards(theta), forwards, vjp)


class Cosine(Linear):
    """A schedule from two numbers: a linear warm-up to a peak, then half a cosine to an end.

        k = t − 1:   λ_t = peak k / warmup                                        k < warmup
                     λ_t = end + (peak − end) (1 + cos(π (k − warmup) / (T − warmup))) / 2

    name     of a hyperparameter of the dynamics, such as "eta"
    T        steps of the problem
    warmup   steps of the warm-up
    returns  a transform for `Problem(transform=…)`: θ has `eta_peak` and `eta_end`, both numbers
    Raises   ValueError if warmup is not below T
    Cost     O(T) a product
    Exact    to rounding
    Source   optax.warmup_cosine_decay_schedule from 0; torch's CosineAnnealingLR for warmup = 0

    Example
        >>> cosine = hgref.transforms.Cosine("eta", T=4)
        >>> theta = {"eta_peak": np.array(1.0), "eta_end": np.array(0.0)}
        >>> cosine.at(theta).value["eta"].round(3).tolist()
        [1.0, 0.854, 0.5, 0.146]
    """

    def __init__(self, name: str, T: int, warmup: int = 0):
        T, warmup = as_count("T", T, 1), as_count("warmup", warmup, 0)
        if warmup >= T:
            raise ValueError(f"warmup: expected fewer than T = {T} steps, found {warmup}")
        k = np.arange(T)
        peak = (1 + np.cos(np.pi * (k - warmup) / (T - warmup))) / 2
        C = np.stack([peak, 1 - peak], axis=1)
        C[:warmup] = np.stack([k[:warmup] / max(warmup, 1), np.zeros(warmup)], axis=1)
        super().__init__(name, C, {f"{name}_peak": (), f"{name}_end": ()})

    def __repr__(self) -> str:
        return f"Cosine({self.name!r}, T={len(self.C)})"


class Piecewise(Linear):
    """A schedule that is constant on pieces of equal length: λ_t = θ_j, j = ⌊(t − 1) pieces / T⌋.

    name     of a hyperparameter of the dynamics, such as "eta"
    T        steps of the problem;  pieces: how many numbers
    returns  a transform for `Problem(transform=…)`: θ has `eta_pieces` (pieces,)
    Raises   ValueError if pieces exceeds T
    Cost     O(T pieces) a product
    Exact    to rounding
    Source   Maclaurin et al. 2015, whose schedules are such steps

    Example
        >>> steps = hgref.transforms.Piecewise("eta", T=4, pieces=2)
        >>> steps.at({"eta_pieces": np.array([0.5, 0.1])}).value["eta"].tolist()
        [0.5, 0.5, 0.1, 0.1]
    """

    def __init__(self, name: str, T: int, pieces: int):
        T, pieces = as_count("T", T, 1), as_count("pieces", pieces, 1)
        if pieces > T:
            raise ValueError(f"pieces: expected at most T = {T}, found {pieces}")
        C = np.zeros((T, pieces))
        C[np.arange(T), np.arange(T) * pieces // T] = 1
        super().__init__(name, C, {f"{name}_pieces": (pieces,)})

    def __repr__(self) -> str:
        return f"Piecewise({self.name!r}, T={len(self.C)}, pieces={self.C.shape[1]})"


class Map(Transform):
    """A map of your own from blocks of θ to blocks of λ.

    value    value(theta) -> {name: block of λ}; theta has all blocks of θ
    jvp      jvp(theta, dtheta) -> {name: (…, k)}; dtheta has columns (…, k) for each of `shapes`
    vjp      vjp(theta, b) -> {name: block} for each of `shapes`; b has a row for each block of λ
             that value makes
    shapes   {name: shape} of the blocks of θ that the map reads; they replace those that it makes
    returns  a transform for `Problem(transform=…)`
    Raises   TypeError, ValueError for functions and blocks that do not fit
    Cost     that of the functions
    Exact    as exact as the functions; `hgref.check` compares them with f itself
    Beware   with complex-step witnesses value gets complex numbers
    Source   the chain rule: ∇_θ f = ∇_λ f · τ'(θ)

    Example
        >>> square = hgref.transforms.Map(
        ...     lambda theta: {"l2": theta["root"] ** 2},
        ...     lambda theta, d: {"l2": 2 * theta["root"] * d["root"]},
        ...     lambda theta, b: {"root": 2 * theta["root"] * b["l2"]}, {"root": ()})
        >>> square.at({"root": np.array(3.0)}).value["l2"].tolist()
        9.0
    """

    def __init__(
        self,
        value: Callable[..., Any],
        jvp: Callable[..., Any],
        vjp: Callable[..., Any],
        shapes: Mapping[str, tuple[int, ...]],
    ):
        for name, function in (("value", value), ("jvp", jvp), ("vjp", vjp)):
            require_callable(name, function)
        self.functions = value, jvp, vjp
        self.reads = {name: tuple(np.empty(shape).shape) for name, shape in shapes.items()}
        made = value(probe(self.reads))
        self.makes = {name: np.shape(block) for name, block in made.items()}

    def shapes(self, of_lam: Shapes) -> Shapes:
        for name in self.makes:
            require_known(name, of_lam, "block that the map makes")
        return replaced(of_lam, self.makes, self.reads)

    def at(self, theta: Blocks) -> Transformed:
        value, jvp, vjp = self.functions
        rest = {n: block for n, block in theta.items() if n not in self.reads}

        def forwards(dtheta: Blocks) -> Blocks:
            others = {n: block for n, block in dtheta.items() if n not in self.reads}
            ours = {n: dtheta[n] for n in self.reads if n in dtheta}
            if not ours:
                return others
            k = next(iter(ours.values())).shape[-1]
            zeros = {n: np.zeros((*shape, k)) for n, shape in self.reads.items()}
            return {**others, **jvp(theta, {**zeros, **ours})}

        def backwards(b: Blocks) -> Blocks:
            others = {n: block for n, block in b.items() if n not in self.makes}
            ours = {n: b.get(n, np.zeros(shape)) for n, shape in self.makes.items()}
            return {**others, **vjp(theta, ours)}

        return Transformed({**rest, **value(theta)}, forwards, backwards)


def replaced(of_lam: Shapes, made: Iterable[str], sources: Shapes) -> Shapes:
    """λ's shapes with those of the sources in the place of what they make."""
    made, found = list(made), {}
    for name, shape in of_lam.items():
        if name not in made:
            found[name] = shape
        elif name == made[0]:
            found |= sources
    taken = set(sources) & (set(of_lam) - set(made))
    if taken:
        raise ValueError(f"transform: λ has blocks {sorted(taken)} already; give others names")
    return found


class Chain(Transform):
    """Several transforms, the first applied to θ first."""

    def __init__(self, transforms: Iterable[Transform]):
        self.transforms = list(transforms)
        for one in self.transforms:
            if not isinstance(one, Transform):
                raise TypeError(
                    f"transform: expected transforms of hgref.transforms, found {one!r}"
                )

    def shapes(self, of_lam: Shapes) -> Shapes:
        for one in reversed(self.transforms):
            of_lam = one.shapes(of_lam)
        return of_lam

    def at(self, theta: Blocks) -> Transformed:
        steps = []
        for one in self.transforms:
            steps.append(one.at(theta))
            theta = steps[-1].value

        def jvp(dtheta: Blocks) -> Blocks:
            for step in steps:
                dtheta = step.jvp(dtheta)
            return dtheta

        def vjp(b: Blocks) -> Blocks:
            for step in reversed(steps):
                b = step.vjp(b)
            return b

        return Transformed(theta, jvp, vjp)
