"""A progress bar that moves with every evaluation of the validation error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Progress:
    """A tqdm bar with an equal part for each method; it never moves back.

    Its postfix shows the last accuracy. A method reports its progress in steps, or in seconds if
    it has a time limit; when it ends, early or not, its part is full.
    """

    def __init__(self, bar: Any, methods: int):
        self.bar, self.full, self.filled = bar, 0, 0.0
        bar.reset(total=methods)

    def begin(self, method: str) -> None:
        self.bar.set_postfix_str("", refresh=False)
        self.bar.set_description(method)

    def look(self, row: Mapping[str, Any], share: float) -> None:
        """A row of the watch, and the share 0 … 1 of the method that is done."""
        seen = f"{row['accuracy']:.1f} % after {row['t']} steps"
        self.bar.set_postfix_str(seen, refresh=False)
        self.fill(self.full + min(share, 1.0))

    def end(self) -> None:
        self.full += 1
        self.fill(self.full)

    def fill(self, to: float) -> None:
        if to > self.filled:
            self.bar.update(to - self.filled)
            self.filled = to
