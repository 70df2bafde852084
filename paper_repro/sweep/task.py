"""One thing to compute, and the key of all that its result depends on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from paper_repro.preset import Preset
from paper_repro.record import plain
from paper_repro.sweep.digest import digest, program

Row = dict[str, Any]
NAMED = {"seed", "R"}  # fields of a task itself
BY_DATA = {"source", "images", "features", "minutes", "context", "q"}  # in the digest of the data
NOT_OF_ONE = {"seeds"}


class Method(NamedTuple):
    """A method of an experiment, at one R.

    name      as in the table
    ignores   fields of the setting, besides those above, that do not change its result
    R         None where it has none
    needs     the method whose result it needs, on the same seed
    """

    name: str
    ignores: frozenset[str] = frozenset()
    R: float | None = None
    needs: str | None = None


@dataclass(frozen=True)
class Task:
    """A method on one seed.

    setting  with this seed
    ignores  fields of it that are no part of the key
    data     the name of the data;  digest: of their content
    program  digest of the sources that compute it
    needs    the task whose result it needs
    """

    experiment: str
    method: str
    seed: int
    R: float | None
    setting: Preset
    ignores: frozenset[str]
    data: str
    digest: str
    program: str
    needs: Task | None = None

    @property
    def label(self) -> str:
        return f"{self.experiment}: {self.method}, seed {self.seed}"

    @property
    def configuration(self) -> Row:
        """All that the result depends on, as JSON has it."""
        kept = (f.name for f in fields(self.setting) if f.name not in self.ignores)
        content = {
            "experiment": self.experiment,
            "method": self.method,
            "seed": self.seed,
            "R": self.R,
            "setting": {name: getattr(self.setting, name) for name in kept},
            "data": {"source": self.data, "sha256": self.digest},
            "program": self.program,
            "needs": None if self.needs is None else self.needs.key,
        }
        return as_json(content)

    @cached_property
    def key(self) -> str:
        return digest(self.configuration)

    @property
    def file(self) -> Path:
        """Where the result stands in the folder of a sweep."""
        return Path(self.experiment, f"{self.method}-seed-{self.seed}-{self.key[:12]}.json")


def tasks_of(
    experiment: str, methods: Iterable[Method], setting: Preset, seeds: Iterable[int], data: Any
) -> list[Task]:
    """All methods on the first seed, then on the next, and so on."""
    methods, found, tasks = list(methods), digest(data), list[Task]()
    for seed in seeds:
        made: dict[str, Task] = {}
        for name, ignores, R, needs in methods:
            made[name] = Task(
                experiment, name, seed, None if R is None else float(R), setting.changed(seed=seed),
                ignores | NAMED | BY_DATA | NOT_OF_ONE, data.name, found, program(),
                None if needs is None else made[needs],
            )  # fmt: skip
        tasks += made.values()
    return tasks


def as_json(content: Row) -> Row:
    """Content as it is read again from the JSON file to which it was written."""
    return dict(json.loads(json.dumps(content, default=plain)))


# --- on a worker ---

Run = Callable[[Any, Task, Row | None], Row]  # data, task, the result it needs → result


def carry_out(data: Any, run: Run, task: Task, needed: Row | None) -> Row:
    """A task's result; ValueError where this machine has other sources."""
    if task.program != program():
        raise ValueError(
            f"the worker's program: expected hgref and paper_repro with the sources "
            f"{task.program[:12]}, as where the sweep was started, found {program()[:12]}; "
            f"install the same version on all machines, and start the workers again"
        )
    return run(data, task, needed)
