"""`python -m paper_repro.benchmark.worker ORDER`: do one job, print the answer as a JSON line."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from paper_repro.benchmark.process import TICK

INTERRUPTED = 130


def main(order: str) -> int:
    """Pin the process to as many cores as threads, then import what the job needs and run it."""
    content = json.loads(order)
    keep_to_cores(content["threads"])
    speech = os.dup(1)
    os.dup2(2, 1)  # what libraries print must not mix with the answer
    with os.fdopen(speech, "w") as out:
        try:
            say(out, {"answer": done(content, lambda: say(out, TICK))})
        except KeyboardInterrupt:
            return INTERRUPTED
        except (ValueError, ArithmeticError, ImportError, MemoryError) as error:
            say(out, {"refused": str(error) or type(error).__name__})
    return 0


def say(out: Any, what: Any) -> None:
    out.write(json.dumps(what) + "\n")
    out.flush()


def keep_to_cores(threads: int) -> None:
    """Pin the process to cores, which XLA counts; where that is impossible, NPROC limits XLA."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])


def done(content: dict[str, Any], tick: Any) -> Any:
    from paper_repro.benchmark import memory, timing
    from paper_repro.benchmark.setting import Setting

    jobs: dict[str, Any] = {"timing": timing.timed, "memory": memory.peak}
    arguments = content["arguments"]
    setting = Setting(**arguments.pop("setting"))
    return jobs[content["job"]](setting, tick=tick, **arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
