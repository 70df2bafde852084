"""A whole training step written in NumPy, with products by complex step where none are given."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from hgref.arguments import Array, as_array, asarray, require_callable
from hgref.at import At
from hgref.dynamics.whole_state import WholeState
from hgref.layout import Blocks, Layout, probe
from hgref.nested import leaves_of, rebuilt, with_arrays
from hgref.objectives.callback import read_shapes

TINY = 1e-30  # imaginary step: nothing cancels
LADDER = (1e-2, 5e-3, 2.5e-3, 1.25e-3)  # real steps, of the size of what moves
DIFFERENCES = 1e-9  # relative error of products by extrapolated differences
NEAR, LOOSE = 1e-6, 1e-4  # one real step, and how far it and the complex step may be apart
EPS = float(np.finfo(float).eps)


class StepMap(WholeState):
    """s_t = step(t, s_{t-1}, λ): a whole training step of your own, in NumPy.

        A_t ds + B_t dλ = Im step(t, s + i h ds, λ + i h dλ) / h,   h = 1e-30

    step     step(t, state, lam) -> state, a function of its arguments alone; t counts from 1, and
             lam is {name: array}
    start    the state s_0: an array, or mappings, lists and tuples of arrays, nested; or a function
             lam -> state, for a learned start
    hyper    {name: shape} of the blocks of λ that step and start read
    jvp      jvp(t, state, lam, dstate, dlam) -> dstate, for one tangent of state and λ; default
             by complex step, or by extrapolated differences where step takes no complex numbers
    vjp      vjp(t, state, lam, b_state) -> (b_state, {name: block}), the row α A_t and α B_t;
             default from all columns of A_t and B_t
    returns  a Dynamics whose state is one vector s (d,); .flatten(state) and .unflatten(s) convert.
             E sees the whole s as its weights
    Raises   TypeError, ValueError with the name, the expected and the found value; also if step
             returns another structure or shape
    Cost     a column: one step in complex numbers, or eight for differences; three steps to see
             which. A row without vjp: d + m columns, so give vjp if d is large
    Exact    complex step: to rounding; differences: 1e-9 where step has no kink near, which `check`
             allows for
    Beware   integers and booleans in the state, such as counters, are carried and not
             differentiated. A vjp or jvp of your own may be wrong: see `hgref.check_dynamics`
    Source   Franceschi et al. 2017, section 2: any Φ_t; Squire and Trapp 1998 for the complex step

    Example
        >>> def step(t, state, lam):
        ...     v = lam["mu"] * state["v"] + 2 * state["w"]
        ...     return {"w": state["w"] - lam["eta"] * v, "v": v}
        >>> Phi = hgref.StepMap(step, {"w": [1.0], "v": [0.0]}, {"eta": (), "mu": ()})
        >>> E = hgref.objectives.Quadratic(np.diag([2.0, 0.0]), [0.0, 0.0])
        >>> problem = hgref.Problem(Phi, E, T=2)
        >>> hgref.reverse(problem, problem.pack(eta=0.1, mu=0.5)).grad.round(3).tolist()
        [-4.536, -0.216]
    """

    def __init__(
        self,
        step: Callable[..., Any],
        start: Any,
        hyper: Mapping[str, tuple[int, ...]],
        jvp: Callable[..., Any] | None = None,
        vjp: Callable[..., Any] | None = None,
    ):
        for name, function in (("step", step), ("jvp", jvp), ("vjp", vjp)):
            if function is not None or name == "step":
                require_callable(name, function)
        self.fn, self.own_jvp, self.own_vjp = step, jvp, vjp
        shapes, made = read_shapes(hyper), callable(start)
        self.begin: Any = start if made else None
        self.template = with_arrays(start(probe(shapes)) if made else start)
        leaves = {n: asarray(n, x) for n, x in leaves_of(self.template, "state").items()}
        for name, leaf in leaves.items():
            if leaf.dtype.kind not in "biuf":
                raise TypeError(f"{name}: expected real numbers, found dtype {leaf.dtype}")
        self.layout = Layout({name: leaf.shape for name, leaf in leaves.items()})
        self.whole = {n: leaf.dtype for n, leaf in leaves.items() if leaf.dtype.kind in "biu"}
        s_0 = None if made or not self.layout.size else self.flatten(start)
        super().__init__(shapes, self.layout, s_0)

    # the nest and the vector
    def flatten(self, state: Any) -> Array:
        """s (d,) of a state with the names and shapes of the start."""
        leaves = {n: asarray(n, x) for n, x in leaves_of(with_arrays(state), "state").items()}
        shapes = {name: leaf.shape for name, leaf in leaves.items()}
        if shapes != self.layout.shapes:
            raise ValueError(f"state: expected {self.layout.shapes}, found {shapes}")
        return np.concatenate([np.ravel(leaves[name]) + 0.0 for name in self.layout.shapes])

    def unflatten(self, s: Array) -> Any:
        """The state of a vector s (d,)."""
        leaves = self.layout.split(s)
        for name, kind in self.whole.items():
            leaves[name] = np.rint(leaves[name].real).astype(kind)
        return rebuilt(self.template, iter(leaves.values()))

    # the map
    def step(self, t: int, s: Array, lam: Blocks) -> Array:
        return self.flatten(self.fn(t, self.unflatten(s), self.read(lam)))

    def at(self, t: int, s: Array, lam: Blocks) -> At:
        lam = self.read(lam)

        def jvp(ds: Array, dlam: Blocks) -> Array:
            if self.own_jvp is None:
                return columns(ds, dlam)
            return np.stack([self.one_column(t, s, lam, *one) for one in each(ds, dlam)], axis=1)

        def vjp(alpha: Array) -> tuple[Array, Blocks]:
            own: Any = self.own_vjp
            if own is None:
                return self.by_columns(jvp, lam, alpha)
            row, share = own(t, self.unflatten(s), lam, self.unflatten(alpha))
            return self.flatten(row), {name: np.asarray(share[name]) for name in self.shapes}

        columns = self.columns(lambda s, lam: self.step(t, s, lam), s, lam)
        return At(self.step(t, s, lam), jvp, vjp)

    def start_at(self, lam: Blocks) -> At:
        def start(s: Array, lam: Blocks) -> Array:
            return self.flatten(self.begin(self.read(lam)))

        nowhere, lam = np.zeros(self.layout.size), self.read(lam)
        jvp = self.columns(start, nowhere, lam)
        return At(start(nowhere, lam), jvp, lambda alpha: self.by_columns(jvp, lam, alpha))

    def one_column(self, t: int, s: Array, lam: Blocks, ds: Array, dlam: Blocks) -> Array:
        """A_t ds + B_t dλ by the author's jvp."""
        own: Any = self.own_jvp
        full = {name: dlam.get(name, np.zeros(lam[name].shape)) for name in lam}
        return self.flatten(own(t, self.unflatten(s), lam, self.unflatten(ds), full))

    # products that nobody wrote
    def columns(
        self, map_: Callable[..., Any], s: Array, lam: Blocks
    ) -> Callable[[Array, Blocks], Array]:
        """The jvp of a map at a point."""

        def jvp(ds: Array, dlam: Blocks) -> Array:
            dlam = {name: dlam[name] for name in lam if name in dlam}
            lines = [Line(map_, s, lam, *tangent) for tangent in each(ds, dlam)]
            signs = np.random.default_rng(0).choice([-1.0, 1.0], ds.shape[1])
            all_at_once = {name: block @ signs for name, block in dlam.items()}
            if Line(map_, s, lam, ds @ signs, all_at_once).takes_complex():
                return np.stack([line.complex_step() for line in lines], axis=1)
            self.products_error = DIFFERENCES
            return np.stack([line.differences() for line in lines], axis=1)

        return jvp

    def by_columns(
        self, jvp: Callable[[Array, Blocks], Array], lam: Blocks, alpha: Array
    ) -> tuple[Array, Blocks]:
        """α A and α B from all columns of A and B."""
        d, layout = self.layout.size, Layout({name: block.shape for name, block in lam.items()})
        ds = np.hstack([np.eye(d), np.zeros((d, layout.size))])
        dlam = {
            name: np.concatenate([np.zeros((*block.shape[:-1], d)), block], axis=-1)
            for name, block in layout.identity().items()
        }
        row = alpha @ jvp(ds, dlam)
        return row[:d], layout.split(row[d:])


