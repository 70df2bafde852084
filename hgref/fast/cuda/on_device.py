"""A problem on the device: its data, λ, scratch and launches; shared by all modes."""

from __future__ import annotations

from typing import Any

import numpy as np

from hgref.arguments import Array
from hgref.fast.cuda.at_lam import lower_lam
from hgref.fast.cuda.device import device_array, free_bytes, launch, on_device
from hgref.fast.cuda.lowering import lowered, workspace
from hgref.layout import Layout
from hgref.run import Run

SPARE = 0.9  # the largest fraction of the free memory that is taken


class OnDevice:
    """A problem with its data on the device, at a λ that may change during the run.

    at        the run at the present λ in the readable layer
    dtype     of the products with data
    columns   the blocks that Z has columns for, or None
    """

    def __init__(self, at: Run, dtype: Any, columns: Layout | None = None):
        self.problem: Any = at.problem
        self.columns = columns
        self.low = lowered(at.problem, dtype)  # type: ignore[arg-type]
        self.real, self.kernels = self.low.real, self.low.kernels
        require_room("the data", self.low.J.X.nbytes + self.low.J.Y.nbytes)
        self.J = on_device(self.low.J)
        self.outcome = on_device(np.zeros(2, dtype=np.int64))
        self.move(at)

    def move(self, at: Run) -> None:
        """Use the λ of this run from the next step on."""
        self.at = at
        self.opt, self.lam = map(on_device, lower_lam(self.low, at.lam, self.columns))

    def workspace(self, base: int, k: int, lead: int) -> Any:
        """Scratch for passes with k columns, see `workspace` of lowering."""
        work = workspace(self.low, base, k, lead)
        arrays = {name: a for name, a in work._asdict().items() if isinstance(a, np.ndarray)}
        require_room("scratch memory", sum(a.nbytes for a in arrays.values()))
        empty = {name: device_array(a.shape, a.dtype) for name, a in arrays.items()}
        return work._replace(**{**empty, "ones": on_device(work.ones)})

    def start(self) -> Array:
        """s_0 (blocks, p)."""
        return np.array(self.at.start(), float).reshape(-1, self.problem.p)

    def launch(self, kernel: Any, *args: Any) -> tuple[int, int]:
        """Run a kernel whose last argument is `outcome`; returns FINE or what went wrong, and t."""
        launch(kernel, self.low.grid, *args, self.outcome)
        found, t = self.outcome.copy_to_host()
        return int(found), int(t)


def require_room(what: str, size: float) -> None:
    """Raise MemoryError, with both numbers, if that many bytes do not fit."""
    free = free_bytes()
    if size > SPARE * free:
        raise MemoryError(
            f"hgref.fast.cuda: {what} takes {size:.3g} bytes, and the device has {free:.3g} free"
        )
