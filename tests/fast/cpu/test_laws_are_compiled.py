"""No derivative is written in the fast layer: it has those of hgref.laws, whatever they are.

Numba can be told to compile nothing; the same loops then run in Python. With a law changed on
purpose both layers must change alike: the fast layer has no formula of its own that would stay.
"""

import ast
import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hgref import laws

READABLE_ALONE = ("huber_", "apart_")  # the fast layer runs the readable terms themselves
LAWS = [
    name
    for name, item in vars(laws).items()
    if inspect.isfunction(item) and not name.startswith(READABLE_ALONE)
]

PROGRAM = Path(__file__).parent / "changed_law.py"


@pytest.fixture(scope="module")
def answers():
    """{law: (how much its change moved the readable gradients, distance of the fast ones)}"""
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run(
        [sys.executable, str(PROGRAM), *LAWS],
        capture_output=True, text=True, check=True, env=environment,
    )  # fmt: skip
    return {law: (float(a), float(b)) for law, a, b in map(str.split, done.stdout.splitlines())}


@pytest.mark.parametrize("law", LAWS)
def test_a_changed_law_changes_both_layers_alike(law, answers):
    moved, apart = answers[law]
    assert moved > 1e-7, "the problems do not use this law"
    assert apart < 1e-10 * moved + 1e-13


def test_no_formula_with_a_number_in_it():
    """Loops count and select: beside 0, 1 and integers for sizes they multiply by no constant."""
    from hgref.fast.cpu.compiled import sources

    for path in sources()[1:]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Mult, ast.Div, ast.Pow)):
                constants = [x for x in (node.left, node.right) if isinstance(x, ast.Constant)]
                odd = [x.value for x in constants if isinstance(x.value, float) and x.value != 1.0]
                assert not odd, f"{path.name}:{node.lineno}"
                sizes = path.name == "linear.py"  # a power of two
                assert sizes or not isinstance(node.op, ast.Pow), f"{path.name}:{node.lineno}"
