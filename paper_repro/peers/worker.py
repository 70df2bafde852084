"""`python -m paper_repro.peers.worker ORDER`: run vectors through one library, a JSON line each.

It needs only the library and NumPy. What the library prints goes to standard error.
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import sys
import warnings
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from paper_repro.peers.pose import Answer, NotExpressible, read

LONGEST = 300  # characters of a message


def main(order: str) -> int:
    """Run the vectors of ORDER: {"adapter": module, "packages": [names], "vectors": [paths]}."""
    content = json.loads(order)
    speech = os.dup(1)
    os.dup2(2, 1)
    with os.fdopen(speech, "w") as out:

        def say(line: dict[str, Any]) -> None:
            out.write(json.dumps(line) + "\n")
            out.flush()

        missing = [name for name in content["packages"] if installed(name) is None]
        if missing:
            say({"missing": missing})
            return 0
        versions = {name: installed(name) for name in content["packages"]}
        say({"versions": {**versions, "python": platform.python_version()}})
        for path in content["vectors"]:
            say({"vector": path, **answer(content["adapter"], path)})
    return 0


def installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def answer(adapter: str, path: str) -> dict[str, Any]:
    """The library's answer: numbers, a sentence why it cannot express the vector, or an error."""
    warnings.simplefilter("ignore")
    try:
        pose = read(path)
    except (NotExpressible, KeyError, ValueError, TypeError) as reason:
        return {"not expressible": one_line(f"the adapters cannot read it: {reason}")}
    try:
        found: Answer = importlib.import_module(adapter).hypergradient(pose)
        grad = {
            name: np.asarray(block).astype(float).tolist() for name, block in found.grad.items()
        }
        return {"grad": grad, "left out": found.left_out, "failed": short(found.failed)}
    except NotExpressible as reason:
        return {"not expressible": str(reason)}
    except Exception as error:  # any error of the library is its answer
        return {"crashed": one_line(f"{type(error).__name__}: {error}")}


def short(messages: dict[str, str]) -> dict[str, str]:
    return {name: one_line(message) for name, message in messages.items()}


def one_line(text: str) -> str:
    return " ".join(text.split())[:LONGEST]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
