"""The bilevel problem: a training run s_t = Φ_t(s_{t-1}, λ) and a validation error E(s_T)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from hgref.arguments import Array, as_array, as_count
from hgref.dynamics.dynamics import Dynamics
from hgref.dynamics.over import number_of
from hgref.layout import Blocks, Layout, layout_of
from hgref.objectives.objective import Objective
from hgref.run import Diverged, Run
from hgref.transforms import Chain

__all__ = ["Diverged", "Hypergradient", "Problem"]


@dataclass(frozen=True, eq=False)
class Hypergradient:
    """f(λ) and ∇f(λ).

    f         E(s_T), scalar
    grad      (m,), or (k,) for the columns that were requested, in that order
    s_T       (d,) final state
    layout    positions of the blocks in `grad`; g["eta"] is one block
    partials  (T, m): ∇f_t(λ) for every t (16), if requested
    trace     of `reverse` (T+1, d): row t is α_t; of `forward` (T+1, d, m): entry t is Z_t; if
              requested
    """

    f: float
    grad: Array
    s_T: Array
    layout: Layout
    partials: Array | None = None
    trace: Array | None = None

    def __getitem__(self, name: str) -> Array:
        self.layout.select([name])  # refuses unknown names
        return self.blocks[name]

    def __contains__(self, name: object) -> bool:
        return name in self.layout.shapes

    def __iter__(self) -> Iterator[str]:
        return iter(self.layout.shapes)

    def keys(self) -> list[str]:
        """Names of the blocks: with it, dict(g) is the gradient as a mapping."""
        return list(self.layout.shapes)

    @property
    def blocks(self) -> Blocks:
        """The gradient as named blocks, shaped like those of λ."""
        return self.layout.split(self.grad)


class Problem:
    """min over λ of f(λ) = E(s_T(λ)),   s_t = Φ_t(s_{t-1}, λ),   t = 1 … T.

    dynamics  Φ over a training objective J: any of hgref.dynamics
    E         the validation error: any objective. It may depend on λ directly, through blocks of
              its own or blocks that it shares with J (same name, same shape)
    T         number of steps, at least 1
    w0        (p,) initial weights; default those of the template that J or the dynamics was made
              from in PyTorch or JAX, else zeros
    learn_w0  True: w0 is a hyperparameter, block `w0` (p,)
    transform one or several of hgref.transforms, the first applied first: then λ in every call is
              θ, and the hyperparameters of dynamics, J and E are τ(θ)
    s0        (d,) a whole state that is carried over from an earlier run, in place of w0
    t0        number of the first step: the run is steps t0 … t0 + T − 1 of a longer one, with their
              mini-batches, corrections and entries of schedules, which are (t0 + T − 1,)
    Raises    ValueError, TypeError naming the argument, what was expected and what was found
    Cost      none; training runs when `f`, `hgref.forward`, `hgref.reverse` … are called
    Beware    `pack` returns a vector that carries its layout. A plain vector is identified by its
              length, and refused if more than one layout has that length. Data are not copied
    Source    Franceschi et al. 2017, section 2

    Example
        >>> X, y = [[0.0], [1.0], [2.0]], [0, 1, 1]
        >>> J = hgref.objectives.Softmax(X, y, classes=2) + hgref.objectives.L2()
        >>> E = hgref.objectives.Softmax([[0.5], [1.5]], [0, 1], classes=2)
        >>> problem = hgref.Problem(hgref.Momentum(J), E, T=20)
        >>> problem
        Problem(Momentum, T=20, p=4, d=8, Layout(eta[], mu[], l2[]; m=3))
        >>> problem.f(problem.pack(eta=0.1, mu=0.9, l2=0.01)).round(3).tolist()
        0.502
    """

    def __init__(
        self,
        dynamics: Dynamics,
        E: Objective,
        T: int,
        w0: Any = None,
        learn_w0: bool = False,
        transform: Any = None,
        s0: Any = None,
        t0: int = 1,
    ):
        if not isinstance(dynamics, Dynamics):
            raise TypeError(f"dynamics: expected a dynamics, found {type(dynamics).__name__}")
        if not isinstance(E, Objective):
            raise TypeError(f"E: expected an objective, found {type(E).__name__}")
        self.dynamics, self.E = dynamics, E
        self.T, self.t0 = as_count("T", T, 1), as_count("t0", t0, 1)
        self.last = self.t0 - 1 + self.T
        if dynamics.own_start and (learn_w0 or w0 is not None):
            raise ValueError("w0: expected None, as the dynamics makes its start from λ")
        self.w0 = start_weights(dynamics.J, E, w0)
        self.p = self.w0.size
        self.d = self.p * len(dynamics.state)
        self.learn_w0 = bool(learn_w0)
        self.s0 = None if s0 is None else as_array("s0", s0, (self.d,)).copy()
        if s0 is not None and (learn_w0 or w0 is not None):
            raise ValueError("w0: expected None and learn_w0=False, as s0 is the start")
        for part in (dynamics.J, E):
            part.check_run(self.last, self.p)
        many = isinstance(transform, (list, tuple))
        self.transform = None if transform is None else Chain(transform if many else [transform])
        shapes = self.shapes()
        self.layout = Layout(shapes if self.transform is None else self.transform.shapes(shapes))

    def __repr__(self) -> str:
        steps = f"T={self.T}" if self.t0 == 1 else f"t={self.t0} … {self.last}"
        what = f"{type(self.dynamics).__name__}, {steps}, p={self.p}, d={self.d}"
        return f"Problem({what}, {self.layout})"

    # --- λ, flat and in blocks ---

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of λ's blocks, before a transform; a schedule only where `over` says "steps"."""
        shapes = self.dynamics.hyper(self.p)
        for name, axes in self.dynamics.over.items():
            if "steps" in axes:
                shapes[name] = (self.last, *shapes[name])
        for name, shape in self.E.hyper(self.p).items():
            if shapes.setdefault(name, shape) != shape:
                raise ValueError(
                    f"E: expected shape {shapes[name]} for its block {name!r}, as in training, "
                    f"found {shape}; a name can stand for only one block of λ"
                )
        if self.learn_w0:
            if "w0" in shapes:
                raise ValueError("learn_w0: the objective has a block 'w0' already")
            shapes["w0"] = (self.p,)
        return shapes

    def pack(self, **blocks: Any) -> Array:
        """The flat λ (m,) of named blocks: dynamics, objective, then w0; it carries its layout.

        Each block has the shape in `problem.layout`; a hyperparameter of the dynamics that is a
        number there may also be a schedule (T,): where T numbers could as well be one for each
        weight or layer, the dynamics must say `over`. If block w0 is left out, it is the problem's
        own w0.
        """
        flat, layout = self.flatten(blocks)
        return layout.point(flat)

    def unpack(self, lam: Any) -> Blocks:
        """The named blocks of λ, copied."""
        return {name: block.copy() for name, block in self.read(lam).theta.items()}

    def flatten(self, blocks: Mapping[str, Any]) -> tuple[Array, Layout]:
        shapes = {n: self.scheduled(n, s, blocks.get(n)) for n, s in self.layout.shapes.items()}
        layout = Layout(shapes)
        default = {"w0": self.w0} if self.learn_w0 else {}
        return layout.flatten({**default, **blocks}), layout

    def scheduled(self, name: str, shape: tuple[int, ...], value: Any) -> tuple[int, ...]:
        """The shape of a block; (T,) if the value is a schedule."""
        if name not in self.free or np.ndim(value) != 1:
            return shape
        self.require_one_meaning(name, np.size(value))
        return (self.last,)

    @property
    def free(self) -> list[str]:
        """Hyperparameters of the dynamics that may be a number or a schedule."""
        own, shapes = self.dynamics, self.layout.shapes
        return [n for n in own.names if n not in own.over and shapes.get(n) == ()]

    def require_one_meaning(self, name: str, size: int) -> None:
        """Raise ValueError if that many numbers are not, or not only, one for each step."""
        counts = {"steps": self.last, "weights": self.p}
        if self.dynamics.J.layer_labels is not None:
            counts["blocks"] = number_of(self.dynamics.J.layer_labels)
        fits = [axis for axis, count in counts.items() if count == size]
        if fits in ([], ["steps"]):
            return
        meant = " or ".join(f'over={{"{name}": "{axis}"}}' for axis in fits)
        raise ValueError(
            f"{name}: expected a number or a schedule ({self.last},), found ({size},), which can "
            f"be one number for each of the {' or the '.join(fits)}: give the dynamics {meant}"
        )

    def read(self, lam: Any) -> Run:
        """The run at λ, a flat vector or a mapping; checks shapes and that numbers are finite."""
        if isinstance(lam, Mapping):
            flat, layout = self.flatten(lam)
        else:
            flat = as_array("lam", lam, ("m",))
            brought = layout_of(lam)
            known = brought is not None and brought in self.layouts()
            layout = brought if known and brought else self.layout_for(flat.size)
            for name in self.free:
                if layout.shapes[name]:
                    self.require_one_meaning(name, self.last)
        return Run(self, layout.split(flat), layout)

    def at(self, lam: Any) -> Run:
        """The run at λ; checks also that each block is in its domain.

        lam      (m,) the point λ, or a mapping of names
        returns  hgref.run.Run: start, steps, states and the validation error at this λ
        Raises   ValueError, TypeError naming the argument, what was expected and what was found
        Cost     none; steps are computed when its methods are called
        Source   Franceschi et al. 2017, section 2
        """
        run = self.read(lam)
        self.dynamics.check_blocks(run.lam)
        self.E.check_blocks(run.lam)
        return run

    def require_lam(self, lam: Blocks) -> Blocks:
        """The blocks of λ that a transform made; ValueError if a shape does not fit."""
        free = [name for name in self.dynamics.names if name not in self.dynamics.over]
        for name, shape in self.shapes().items():
            found = np.shape(lam[name])
            if found != shape and not (name in free and found == (self.last,)):
                also = f" or a schedule ({self.last},)" if name in free else ""
                raise ValueError(
                    f"transform: expected shape {shape}{also} of λ's block {name!r}, found {found}"
                )
        return lam

    def layout_for(self, size: int) -> Layout:
        """The layout of a plain vector of length `size`."""
        if size == self.layout.size:
            return self.layout
        fits = [layout for layout in self.layouts() if layout.size == size]
        if len(fits) == 1:
            return fits[0]
        if fits:
            raise ValueError(
                f"lam: a vector of length {size} can be {' or '.join(map(repr, fits))}; "
                f"give a vector from `pack`, or a mapping of names"
            )
        raise ValueError(f"lam: expected shape ({self.layout.size},), found ({size},)")

    def layouts(self) -> Iterator[Layout]:
        """Every possible layout: each hyperparameter that `over` leaves free, both ways."""
        free = self.free
        for late in itertools.product((False, True), repeat=len(free)):
            schedules = {n: (self.last,) for n, yes in zip(free, late, strict=True) if yes}
            yield Layout({**self.layout.shapes, **schedules})

    # --- parts of one run; for several parts at one λ use `run = problem.at(lam)` ---

    def start(self, lam: Any) -> Array:
        """s_0 (d,)."""
        return self.read(lam).start()

    def step(self, t: int, s: Array, lam: Any) -> Array:
        """s_t = Φ_t(s_{t-1}, λ)."""
        return self.read(lam).step(t, s)

    def states(self, lam: Any) -> Iterator[Array]:
        """s_0, s_1, … s_T."""
        return self.read(lam).states()

    def error(self, t: int, s: Array, lam: Any) -> Any:
        """E(s_t, λ), scalar."""
        return self.read(lam).error(t, s)

    def error_grad(self, t: int, s: Array, lam: Any) -> tuple[Array, Blocks]:
        """(∇E(s_t) (d,), {name: ∂E/∂λ directly})."""
        return self.read(lam).error_grad(t, s)

    def f(self, lam: Any) -> Any:
        """f(λ) = E(s_T(λ)), by running the training.

        lam      (m,) or a mapping of names; may be complex, or of exact numbers
        returns  scalar, of λ's number type
        Cost     T steps; memory O(d)
        Exact    to rounding
        Beware   also accepts a λ that `reverse` refuses, such as a negative weight: witnesses by
                 finite differences need it there
        Source   Franceschi et al. 2017, section 2
        """
        run = self.read(lam)
        return run.error(self.T, run.last_state())


def start_weights(J: Objective, E: Objective, w0: Any) -> Array:
    """w0 (p,), of the length that J and E require."""
    sizes = {part.p for part in (J, E) if part.p is not None}
    if 0 in sizes or (w0 is not None and np.size(w0) == 0):
        raise ValueError("w0: expected at least one weight, found p = 0")
    if len(sizes) > 1:
        raise ValueError(f"E: expected p = {J.p} weights, as in training, found {E.p}")
    if w0 is not None:
        return as_array("w0", w0, (sizes.pop() if sizes else "p",)).copy()
    if not sizes:
        raise ValueError("w0: expected (p,) numbers, as neither J nor E determines p; found None")
    return np.zeros(sizes.pop()) if J.w0 is None else J.w0.copy()
