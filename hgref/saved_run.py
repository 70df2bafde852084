"""An outer optimisation that lives through interruptions: its path, in memory and in a file."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hgref.arguments import Array
from hgref.descent import Descent
from hgref.files import write_whole
from hgref.problem import Problem


class SavedRun:
    """What `minimize` has done so far, in memory and in its file."""

    def __init__(self, file: Any, identity: Array, lam_0: Array, memory: Array):
        self.file, self.identity = None if file is None else Path(file), identity
        self.lams, self.memory = [lam_0], memory
        self.f: list[float] = []
        self.rows: list[dict[str, Any]] = []
        self.saved_at, self.saved_length = time.monotonic(), 0
        if self.file is not None and self.file.exists():
            self.load()

    def load(self) -> None:
        """Take over what the file holds; ValueError where that is another run."""
        assert self.file is not None
        with saved_arrays(self.file) as saved:
            if not np.array_equal(saved["identity"], self.identity):
                raise ValueError(
                    f"file: {self.file} holds a run of another problem, start, outer step or Λ; "
                    f"give another file, or remove it"
                )
            self.lams, self.memory = list(saved["lams"]), saved["memory"]
            self.f = [float(x) for x in saved["f"]]
            names = [key.removeprefix("record ") for key in saved if key.startswith("record ")]
            columns = [saved[f"record {name}"] for name in names]
        rows = zip(*columns, strict=True) if names else ([] for _ in self.f)
        self.rows = [dict(zip(names, row, strict=True)) for row in rows]
        self.saved_length = len(self.f)

    def names(self) -> list[str]:
        return list(self.rows[0]) if self.rows else []

    def extend(self, lam: Array, memory: Array, f: Any, row: Mapping[str, Any]) -> None:
        if self.rows and list(row) != self.names():
            raise ValueError(f"callback: expected records {self.names()}, found {list(row)}")
        self.lams.append(lam)
        self.memory = memory
        self.f.append(float(f))
        self.rows.append(dict(row))

    def save(self, seconds: float) -> None:
        """Write the file where there is news and the last writing is that long ago."""
        too_soon = time.monotonic() - self.saved_at < seconds
        if self.file is None or too_soon or len(self.f) == self.saved_length:
            return
        records: dict[str, Any] = {
            f"record {n}": np.array([row[n] for row in self.rows]) for n in self.names()
        }
        state: dict[str, Any] = {
            "lams": np.array(self.lams),
            "memory": self.memory,
            "f": np.array(self.f),
        }
        write_whole(self.file, lambda to: np.savez(to, identity=self.identity, **state, **records))
        self.saved_at, self.saved_length = time.monotonic(), len(self.f)


def saved_arrays(file: Path) -> Any:
    try:
        saved = np.load(file, allow_pickle=False)
        if not {"identity", "lams", "memory", "f"} <= set(saved):
            raise ValueError
        return saved
    except Exception as error:
        raise ValueError(f"file: {file} is not a run saved by hgref.outer.minimize") from error


def identity(problem: Problem, lam: Array, outer: Descent, project: Any) -> Array:
    """Bytes that tell one run from another: sizes, start, steps, Λ, and the data by two probes."""
    blocks, _ = problem.read(lam)
    s = problem.start(blocks)
    w = problem.dynamics.weights(s)
    probes = [
        np.linalg.norm(problem.dynamics.J.grad(1, w, blocks)),
        np.linalg.norm(problem.E.grad(problem.T, w, blocks)),
    ]
    owner = getattr(project, "__self__", None)
    text = f"{problem!r} {outer!r} {owner if owner is not None else ''!r}"
    parts = [text.encode(), np.array(probes).tobytes(), lam.tobytes(), problem.w0.tobytes()]
    return np.frombuffer(b"|".join(parts), dtype=np.uint8)
