"""An outer optimisation that lives through interruptions: its path, in memory and in a file."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hgref.arguments import Array
from hgref.descent import Descent
from hgref.files import write_whole
from hgref.problem import Problem


class Done(NamedTuple):
    """k hyper-iterations. Replaced whole, never changed: an interrupt finds the old or the new."""

    lams: list[Array]  # λ_0 … λ_k
    memory: Array  # of the outer step, after k
    f: list[float]  # f(λ_0) … f(λ_{k-1})
    rows: list[dict[str, Any]]  # what the callback returned, k of them

    @property
    def names(self) -> list[str]:
        return list(self.rows[0]) if self.rows else []

    @property
    def records(self) -> dict[str, Array]:
        return {name: np.array([row[name] for row in self.rows]) for name in self.names}

    def extended(self, lam: Array, memory: Array, f: Any, row: Mapping[str, Any]) -> Done:
        if self.rows and list(row) != self.names:
            raise ValueError(f"callback: expected records {self.names}, found {list(row)}")
        return Done([*self.lams, lam], memory, [*self.f, float(f)], [*self.rows, dict(row)])


class SavedRun:
    """What `minimize` has done so far; `done` is taken from the file where that exists."""

    def __init__(self, file: Any, fingerprint: Array, lam_0: Array, memory: Array):
        self.file, self.fingerprint = None if file is None else Path(file), fingerprint
        self.done = Done([lam_0], memory, [], [])
        if self.file is not None and self.file.exists():
            self.done = self.load(self.file)
        self.saved_at, self.saved_length = time.monotonic(), len(self.done.f)

    def load(self, file: Path) -> Done:
        saved = saved_arrays(file)
        if not np.array_equal(saved["fingerprint"], self.fingerprint):
            raise ValueError(
                f"file: {file} holds a run of another problem, start, outer step or Λ; "
                f"give another file, or remove it"
            )
        columns = {
            key.removeprefix("record "): saved[key] for key in saved if key.startswith("record ")
        }
        k = len(saved["f"])
        rows = [{name: column[i] for name, column in columns.items()} for i in range(k)]
        return Done(list(saved["lams"]), saved["memory"], saved["f"].tolist(), rows)

    def save(self, seconds: float = 0.0) -> None:
        """Write the file where there is news and the last writing is that long ago."""
        done = self.done
        too_soon = time.monotonic() - self.saved_at < seconds
        if self.file is None or too_soon or len(done.f) == self.saved_length:
            return
        arrays: dict[str, Any] = {f"record {name}": x for name, x in done.records.items()}
        arrays |= {"lams": np.array(done.lams), "memory": done.memory, "f": np.array(done.f)}
        write_whole(self.file, lambda to: np.savez(to, fingerprint=self.fingerprint, **arrays))
        self.saved_at, self.saved_length = time.monotonic(), len(done.f)


def saved_arrays(file: Path) -> dict[str, Array]:
    """All arrays in the file; ValueError where it is not one that `SavedRun` wrote."""
    try:
        with open(file, "rb") as stream, np.load(stream, allow_pickle=False) as archive:
            saved = {key: archive[key] for key in archive}
        k = len(saved["f"])
        lengths = {len(saved[key]) - k for key in saved if key.startswith("record ")} | {0}
        if lengths != {0} or len(saved["lams"]) != k + 1 or "memory" not in saved:
            raise ValueError("lengths do not fit")
        if saved["fingerprint"].ndim != 1:
            raise ValueError("no fingerprint")
    except OSError as error:
        if error.errno is not None:  # the disk, not the content
            raise
        raise ValueError(f"file: {file} is not a run saved by minimize ({error})") from error
    except Exception as error:
        raise ValueError(f"file: {file} is not a run saved by minimize ({error})") from error
    return saved


def fingerprint(problem: Problem, lam: Array, outer: Descent, project: Any) -> Array:
    """Bytes that tell one run from another: sizes, start, steps, Λ, and the data by two probes."""
    blocks, _ = problem.read(lam)
    w = problem.dynamics.weights(problem.start(blocks))
    direction = np.cos(np.arange(problem.p))  # any that data do not happen to be orthogonal to
    training = problem.dynamics.J.grad(1, w, blocks) @ direction
    validation = problem.E.grad(problem.T, w, blocks) @ direction
    # eight digits: the last ones depend on the number of threads
    probes = f"{training:.8g} {validation:.8g}"
    text = f"{problem!r} {outer!r} {getattr(project, '__self__', None)!r} {probes}"
    parts = [text.encode(), lam.tobytes(), problem.w0.tobytes()]
    return np.frombuffer(b"|".join(parts), dtype=np.uint8)
