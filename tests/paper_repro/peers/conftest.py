"""Made-up libraries: adapters that are right, wrong, slow, or die."""

import pytest

from paper_repro.peers.libraries import Library

RIGHT = """
import json, os, time
from pathlib import Path
import numpy as np
from paper_repro.peers.pose import Answer, NotExpressible
FOLDER = Path({folder!r})
def certified(pose):
    content = json.loads((FOLDER / f"{{pose.name}}.json").read_text())
    grad = content["grad"].items()
    return {{name: np.array(json.loads(json.dumps(x).replace('"', ""))) for name, x in grad}}
def hypergradient(pose):
    grad = certified(pose)
    print("what a library prints is no answer")
"""
ENDINGS = {
    "right": "return Answer(grad)",
    "wrong": "return Answer({name: -block for name, block in grad.items()})",
    "nan": "return Answer({name: np.nan * block for name, block in grad.items()})",
    "dies": "os._exit(7) if pose.name == 'gd-softmax' else None; return Answer(grad)",
    "raises": "raise RuntimeError('no such\\nkernel')",
    "hangs": "time.sleep(60 if pose.name == 'gd-softmax' else 0); return Answer(grad)",
    "silent": "raise NotExpressible('it has no optimizer at all')",
}


@pytest.fixture
def library(tmp_path, monkeypatch):
    """Makes a library that ends in one of these ways."""
    from hgref.verify.vectors.vector import DATA

    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def make(ending, packages=("numpy",)):
        name = f"made_up_{ending}"
        text = f"{RIGHT.format(folder=str(DATA))}    {ENDINGS[ending]}\n"
        (tmp_path / f"{name}.py").write_text(text)
        return Library(ending, name, packages, "pip install it")

    return make
