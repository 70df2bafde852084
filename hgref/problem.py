"""The bilevel problem: a training run s_t = Φ_t(s_{t-1}, λ) and a validation error E(s_T)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from hgref.arguments import Array, as_array, as_count, where_not_finite
from hgref.dynamics.dynamics import Dynamics
from hgref.layout import Blocks, Layout, layout_of
from hgref.objectives.objective import Objective


class Diverged(ArithmeticError):
    """A run left the finite numbers.

    what                   what left them: the training run, Z_t, alpha, ∇f, …
    t, block, coordinate   step, block (of the state, or of λ, or E itself) and index in it of the
                           first NaN or infinity
    """

    def __init__(self, what: str, t: int, block: str, coordinate: int):
        super().__init__(what, t, block, coordinate)
        self.what, self.t, self.block, self.coordinate = what, t, block, coordinate

    def __str__(self) -> str:
        return (
            f"{self.what} left the finite numbers at step t = {self.t}, block {self.block!r}, "
            f"coordinate {self.coordinate}; try a smaller eta, and look for 0/0 (an epsilon of 0)"
        )


@dataclass(frozen=True, eq=False)
class Hypergradient:
    """f(λ) and ∇f(λ).

    f         E(s_T), scalar
    grad      (m,), or (k,) for the columns asked for, in the order in which they were
    s_T       (d,) final state
    layout    where the blocks of `grad` stand; g["eta"] is one of them
    partials  (T, m): ∇f_t(λ) for every t (16), where asked for
    """

    f: float
    grad: Array
    s_T: Array
    layout: Layout
    partials: Array | None = None

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
    E         the validation error: any objective; it may read blocks of λ (direct dependence), of
              its own or, under the same name and shape, of J
    T         number of steps, at least 1
    w0        (p,) initial weights; default zeros
    learn_w0  True: w0 is a hyperparameter, block `w0` (p,)
    Raises    ValueError, TypeError with the name, the expected and the found
    Cost      none; the run happens in `f`, `hgref.forward`, `hgref.reverse` …
    Beware    `pack` returns a vector that knows its blocks. A plain vector is read by its length,
              and refused where two hyperparameters could be the schedule. Data are not copied
    Source    Franceschi et al. 2017, section 2
    """

    def __init__(
        self, dynamics: Dynamics, E: Objective, T: int, w0: Any = None, learn_w0: bool = False
    ):
        if not isinstance(dynamics, Dynamics):
            raise TypeError(f"dynamics: expected a dynamics, found {type(dynamics).__name__}")
        if not isinstance(E, Objective):
            raise TypeError(f"E: expected an objective, found {type(E).__name__}")
        self.dynamics, self.E = dynamics, E
        self.T = as_count("T", T, 1)
        self.w0 = start_weights(dynamics.J, E, w0)
        self.p = self.w0.size
        self.d = self.p * len(dynamics.state)
        self.learn_w0 = bool(learn_w0)
        for part in (dynamics.J, E):
            part.check_run(self.T, self.p)
        self.layout = Layout(self.shapes())

    def __repr__(self) -> str:
        what = f"{type(self.dynamics).__name__}, T={self.T}, p={self.p}, d={self.d}"
        return f"Problem({what}, {self.layout})"

    # --- λ, flat and in blocks ---

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the blocks of λ when no hyperparameter of the dynamics is a schedule."""
        shapes = self.dynamics.hyper(self.p)
        for name, shape in self.E.hyper(self.p).items():
            if shapes.setdefault(name, shape) != shape:
                raise ValueError(
                    f"E: its block {name!r} has shape {shape}, the training's {shapes[name]}; "
                    f"one name is one block of λ"
                )
        if self.learn_w0:
            if "w0" in shapes:
                raise ValueError("learn_w0: the objective has a block 'w0' already")
            shapes["w0"] = (self.p,)
        return shapes

    def pack(self, **blocks: Any) -> Array:
        """The flat λ (m,) of named blocks: dynamics, objective, then w0; it knows them.

        Each block has the shape in `problem.layout`; a hyperparameter of the dynamics may also be a
        schedule (T,). Block w0 may be left out: it then is the problem's own w0.
        """
        flat, layout = self.flatten(blocks)
        return layout.point(flat)

    def unpack(self, lam: Any) -> Blocks:
        """The named blocks of λ, copied."""
        return {name: block.copy() for name, block in self.read(lam)[0].items()}

    def flatten(self, blocks: Mapping[str, Any]) -> tuple[Array, Layout]:
        shapes = {n: self.scheduled(n, s, blocks.get(n)) for n, s in self.layout.shapes.items()}
        layout = Layout(shapes)
        default = {"w0": self.w0} if self.learn_w0 else {}
        return layout.flatten({**default, **blocks}), layout

    def scheduled(self, name: str, shape: tuple[int, ...], value: Any) -> tuple[int, ...]:
        """The shape of a block: that of a schedule, where the value is one."""
        if name in self.dynamics.names and np.ndim(value) == 1:
            return (self.T,)
        return shape

    def read(self, lam: Any) -> tuple[Blocks, Layout]:
        """(blocks, layout) of a λ that is a flat vector or a mapping, shapes and NaN checked."""
        if isinstance(lam, Mapping):
            flat, layout = self.flatten(lam)
        else:
            flat = as_array("lam", lam, ("m",))
            brought = layout_of(lam)
            known = brought is not None and brought in self.layouts()
            layout = brought if known and brought else self.layout_for(flat.size)
        return layout.split(flat), layout

    def point(self, lam: Any) -> tuple[Blocks, Layout]:
        """`read`, and the blocks are inside of what dynamics and objectives allow."""
        blocks, layout = self.read(lam)
        self.dynamics.check_blocks(blocks)
        self.E.check_blocks(blocks)
        return blocks, layout

    def layout_for(self, size: int) -> Layout:
        """The layout of a plain vector of that length."""
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
        """Every layout there can be: each hyperparameter of the dynamics a number or a schedule."""
        names = self.dynamics.names
        for late in itertools.product((False, True), repeat=len(names)):
            schedules = {n: (self.T,) for n, yes in zip(names, late, strict=True) if yes}
            yield Layout({**self.layout.shapes, **schedules})

    # --- the run ---

    def start(self, lam: Blocks) -> Array:
        """s_0 (d,)."""
        return self.dynamics.start(lam["w0"] if self.learn_w0 else self.w0)

    def start_jvp(self, dlam: Blocks, k: int) -> Array:
        """Z_0 = ds_0/dλ · dλ (d, k): zero but where w0 is learned."""
        Z = np.zeros((self.d, k))
        if "w0" in dlam and self.learn_w0:
            self.dynamics.weights(Z)[:] = dlam["w0"]
        return Z

    def start_vjp(self, alpha: Array) -> Blocks:
        """α ds_0/dλ."""
        return {"w0": self.dynamics.weights(alpha)} if self.learn_w0 else {}

    def step(self, t: int, s: Array, lam: Blocks) -> Array:
        """s_t = Φ_t(s_{t-1}, λ), refused as `Diverged` when it is not finite."""
        with np.errstate(all="ignore"):
            s = self.dynamics.step(t, s, lam)
        bad = where_not_finite(s)
        if bad is not None:
            block, coordinate = divmod(bad[0], self.p)
            name = self.dynamics.state[block]
            raise Diverged("the training run", t, name, coordinate)
        return s

    def states(self, lam: Blocks) -> Iterator[Array]:
        """s_0, s_1, … s_T."""
        s = self.start(lam)
        yield s
        for t in range(1, self.T + 1):
            s = self.step(t, s, lam)
            yield s

    def last_state(self, lam: Blocks) -> Array:
        """s_T, nothing before it kept."""
        for s in self.states(lam):  # noqa: B007 - the last one is wanted
            pass
        return s

    # --- the validation error ---

    def error(self, t: int, s: Array, lam: Blocks) -> Any:
        """E(s_t), scalar, refused as `Diverged` when it is not finite."""
        with np.errstate(all="ignore"):
            value = self.E.value(t, self.dynamics.weights(s), lam)
        if where_not_finite(np.asarray(value)) is not None:
            raise Diverged("the validation error", t, "E", 0)
        return value

    def error_grad(self, t: int, s: Array, lam: Blocks) -> tuple[Array, Blocks]:
        """(∇E(s_t) (d,), {name: ∂E/∂λ directly}), refused as `Diverged` when not finite."""
        w = self.dynamics.weights(s)
        with np.errstate(all="ignore"):
            row, direct = self.E.grad(t, w, lam), self.E.grad_lam(t, w, lam)
        self.require_finite("∇E", t, {"w": row, **direct})
        rest = np.zeros(self.d - self.p, dtype=row.dtype)
        return np.concatenate([rest, row]), direct

    def require_finite(self, what: str, t: int, blocks: Blocks) -> None:
        """Raise Diverged, naming the block and coordinate, where one is not finite."""
        for name, block in blocks.items():
            bad = where_not_finite(np.asarray(block).reshape(-1))
            if bad is not None:
                raise Diverged(what, t, name, bad[0])

    def f(self, lam: Any) -> Any:
        """f(λ) = E(s_T(λ)), by running the training.

        lam      (m,) or a mapping of names; may be complex, or of exact numbers
        returns  scalar, of λ's number type
        Cost     T steps; memory O(d)
        Exact    to rounding
        Beware   evaluated wherever it is defined, also where `reverse` refuses a λ (a weight below
                 zero): witnesses that take differences step there
        Source   Franceschi et al. 2017, section 2
        """
        blocks, _ = self.read(lam)
        return self.error(self.T, self.last_state(blocks), blocks)


def start_weights(J: Objective, E: Objective, w0: Any) -> Array:
    """w0 (p,), its length that which J and E ask for."""
    sizes = {part.p for part in (J, E) if part.p is not None}
    if len(sizes) > 1:
        raise ValueError(f"E: expected p = {J.p} weights as the training has, found {E.p}")
    if w0 is not None:
        return as_array("w0", w0, (sizes.pop() if sizes else "p",)).copy()
    if not sizes:
        raise ValueError("w0: expected (p,) numbers, as neither J nor E tells p; found None")
    return np.zeros(sizes.pop())
