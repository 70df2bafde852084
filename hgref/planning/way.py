"""One way to a hypergradient and what it needs; a Plan has all of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hgref.planning.tape import Items
from hgref.planning.text import duration, size

HEAD = ("memory", "time", "work", "sent", "steps", "products", "checkpoints")
WIDTHS = (8, 8, 9, 8, 9, 9, 11)


@dataclass(frozen=True)
class Way:
    """One way to a hypergradient with hgref.fast.cpu.

    algorithm    a function of hgref.fast.cpu:  forward, reverse or checkpointed
    options      its arguments beside problem and λ; `workers` stands for an executor too
    bytes        peak of one process; a worker also has the problem itself
    steps        steps Φ of training, those run again included; of one worker
    products     products with A_t, of one column each: T backwards, T·m forwards; of one worker
    items        what the bytes are for
    checkpoints  states from which a part of the run is computed again; 1: s_0 alone
    sent         bytes to each worker at the first call with this problem
    seconds      of one call, nothing left to compile; None: not timed
    """

    algorithm: str
    options: dict[str, Any]
    bytes: int
    steps: int
    products: int
    items: Items = field(repr=False)
    checkpoints: int = 1
    sent: int = 0
    seconds: float | None = None

    @property
    def call(self) -> str:
        """The call in Python."""
        named = [f"{name}={value}" for name, value in self.options.items()]
        executor = ["executor=executor"] if "workers" in self.options else []
        return f"{self.algorithm}({', '.join(['problem', 'lam', *executor, *named])})"

    @property
    def workers(self) -> int:
        """Processes; 1: this one alone."""
        return int(self.options.get("workers", 1))

    @property
    def work(self) -> int:
        """Steps and products of all workers."""
        return self.workers * (self.steps + self.products)

    def order(self) -> tuple[bool, float]:
        """Timed ways by seconds, then the others by work."""
        return self.seconds is None, self.work if self.seconds is None else self.seconds

    def row(self) -> list[str]:
        """The columns of HEAD."""
        time = "" if self.seconds is None else duration(self.seconds)
        sent, work = size(self.sent) if self.sent else "", str(self.work)
        counts = map(str, (self.steps, self.products, self.checkpoints))
        return [size(self.bytes), time, work, sent, *counts]

    def refusal(self, budget: int) -> str:
        """A sentence with the number that does not fit."""
        what, most = max(self.items.items(), key=lambda item: item[1])
        return f"{self.call} takes {size(self.bytes)}, not {size(budget)}: {what}: {size(most)}"


@dataclass(frozen=True)
class Plan:
    """All ways to a hypergradient: those with least seconds first, or with least work.

    ways      in this order
    budget    bytes
    readable  bytes that `hgref.reverse`, in the readable layer, keeps of its run; None on paper
    """

    ways: tuple[Way, ...]
    budget: int
    readable: int | None = None

    @property
    def best(self) -> Way | None:
        """The first that fits, or None."""
        return next((way for way in self.ways if way.bytes <= self.budget), None)

    def __str__(self) -> str:
        width = max(len(way.call) for way in self.ways)
        lines = [line("   ", " " * width, HEAD)]
        for way in self.ways:
            mark = "-> " if way is self.best else "   " if way.bytes <= self.budget else " x "
            lines.append(line(mark, f"{way.call:{width}}", way.row()))
        lines += [way.refusal(self.budget) for way in self.ways if way.bytes > self.budget]
        if self.best is None:
            least = min(way.bytes for way in self.ways)
            lines.append(f"Nothing fits into {size(self.budget)}: the least is {size(least)}")
        if self.readable is not None:
            lines.append(f"The readable hgref.reverse keeps {size(self.readable)} of its run")
        return "\n".join(lines)


def line(mark: str, call: str, columns: tuple[str, ...] | list[str]) -> str:
    cells = (f"  {text:>{width}}" for text, width in zip(columns, WIDTHS, strict=True))
    return mark + call + "".join(cells)
