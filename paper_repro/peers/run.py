"""Run the vectors through a library in a separate process, with a time limit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from paper_repro.peers.libraries import Library

WORKER = "paper_repro.peers.worker"


@dataclass
class Posed:
    """The answers of a library.

    answers   name of a vector → the worker's answer
    versions  of its packages and of Python; empty if it is not installed
    missing   the packages that are not installed
    seconds   total time
    """

    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    seconds: float = 0.0


def pose_all(
    library: Library,
    vectors: dict[str, Path],
    limit: float,
    tick: Callable[[], None],
    python: str = sys.executable,
) -> Posed:
    """Run all vectors; if the process dies, a new one continues with the next vector.

    limit   seconds for all vectors together
    tick    called once for each vector
    python  the interpreter for the library
    """
    posed, started = Posed(), time.perf_counter()
    while True:
        left = {name: path for name, path in vectors.items() if name not in posed.answers}
        remaining = limit - (time.perf_counter() - started)
        if not left or posed.missing:
            break
        if remaining <= 0:
            posed.answers.update({name: {"out of time": limit} for name in left})
            break
        status = one_process(library, left, remaining, posed, tick, python)
        stuck = next((name for name in left if name not in posed.answers), None)
        if stuck and not posed.missing and time.perf_counter() - started < limit:
            posed.answers[stuck] = {"crashed": f"the process ended with status {status}"}
            tick()
    posed.seconds = round(time.perf_counter() - started, 1)
    return posed


def one_process(
    library: Library,
    vectors: dict[str, Path],
    seconds: float,
    posed: Posed,
    tick: Callable[[], None],
    python: str,
) -> int:
    """Read a worker's lines into `posed` until it ends or runs out of time; its exit status."""
    names = {str(path): name for name, path in vectors.items()}
    order = {"adapter": library.adapter, "packages": library.packages, "vectors": list(names)}
    command = [python, "-m", WORKER, json.dumps(order)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=surroundings()
    ) as process:
        clock = threading.Timer(seconds, process.kill)
        clock.start()
        try:
            for line in process.stdout or ():
                said = json.loads(line)
                if "vector" in said:
                    posed.answers[names[said.pop("vector")]] = said
                    tick()
                else:
                    posed.versions.update(said.get("versions", {}))
                    posed.missing.extend(said.get("missing", []))
            return process.wait()
        finally:
            clock.cancel()
            process.kill()


def surroundings() -> dict[str, str]:
    """The environment of a worker: this checkout, one thread, no accelerator."""
    path = [str(Path(__file__).parent.parent.parent), os.environ.get("PYTHONPATH", "")]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, path)),
        "OMP_NUM_THREADS": "1",
        "JAX_PLATFORMS": "cpu",
    }
