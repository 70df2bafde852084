"""One way to a hypergradient and what it needs; all of them beside each other."""

from __future__ import annotations

from dataclasses import dataclass

from hgref.planning.memory import Items
from hgref.planning.text import duration, size


@dataclass(frozen=True)
class Way:
    """One way to a hypergradient with hgref.fast.cpu.

    call         as it is written in Python
    bytes        what a process allocates at its peak; beside the problem itself, but on a worker
    seconds      from the call to the gradient, nothing left to compile
    steps        steps Φ of training, those run again included; of one worker
    products     products with A_t, of one column each: T backwards, T·m forwards; of one worker
    checkpoints  states from which it starts anew, 1 for none but s_0
    workers      processes; 1: this one alone
    sent         bytes that go to each worker at the first call with this problem
    items        what the bytes are for, in words
    """

    call: str
    bytes: int
    seconds: float
    steps: int
    products: int
    items: Items
    checkpoints: int = 1
    workers: int = 1
    sent: int = 0

    def refusal(self, budget: int) -> str:
        """A sentence about the number that does not fit."""
        what, most = max(self.items.items(), key=lambda item: item[1])
        return f"{self.call} takes {size(self.bytes)}, not {size(budget)}: {what}: {size(most)}"


@dataclass(frozen=True)
class Plan:
    """The ways to a hypergradient, the quickest first, and what fits.

    ways    all that were looked at
    budget  bytes
    """

    ways: tuple[Way, ...]
    budget: int

    @property
    def best(self) -> Way | None:
        """The first that fits, or None."""
        return next((way for way in self.ways if way.bytes <= self.budget), None)

    def __str__(self) -> str:
        width = max(len(way.call) for way in self.ways)
        lines = [f"   {'':{width}}  {'memory':>8}  {'time':>8}  {'sent':>8}  {'steps':>8}  "
                 f"{'products':>9}  checkpoints"]  # fmt: skip
        for way in self.ways:
            mark = "-> " if way is self.best else "   " if way.bytes <= self.budget else " x "
            sent = size(way.sent) if way.sent else ""
            lines.append(
                f"{mark}{way.call:{width}}  {size(way.bytes):>8}  {duration(way.seconds):>8}  "
                f"{sent:>8}  {way.steps:>8}  {way.products:>9}  {way.checkpoints:>11}"
            )
        lines += [way.refusal(self.budget) for way in self.ways if way.bytes > self.budget]
        if self.best is None:
            least = min(way.bytes for way in self.ways)
            lines.append(f"Nothing fits into {size(self.budget)}: the least is {size(least)}")
        return "\n".join(lines)
