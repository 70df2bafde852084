"""The memory that one hypergradient takes, each contender in a process that does nothing else."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.util import find_spec

from paper_repro.benchmark.contenders import prepared
from paper_repro.benchmark.problems import cleaning_long
from paper_repro.benchmark.setting import Setting

CONTENDERS = ("fast kept", "fast recompute", "fast checkpointed", "jax", "jax checkpointed")
MEASURABLE = find_spec("resource") is not None
UNIT = 1 if sys.platform == "darwin" else 1024  # bytes that ru_maxrss counts in


def peak(setting: Setting, contender: str, tick: Callable[[], None]) -> dict[str, float]:
    """P1, dense, float64, with memory_T steps, once, the compilation included.

    returns  before: megabytes at most until then, for the interpreter, the libraries and the data;
             peak: at the end;  all of resident memory, as the system counts it
    """
    case = cleaning_long(setting)
    run = prepared(contender, case, "float64")
    before = resident()
    run()
    tick()
    return {"before": before, "peak": resident()}


def resident() -> float:
    """The most megabytes (10⁶) that this process has had in memory so far; not on Windows."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * UNIT / 1e6
