"""Compile the kernels of a problem and link them: python kernels_compiled.py MAJOR KIND DYNAMICS.

Prints, for each kernel: its name, registers and bytes spilled. Numba asks the driver for the
device's compute capability: here it is told.
"""

import re
import sys
from types import SimpleNamespace

import numba.cuda.dispatcher as dispatcher
import numpy as np
from cuda.bindings import nvjitlink
from numba import cuda
from numba.cuda.cudadrv.libs import get_cudalib
from numba.cuda.typing.typeof import typeof

major, layered, dynamics = int(sys.argv[1]), sys.argv[2] == "layered", sys.argv[3]
dispatcher.get_current_device = lambda: SimpleNamespace(compute_capability=(major, 0))
cuda.is_available = lambda: True

import hgref  # noqa: E402
from hgref.fast.cuda import lowering  # noqa: E402
from hgref.fast.cuda.arrays import ToFactors  # noqa: E402
from hgref.fast.cuda.at_lam import lower_lam  # noqa: E402
from hgref.objectives import L2, MLP, Softmax  # noqa: E402


def linked(ltoir):
    """(registers, bytes spilled) of a kernel linked with the library of the grid's barrier.

    The optimiser runs while it links, as in a launch.
    """
    arch = "sm_90a" if major == 9 else "sm_80"
    handle = nvjitlink.create(3, [f"-arch={arch}", "-verbose", "-lto"])
    nvjitlink.add_data(handle, nvjitlink.InputType.LTOIR, ltoir, len(ltoir), "kernel")
    library = get_cudalib("cudadevrt", static=True)
    nvjitlink.add_file(handle, nvjitlink.InputType.LIBRARY, library)
    nvjitlink.complete(handle)
    log = bytearray(nvjitlink.get_info_log_size(handle))
    nvjitlink.get_info_log(handle, log)
    about = log.decode()
    spilled = re.findall(r"(\d+) bytes spill stores, (\d+) bytes spill loads", about)
    registers = map(int, re.findall(r"Used (\d+) registers", about))
    return max(registers), sum(int(size) for both in spilled for size in both)


X, y = np.eye(5), np.arange(5) % 3
E = MLP(X, y, (4,), classes=3) if layered else Softmax(X, y, 3)
J = MLP(X, y, (4,), classes=3) + L2() if layered else Softmax(X, y, 3, example_weights=True)
problem = hgref.Problem(getattr(hgref, dynamics)(J), E, T=3)
real = np.dtype(np.float32 if major == 9 else np.float64)
lowering.multiprocessors, lowering.shared_bytes = lambda: 132, lambda: 200_000
low, p = lowering.lowered(problem, real), problem.p
opt, lam = lower_lam(low, {name: np.ones(s) for name, s in problem.layout.shapes.items()})
s = np.zeros((2, problem.d // p, p))
tape, kept, Z, u = np.zeros((3, p), real), np.zeros(9, real), s, np.zeros((2, 1, p))
state, b = np.zeros(2, np.int64), np.zeros((1, p))
about = low.J, lam, opt, lowering.workspace(low, 1, 1, 1)
calls = {
    "run": (*about, s, 1, 3, tape, kept, 3, state),
    "back": (*about, s, 1, 3, tape, kept, 3, s[0], u, b, ToFactors(b[0], b[0]), b, b, state),
    "tangents": (*about, s, Z, 1, 3, kept, state),
}
for name, args in calls.items():
    kernel = getattr(low.kernels, name)
    signature = tuple(typeof(one) for one in args)
    options = {"cc": (major, 0), "device": False, "abi": "numba", "output": "ltoir"}
    print(name, *linked(cuda.compile(kernel.py_func, signature, **options)[0]))
