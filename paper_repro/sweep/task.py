"""One thing to compute, and the key of all that its result depends on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from paper_repro.digest import digest, origin, program
from paper_repro.preset import Preset
from paper_repro.record import as_json

Row = dict[str, Any]
# fields of a setting that a key has elsewhere: in the task, or in the digest of the data
ELSEWHERE = {"seed", "seeds", "R", "source", "images", "features", "minutes", "context", "q"}


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

    setting        with this seed
    configuration  all that the result depends on, as JSON has it
    needs          the task whose result it needs
    """

    method: str
    seed: int
    R: float | None
    setting: Preset
    configuration: Row
    needs: Task | None = None

    @property
    def label(self) -> str:
        return f"{self.configuration['experiment']}: {self.method}, seed {self.seed}"

    @cached_property
    def key(self) -> str:
        return digest(self.configuration)

    @property
    def file(self) -> Path:
        """Where the result stands in the folder of a sweep."""
        name = f"{self.method}-seed-{self.seed}-{self.key[:12]}.json"
        return Path(self.configuration["experiment"], name)


def tasks_of(
    experiment: str, methods: Iterable[Method], setting: Preset, seeds: Iterable[int], data: Any
) -> list[Task]:
    """All methods on the first seed, then on the next, and so on."""
    methods, tasks = list(methods), list[Task]()
    shared = {"experiment": experiment, "data": origin(data), "program": program()}
    for seed in seeds:
        made: dict[str, Task] = {}
        for method in methods:
            needs = None if method.needs is None else made[method.needs]
            made[method.name] = task_of(method, setting.changed(seed=seed), seed, needs, shared)
        tasks += made.values()
    return tasks


def task_of(method: Method, setting: Preset, seed: int, needs: Task | None, shared: Row) -> Task:
    """One task; `shared` is what the results of all tasks depend on."""
    R = None if method.R is None else float(method.R)
    ignored = method.ignores | ELSEWHERE
    configuration = {
        **shared,
        "method": method.name,
        "seed": seed,
        "R": R,
        "setting": {name: value for name, value in asdict(setting).items() if name not in ignored},
        "needs": None if needs is None else needs.key,
    }
    return Task(method.name, seed, R, setting, as_json(configuration), needs)


# --- on a worker ---

Run = Callable[[Any, Task, Row | None], Row]  # data, task, the result it needs → result


def carry_out(data: Any, run: Run, task: Task, needed: Row | None) -> Row:
    """A task's result; ValueError where this machine has other sources."""
    expected = task.configuration["program"]
    if expected != program():
        raise ValueError(
            f"the worker's program: expected hgref and paper_repro with the sources "
            f"{expected[:12]}, as where the sweep was started, found {program()[:12]}; "
            f"install the same version on all machines, and start the workers again"
        )
    return run(data, task, needed)
