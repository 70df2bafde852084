"""Run a job in a fresh process with its own number of threads."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

TICK = "tick"
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS",
           "NUMBA_NUM_THREADS", "NPROC")  # fmt: skip


def in_process(job: str, threads: int, tick: Callable[[], None], **arguments: Any) -> Any:
    """Run the job of this name in a worker process, and return its answer.

    threads    number of threads and cores, for NumPy's BLAS, Numba, torch (OMP) and XLA (NPROC)
    tick       called at each tick of the job
    arguments  of the job; JSON must be able to hold them
    Raises     ValueError with the job's message if it raised an error; ChildProcessError if the
               process died; on KeyboardInterrupt the process is killed first
    """
    order = json.dumps({"job": job, "threads": threads, "arguments": arguments})
    command = [sys.executable, "-m", "paper_repro.benchmark.worker", order]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=surroundings(threads)
    ) as p:
        try:
            return answer(p, job, tick)
        except BaseException:
            p.kill()
            raise


def surroundings(threads: int) -> dict[str, str]:
    """The environment of a worker."""
    one = "false" if threads == 1 else "true"
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_cpu_multi_thread_eigen={one}".strip()
    return {
        **os.environ,
        **dict.fromkeys(THREADS, str(threads)),
        "XLA_FLAGS": flags,
        "JAX_PLATFORMS": "cpu",
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }


def answer(process: Any, job: str, tick: Callable[[], None]) -> Any:
    for line in process.stdout:
        said = json.loads(line)
        if said == TICK:
            tick()
        elif "refused" in said:
            raise ValueError(said["refused"])
        else:
            return said["answer"]
    raise ChildProcessError(f"{job}: the process ended with status {process.wait()}, no answer")
