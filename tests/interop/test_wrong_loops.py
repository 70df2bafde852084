"""diagnose and locate, on wrong loops that were written from sentences and not from our code.

A loop's names are those of the catalogue's entries that describe it. A loop without names is wrong
in a way that no entry describes, and says where its traces leave the truth.
`python tests/interop/wrong_loops/score.py` judges all of them.
"""

import importlib
import os
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "wrong_loops"
sys.path.insert(0, str(FOLDER))
from score import FRAMEWORKS, judged, located  # noqa: E402

NAMED, TRACED = (1, 1) if os.environ.get("HYPOTHESIS_PROFILE") == "thorough" else (10, 4)


def loops_of(file):
    """The loops of a file, each on its first setting."""
    pytest.importorskip(FRAMEWORKS[file])
    loops = importlib.import_module(file).LOOPS.found
    first = {loop.function: loop for loop in reversed(loops)}
    return list(first.values())[::-1]


def some(file):
    """Every tenth loop: all of them take half an hour."""
    return loops_of(file)[::NAMED]


@pytest.mark.parametrize("file", FRAMEWORKS)
def test_what_a_loop_is_called(file):
    """A name is given only to what it describes, and to nine tenths of that at least."""
    loops = some(file)
    results = {loop: judged(loop, pairs=False)[0] for loop in loops if "+" not in str(loop.names)}
    assert len(results) > 5
    assert not [loop for loop, result in results.items() if result == "false"]
    named = [result for loop, result in results.items() if loop.names]
    assert named.count("right") >= 0.9 * len(named), results


@pytest.mark.parametrize("file", FRAMEWORKS)
def test_where_a_loop_without_a_name_leaves_the_truth(file):
    traced = [loop for loop in loops_of(file) if loop.lost]
    found = {loop: located(loop) for loop in traced[::TRACED]}
    assert len(found) > 1
    assert not {str(loop): str(said) for loop, (true, said) in found.items() if not true}
