"""Dynamics whose state is one vector, whatever its author keeps in it."""

from __future__ import annotations

from collections.abc import Iterator

from hgref.arguments import Array
from hgref.at import At
from hgref.dynamics.dynamics import Dynamics
from hgref.layout import Blocks, Layout, read_only_these
from hgref.objectives.objective import Objective, Shapes


class WholeState(Dynamics):
    """A step map on a whole state: nothing in it is known to be a weight, so E sees all of it.

    shapes    {name: shape} of the blocks of λ that step and start read
    layout    of the state's parts in s
    s_0       (d,) the start, or None if `start_at` makes it from λ
    A subclass defines `step` or `at` as any Dynamics, and `start_at` where s_0 is None.
    """

    state = ("s",)

    def __init__(self, shapes: Shapes, layout: Layout, s_0: Array | None):
        if layout.size == 0:
            raise ValueError("start: expected at least one number, found none")
        super().__init__(NothingTrained(layout.size, s_0))
        self.shapes, self.layout = shapes, layout
        self.own_start = s_0 is None

    def hyper(self, p: int) -> Shapes:
        """Shapes of the blocks of λ."""
        return dict(self.shapes)

    def parts(self, d: int) -> dict[str, slice]:
        return self.layout.slices

    def start_at(self, lam: Blocks) -> At:
        """s_0 (d,) made from λ; its jvp takes (ds, dλ) as that of a step does, and ignores ds."""
        raise NotImplementedError

    def at_start(self, w0: Array, lam: Blocks) -> At:
        if not self.own_start:
            return super().at_start(w0, lam)
        return self.start_at(lam)

    def read(self, lam: Blocks) -> Blocks:
        """Those blocks of λ that step and start read."""
        return read_only_these(lam, self.shapes)


class NothingTrained(Objective):
    """J = 0, with the size of the state, and where it starts if it starts anywhere.

    steps   None, or the largest number of steps
    """

    def __init__(self, p: int, w0: Array | None = None, steps: int | None = None):
        self.p, self.w0, self.steps = p, w0, steps

    def terms(self) -> Iterator[Objective]:
        yield from ()

    def check_run(self, T: int, p: int) -> None:
        if self.steps is not None and self.steps < T:
            raise ValueError(f"T: expected at most {self.steps}, one step an input, found {T}")
