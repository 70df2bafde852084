"""The time limit of each library, and the vectors to run."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from hgref.verify.vectors.cases import cases
from hgref.verify.vectors.vector import shipped
from paper_repro.preset import Preset


@dataclass(frozen=True)
class Setting(Preset):
    """limit: seconds for each library; vectors: a pattern of their names."""

    limit: float = 240.0
    vectors: str = "*"

    def checked(self) -> Setting:
        if not 0 < self.limit < float("inf"):
            raise ValueError(f"limit: expected seconds > 0, found {self.limit}")
        if not self.files():
            raise ValueError(
                f"vectors: expected a pattern of names, found none like {self.vectors}"
            )
        return self

    def files(self) -> dict[str, Path]:
        """Name → file, in the order in which the cases are listed."""
        order = {case["name"]: j for j, case in enumerate(cases())}
        found = [item for item in shipped().items() if fnmatch(item[0], self.vectors)]
        return dict(sorted(found, key=lambda item: (order.get(item[0], len(order)), item[0])))


PRESETS = {"default": Setting(), "small": Setting(vectors="momentum-*")}
