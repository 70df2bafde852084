"""Run the benchmark, each problem in its own process."""

from __future__ import annotations

import datetime
import os
import time
from collections.abc import Iterable
from dataclasses import asdict
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from paper_repro.benchmark import memory
from paper_repro.benchmark.problems import PROBLEMS, own
from paper_repro.benchmark.process import in_process
from paper_repro.benchmark.setting import Setting
from paper_repro.record import surroundings, write_json

PACKAGES = ("numba", "llvmlite")
PEERS = ("jax", "jaxlib", "torch")
HOLDING = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "MKL_DEBUG_CPU_TYPE")  # of NumPy's BLAS alone


def compute(
    setting: Setting, only: Iterable[str], threads: int, peers: bool, folder: Path, bar: Any
) -> dict[str, Path]:
    """Time the problems and measure memory; write the numbers.

    only     names of problems; memory is measured only if it names all
    threads  for all problems but those that are always timed on one thread
    peers    whether JAX and torch take part
    bar      a tqdm progress bar; its total is set here
    returns  {"benchmark": the JSON file}
    Raises   ArithmeticError, ValueError if two contenders disagree, before they are timed
    Cost     minutes; the first run also compiles, and caches the result on disk
    """
    if peers:
        require_peers()
    started, only = time.perf_counter(), list(only)
    about = about_this(setting, threads, peers)
    cases = [(p, d) for p in only for d in PROBLEMS[p].dtypes if d in setting.dtypes]
    whole = len(only) == len(PROBLEMS)
    takers = [name for name in memory.CONTENDERS if memory.MEASURABLE and (peers or own(name))]
    bar.reset(total=setting.rounds * len(cases) + whole * len(takers))

    problems = [time_one(setting, problem, dtype, threads, peers, bar) for problem, dtype in cases]
    beside = {"memory": memory_of(setting, takers, threads, bar)} if whole else {}
    about["wall seconds"] = round(time.perf_counter() - started, 1)
    content = {**about, "experiment": "benchmark", "problems": problems, **beside}
    return {"benchmark": write_json(folder / "benchmark.json", content)}


def worked(job: str, setting: Setting, threads: int, bar: Any, **arguments: Any) -> Any:
    return in_process(job, threads, bar.update, setting=asdict(setting), **arguments)


def time_one(
    setting: Setting, problem: str, dtype: str, threads: int, peers: bool, bar: Any
) -> dict[str, Any]:
    bar.set_description(f"{problem}, {dtype}")
    threads = PROBLEMS[problem].threads or threads
    found = worked("timing", setting, threads, bar, problem=problem, dtype=dtype, peers=peers)
    about = {"problem": problem, "title": PROBLEMS[problem].title, "dtype": dtype}
    return {**about, "threads": threads, **found}


def memory_of(setting: Setting, names: list[str], threads: int, bar: Any) -> dict[str, Any]:
    found = {}
    for name in names:
        bar.set_description(f"memory, {name}")
        found[name] = worked("memory", setting, threads, bar, contender=name)
    return {"problem": "P1 dense, float64", "T": setting.memory_T, "megabytes": found}


def require_peers() -> None:
    """Raise ModuleNotFoundError if JAX or torch is not installed; imports neither."""
    missing = [name for name in ("jax", "torch") if find_spec(name) is None]
    if missing:
        raise ModuleNotFoundError(
            f"--peers: not installed: {', '.join(missing)}; "
            f'install the extra peers: python -m pip install -e ".[peers]"'
        )


def about_this(setting: Setting, threads: int, peers: bool) -> dict[str, Any]:
    """The machine, the versions, the sizes and the date."""
    packages = {name: version(name) for name in (*PACKAGES, *(PEERS if peers else ()))}
    made_with = {
        **surroundings(),
        **packages,
        "threads": threads,
        "load before": load(),
        "BLAS held down by": {name: os.environ[name] for name in HOLDING if name in os.environ},
    }
    made_with.pop("dtype")  # each problem has its own
    return {
        "setting": asdict(setting),
        "made with": made_with,
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
    }


def load() -> float | None:
    """The load average of the last minute; None if the system does not report it."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None
