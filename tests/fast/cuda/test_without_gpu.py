"""Without a GPU the layer says what is missing, and all else works."""

import ast
import inspect
import os
import subprocess
import sys
from pathlib import Path

import hgref
from hgref import laws
from hgref.dynamics.proximal import PENALTIES

FOLDER = Path(hgref.__file__).parent / "fast" / "cuda"

PROGRAM = """
import hgref
from hgref.fast import cpu
from hgref.objectives import LeastSquares
from numba import cuda
cuda.is_available = lambda: False
problem = hgref.Problem(
    hgref.GradientDescent(LeastSquares([[1.0]], [2.0])), LeastSquares([[1.0]], [1.0]), 2
)
print(cpu.reverse(problem, {"eta": 0.1}).f)
import hgref.fast.cuda
"""


def test_the_sentence():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, env=without_simulator()
    )
    assert done.stdout.strip()
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("ImportError: hgref.fast.cuda needs an NVIDIA GPU with its driver")
    assert "hgref.fast.cpu" in last


def test_every_law_is_a_device_function_and_no_other_formula_stands_here():
    text = "".join(path.read_text(encoding="utf-8") for path in FOLDER.glob("*.py"))
    dynamics = [kind for kind in vars(hgref).values() if hasattr(kind, "law")]
    every = [kind.law for kind in dynamics] + [law for law, _ in PENALTIES.values()]
    written = {function.__name__ for law in every for function in law.functions}
    assert {"gd_step", "momentum_jvp", "adam_vjp", "rms_step", "lion_vjp"} <= written
    elsewhere = "huber_", "adam_bias_"  # refused here; computed on the host
    for name, item in vars(laws).items():
        if inspect.isfunction(item) and not name.startswith(elsewhere):
            # laws of dynamics: the generated text calls them, and so may no line here
            assert (f"laws.{name}" in text) != (name in written), name
    for node in ast.walk(ast.parse(text.replace("from __future__ import annotations", ""))):
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Mult, ast.Div)):
            constants = [x for x in (node.left, node.right) if isinstance(x, ast.Constant)]
            assert not [x for x in constants if isinstance(x.value, float) and x.value != 1.0]


def without_simulator():
    return {name: value for name, value in os.environ.items() if name != "NUMBA_ENABLE_CUDASIM"}
