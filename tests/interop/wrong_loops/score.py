"""How many of the wrong loops diagnose names, and where locate finds those that it does not:

python tests/interop/wrong_loops/score.py [FILE …]
"""

from __future__ import annotations

import collections
import importlib
import statistics
import sys
import time

from settings import Loop, make

import hgref

FRAMEWORKS = {"numpy_loops": "numpy", "torch_loops": "torch", "jax_loops": "jax"}


def located(loop: Loop) -> tuple[bool, hgref.verify.locate.Located]:
    """(whether it is where the loop first leaves the truth, what locate says of its traces)."""
    setting = make(loop.on)
    grad = loop.function(setting)
    noted = setting.traces
    found = hgref.locate(
        setting.problem,
        setting.lam,
        states=noted.get("states"),
        alphas=noted["alphas"][::-1] if "alphas" in noted else None,
        grad=grad,
    )
    if found.trace == "grad":
        return found.block in (loop.lost or ("", 0, ""))[2].split(), found
    return (found.trace, found.t, found.cause) == loop.lost, found


def judged(loop: Loop, pairs: bool = True) -> tuple[str, hgref.verify.diagnose.Diagnosis]:
    """("right", "false", "paths" or "none", the diagnosis).

    right   the first name is one that describes the loop;   false: another name is given
    paths   no name, but ways of the gradient
    """
    setting = make(loop.on)
    wrong = loop.function(setting)
    found = hgref.diagnose(setting.problem, setting.lam, wrong, pairs=pairs)
    if found.report.verdict != "wrong":
        return f"check says {found.report.verdict}", found
    if not found:
        return ("paths" if found.paths else "none"), found
    names = [set(name.split(" + ")) for name in loop.names]
    return ("right" if set(found[0].name.split(" + ")) in names else "false"), found


def main(files: list[str]) -> None:
    count: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    seconds = []
    for file in files:
        for loop in importlib.import_module(file).LOOPS.found:
            kind = "two mistakes" if "+" in str(loop.names) else "one" if loop.names else "unknown"
            began = time.perf_counter()
            result, found = judged(loop)
            seconds.append(time.perf_counter() - began)
            count[kind][result] += 1
            if loop.lost:
                true, where = located(loop)
                count["unknown, by its traces"]["true" if true else "false"] += 1
                if not true:
                    print(f"{loop}: locate: {where}", flush=True)
            if result != "right":
                said = str(found).splitlines()[0]
                print(f"{kind}: {loop}: {result}: {said}", flush=True)
    for kind, results in count.items():
        print(kind, dict(results))
    print(f"median {statistics.median(seconds):.2f} s, longest {max(seconds):.1f} s")


if __name__ == "__main__":
    main(sys.argv[1:] or list(FRAMEWORKS))
