"""Saves the path of an outer optimisation to a file and resumes it after an interruption."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hgref.arguments import Array, asarray
from hgref.descent import Descent
from hgref.files import write_whole
from hgref.layout import layout_of
from hgref.problem import Hypergradient, Problem


class Done(NamedTuple):
    """k hyper-iterations. Immutable, so that an interrupt sees the state before or after a step."""

    lams: list[Array]  # λ_0 … λ_k
    memory: Array  # the state of the outer rule after step k
    f: list[float]  # f(λ_0) … f(λ_{k-1})
    rows: list[dict[str, Any]]  # what the callback returned at steps 1 … k
    probe: Array  # two numbers computed from the hypergradient at λ_0

    @property
    def names(self) -> list[str]:
        return list(self.rows[0]) if self.rows else []

    @property
    def records(self) -> dict[str, Array]:
        return {name: np.array([row[name] for row in self.rows]) for name in self.names}

    def extended(self, lam: Array, memory: Array, g: Hypergradient, row: Any) -> Done:
        row = read_row(row)
        if self.rows:
            require_alike(self.rows[0], row)
        f, first = [*self.f, float(g.f)], self.probe if self.f else probe(g)
        return Done([*self.lams, lam], memory, f, [*self.rows, row], first)


def require_alike(first: Mapping[str, Array], row: Mapping[str, Array]) -> None:
    """Raise ValueError unless the records have the names and shapes of the first iteration's."""
    if list(row) != list(first):
        raise ValueError(f"callback: expected records {list(first)}, found {list(row)}")
    for name, value in row.items():
        if value.shape != first[name].shape:
            raise ValueError(
                f"callback record {name}: expected shape {first[name].shape}, as before, found "
                f"{value.shape}"
            )


def read_row(row: Any) -> dict[str, Array]:
    """The return value of a callback as {name: array}."""
    if row is None:
        return {}
    if not isinstance(row, Mapping):
        raise TypeError(f"callback: expected a mapping of numbers, found {type(row).__name__}")
    return {str(name): as_record(f"callback record {name}", x) for name, x in row.items()}


def as_record(name: str, value: Any) -> Array:
    array = asarray(name, value)
    if array.dtype.kind not in "biufc":
        raise TypeError(f"{name}: expected numbers, found {type(value).__name__}")
    return array


def probe(g: Hypergradient) -> Array:
    """Two numbers that identify a hypergradient: f, and ∇f along a fixed direction."""
    return np.array([g.f, g.grad @ np.cos(np.arange(g.grad.size))], dtype=float)


class SavedRun:
    """The progress of `minimize` in `done`, read from the file if it exists.

    fingerprint  bytes that identify the run; those in the file must be the same
    first        computes the hypergradient at λ_0: if it differs from the one in the file, the file
                 belongs to a run with other data, settings or hypergradients
    """

    def __init__(
        self,
        file: Any,
        fingerprint: Array,
        start: Done,
        first: Callable[[], Hypergradient],
    ):
        self.file, self.fingerprint = None if file is None else Path(file), fingerprint
        self.done = start
        if self.file is not None and self.file.exists():
            self.done = self.load(self.file, start, first)
        self.saved_at, self.saved_length = time.monotonic(), len(self.done.f)

    def load(self, file: Path, start: Done, first: Callable[[], Hypergradient]) -> Done:
        saved = saved_arrays(file)
        same = np.array_equal(saved["fingerprint"], self.fingerprint)
        if not (same and np.allclose(saved["probe"], probe(first()), rtol=1e-6, atol=0)):
            raise ValueError(
                f"file: {file} holds a run of another problem, hypergradient, start, outer step "
                f"or Λ; use another file, or delete this one"
            )
        expected = {
            "lams": (len(saved["f"]) + 1, *start.lams[0].shape), "memory": start.memory.shape,
            "f": saved["f"].shape[:1],
        }  # fmt: skip
        for name, shape in expected.items():
            if saved[name].shape != shape or saved[name].dtype != float:
                raise ValueError(
                    f"file: {file} was changed: expected {name} of shape {shape} in float64, "
                    f"found {saved[name].shape} in {saved[name].dtype}"
                )
        columns = {
            key.removeprefix("record "): saved[key] for key in saved if key.startswith("record ")
        }
        k = len(saved["f"])
        rows = [{name: column[i] for name, column in columns.items()} for i in range(k)]
        layout = layout_of(start.lams[0])
        lams = [lam if layout is None else layout.point(lam) for lam in saved["lams"]]
        return Done(lams, saved["memory"], saved["f"].tolist(), rows, saved["probe"])

    def save(self, seconds: float = 0.0) -> None:
        """Write the file if there are new iterations and the last write is `seconds` ago."""
        done = self.done
        too_soon = time.monotonic() - self.saved_at < seconds
        if self.file is None or too_soon or len(done.f) == self.saved_length:
            return
        arrays: dict[str, Any] = {f"record {name}": x for name, x in done.records.items()}
        arrays |= {"lams": np.array(done.lams), "memory": done.memory, "f": np.array(done.f)}
        arrays["probe"] = done.probe
        write_whole(self.file, lambda to: np.savez(to, fingerprint=self.fingerprint, **arrays))
        self.saved_at, self.saved_length = time.monotonic(), len(done.f)


def saved_arrays(file: Path) -> dict[str, Array]:
    """All arrays in the file; ValueError if `SavedRun` did not write it."""
    try:
        with open(file, "rb") as stream, np.load(stream, allow_pickle=False) as archive:
            saved = {key: archive[key] for key in archive}
        k = len(saved["f"])
        lengths = {len(saved[key]) - k for key in saved if key.startswith("record ")} | {0}
        if lengths != {0} or len(saved["lams"]) != k + 1 or "memory" not in saved:
            raise ValueError("the lengths of its arrays differ")
        if saved["fingerprint"].ndim != 1 or saved["probe"].shape != (2,):
            raise ValueError("no fingerprint")
    except OSError as error:
        if error.errno is not None:  # an error of the disk, not of the content
            raise
        raise ValueError(f"file: {file} is not a run saved by minimize ({error})") from error
    except Exception as error:
        raise ValueError(f"file: {file} is not a run saved by minimize ({error})") from error
    return saved


def fingerprint(
    problem: Problem, lam: Array, outer: Descent, project: Any, moving: list[str] | None
) -> Array:
    """Bytes that identify a run: problem, start, outer rule, Λ, and the blocks that move."""
    owner = getattr(project, "__self__", None)
    words = [repr(problem), in_words(outer), in_words(project), in_words(owner)]
    words += moving or []
    parts = [" ".join(words).encode(), np.asarray(lam).tobytes(), problem.w0.tobytes()]
    parts += [] if problem.s0 is None else [problem.s0.tobytes()]
    return np.frombuffer(b"|".join(parts), dtype=np.uint8)


def in_words(thing: Any) -> str:
    """repr(thing) if its class defines one, else its own name or that of its class."""
    if type(thing).__repr__ is not object.__repr__ and not callable(thing):
        return repr(thing)
    return getattr(thing, "__qualname__", type(thing).__qualname__)
