"""The time limit of each library, and the vectors to run."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from hgref.verify.vectors.cases import DYNAMICS, OBJECTIVES
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
        """Name → file, of every dynamics with the three objectives that are posed."""
        grid, files = [f"{d}-{o}" for d in DYNAMICS for o in OBJECTIVES], shipped()
        return {name: files[name] for name in grid if fnmatch(name, self.vectors)}


PRESETS = {"default": Setting(), "small": Setting(vectors="momentum-*")}
