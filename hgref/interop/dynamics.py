"""A dynamics whose whole step is a user's function, differentiated by a framework."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from hgref.arguments import Array, require_callable
from hgref.at import At
from hgref.dynamics.whole_state import WholeState
from hgref.interop.framework import Declared, Framework
from hgref.layout import Blocks, probe
from hgref.objectives.callback import read_shapes


class FrameworkDynamics(Framework, WholeState):
    """s_t = step(t, s_{t-1}, λ), with A_t and B_t from the framework, forwards and backwards.

    The state's tensors lie side by side in s (d,).
    """

    root = "state"

    def __init__(self, step: Callable[..., Any], start: Any, hyper: Mapping[str, tuple[int, ...]]):
        require_callable("step", step)
        self.fn, self.shapes = step, read_shapes(hyper)
        made = callable(start) and not hasattr(start, "shape")
        self.begin: Any = start if made else None
        self.set_template(self.example() if made else start)
        s_0 = None if made or not self.layout.size else self.flatten(start)
        WholeState.__init__(self, self.shapes, self.layout, s_0)
        self.prepare(self.stepped)

    def example(self) -> Any:
        """The start at some λ."""
        with self.float64():
            return self.begin(Declared(self.enter("lam", probe(self.shapes))))

    def stepped(self, t: Any, s: Any, lam: Any) -> Any:
        """The step; the start, where t is None."""
        if t is None:
            return self.join(self.begin(Declared(lam)))
        return self.join(self.fn(t, self.rebuild(self.cut(s)), Declared(lam)))

    def step(self, t: int, s: Array, lam: Blocks) -> Array:
        return self.call("stepped", t, s=s, lam=self.read(lam))

    def afresh(self, t: int, s: Array, lam: Blocks) -> Array:
        return self.applied_to(self.stepped, t, s=s, lam=self.read(lam))

    def at(self, t: int, s: Array, lam: Blocks) -> At:
        return self.products(t, s, self.read(lam))

    def start_at(self, lam: Blocks) -> At:
        return self.products(None, np.zeros(self.layout.size), self.read(lam))
