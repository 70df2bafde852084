"""Every kernel compiles for compute capability 8.0 and 9.0, with no GPU and no driver at hand."""

import importlib.util
import subprocess
import sys

import pytest
from numba.core import config

# Numba asks the driver for the device's compute capability: here it is told
PROGRAM = """
import sys
from types import SimpleNamespace
import numpy as np
from numba import cuda
import numba.cuda.dispatcher as dispatcher
from numba.cuda.typing.typeof import typeof

major, layered, dynamics = int(sys.argv[1]), sys.argv[2] == "layered", sys.argv[3]
dispatcher.get_current_device = lambda: SimpleNamespace(compute_capability=(major, 0))
cuda.is_available = lambda: True
import hgref
from hgref.fast.cuda.arrays import ToFactors
from hgref.fast.cuda.at_lam import lower_lam
from hgref.fast.cuda.lowering import lowered, workspace
from hgref.objectives import L2, MLP, Softmax

X, y = np.eye(5), np.arange(5) % 3
E = MLP(X, y, (4,), classes=3) if layered else Softmax(X, y, 3)
J = MLP(X, y, (4,), classes=3) + L2() if layered else Softmax(X, y, 3, example_weights=True)
problem = hgref.Problem(getattr(hgref, dynamics)(J), E, T=3)
real = np.float32 if major == 9 else np.float64
low, p = lowered(problem, real), problem.p
opt, lam = lower_lam(low, {name: np.ones(s) for name, s in problem.layout.shapes.items()})
s = np.zeros((2, problem.d // p, p))
tape, kept, Z, u = np.zeros((3, p), real), np.zeros(9, real), s, np.zeros((1, 1, p))
state, b = np.zeros(2, np.int64), np.zeros((1, p))
about = low.J, lam, opt, workspace(low.J, p, len(low.numbered.names), real, 1, 1, 1, 264, True)
calls = {
    "run": (*about, s, 1, 3, tape, kept, 3, state),
    "back": (*about, s, 1, 3, tape, kept, 3, s[0], u, b, ToFactors(b[0], b[0]), b, b, state),
    "tangents": (*about, s, Z, 1, 3, kept, state),
}
for name, args in calls.items():
    kernel = getattr(low.kernels, name)
    signature = tuple(typeof(one) for one in args)
    ptx, _ = cuda.compile(kernel.py_func, signature, cc=(major, 0), device=False, abi="numba")
    print(dynamics, name, f".target sm_{major}0" in ptx, ".entry" in ptx)
"""


@pytest.mark.skipif(bool(config.ENABLE_CUDASIM), reason="wants the compiler, not the simulator")
@pytest.mark.parametrize(  # a law is arithmetic alone: not each of them meets each kernel
    ("major", "kind", "dynamics"),
    [(8, "linear", "Momentum"), (9, "linear", "Lion"), (9, "layered", "Adam")],
)
def test_kernels_compile_without_a_driver(major, kind, dynamics):
    for module in ("numba_cuda", "cuda.bindings"):
        if importlib.util.find_spec(module.split(".")[0]) is None:
            pytest.skip("wants the extra cuda")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(major), kind, dynamics], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    lines = done.stdout.splitlines()
    assert len(lines) == 3
    assert all(line.endswith("True True") for line in lines), done.stdout