def each(ds: Array, dlam: Blocks) -> Iterator[tuple[Array, Blocks]]:
    """The columns of tangents one by one."""
    for k in range(ds.shape[1]):
        yield ds[:, k], {name: block[..., k] for name, block in dlam.items()}


class Line:
    """h ↦ map(s + h ds, λ + h dλ), and its slope at 0."""

    def __init__(self, map_: Callable[..., Any], s: Array, lam: Blocks, ds: Array, dlam: Blocks):
        self.map_, self.s, self.lam, self.ds, self.dlam = map_, s, lam, ds, dlam

    def __call__(self, h: Any) -> Array:
        moved = {name: self.lam[name] + h * block for name, block in self.dlam.items()}
        return as_array("step", self.map_(self.s + h * self.ds, {**self.lam, **moved}))

    def complex_step(self) -> Array:
        return self(1j * TINY).imag / TINY

    def takes_complex(self) -> bool:
        """Whether the complex step is the slope: a difference is there to compare."""
        try:
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("error")  # imaginary parts that are discarded
                slope, up, down = self.complex_step(), self(NEAR), self(-NEAR)
        except (TypeError, ValueError, ArithmeticError, Warning):
            return False
        rough, noise = (up - down) / (2 * NEAR), EPS * np.abs(up) / NEAR
        near = np.abs(slope - rough) <= LOOSE * np.abs(rough).max(initial=0.0) + noise
        return bool(near.all())

    def differences(self) -> Array:
        """By central differences, extrapolated to step 0 (Richardson)."""
        steps = [h * self.scale() for h in LADDER]
        row = [(self(h) - self(-h)) / (2 * h) for h in steps]
        for k in range(1, len(row)):
            row = [b + (b - a) / (4.0**k - 1) for a, b in pairwise(row)]
        return row[0]

    def scale(self) -> float:
        """The h at which what moves has moved by its own size."""
        moving = [(self.s, self.ds), *((self.lam[n], block) for n, block in self.dlam.items())]
        sizes = [
            (np.abs(x).max(initial=0.0) or 1.0) / np.abs(dx).max(initial=0.0)
            for x, dx in moving
            if np.any(dx)
        ]
        return float(min(sizes, default=1.0))
