"""Without a GPU the layer says what is missing, and all else works."""

import subprocess
import sys

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
    assert last.startswith("ImportError: hgref.fast.cuda wants an NVIDIA GPU with its driver")
    assert "hgref.fast.cpu" in last


def without_simulator():
    import os

    return {name: value for name, value in os.environ.items() if name != "NUMBA_ENABLE_CUDASIM"}
