"""Measure the memory of one hypergradient; each contender runs alone in its own process."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.util import find_spec

from paper_repro.benchmark.contenders import prepared
from paper_repro.benchmark.problems import cleaning_long
from paper_repro.benchmark.setting import Setting

CONTENDERS = ("fast kept", "fast recompute", "fast checkpointed", "jax", "jax checkpointed")
MEASURABLE = find_spec("resource") is not None
UNIT = 1 if sys.platform == "darwin" else 1024  # bytes per unit of ru_maxrss


def peak(setting: Setting, contender: str, tick: Callable[[], None]) -> dict[str, float]:
    """Run P1 (dense, float64, memory_T steps) once, including compilation.

    returns  peak resident memory in megabytes, as the system counts it:
             before: of the interpreter, the libraries and the data;  peak: after the run
    """
    case = cleaning_long(setting)
    run = prepared(contender, case, "float64")
    before = resident()
    run()
    tick()
    return {"before": before, "peak": resident()}


def resident() -> float:
    """The peak resident memory of this process in megabytes (10⁶); not on Windows."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * UNIT / 1e6
