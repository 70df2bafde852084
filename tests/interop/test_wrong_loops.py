"""diagnose, on wrong loops that were written from the catalogue's sentences and not from its code.

A loop's names are those of the entries that describe it; a loop without names is wrong in a way
that no entry describes. `python tests/interop/wrong_loops/score.py` judges all of them.
"""

import importlib
import os
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "wrong_loops"
sys.path.insert(0, str(FOLDER))
from score import FRAMEWORKS, judged  # noqa: E402

EVERY = 1 if os.environ.get("HYPOTHESIS_PROFILE") == "thorough" else 10


def some(file):
    """Every tenth loop of a file, on its first setting: all of them take half an hour."""
    pytest.importorskip(FRAMEWORKS[file])
    loops = importlib.import_module(file).LOOPS.found
    first = {loop.function: loop for loop in reversed(loops)}
    return list(first.values())[::-1][::EVERY]


@pytest.mark.parametrize("file", FRAMEWORKS)
def test_what_a_loop_is_called(file):
    """A name is given only to what it describes, and to nine tenths of that at least."""
    loops = some(file)
    results = {loop: judged(loop, pairs=False)[0] for loop in loops if "+" not in str(loop.names)}
    assert len(results) > 5
    assert not [loop for loop, result in results.items() if result == "false"]
    named = [result for loop, result in results.items() if loop.names]
    assert named.count("right") >= 0.9 * len(named), results
