"""Every kernel compiles and links for compute capability 8.0 and 9.0, with no GPU and no driver."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
from numba.core import config

PROGRAM = Path(__file__).parent / "kernels_compiled.py"


@pytest.mark.skipif(bool(config.ENABLE_CUDASIM), reason="wants the compiler, not the simulator")
@pytest.mark.parametrize(  # a law is arithmetic alone: not each of them meets each kernel
    ("major", "kind", "dynamics"),
    [(8, "linear", "Momentum"), (9, "linear", "Lion"), (9, "layered", "Adam")],
)
def test_kernels_compile_and_link_without_a_driver(major, kind, dynamics):
    for module in ("numba_cuda", "cuda.bindings"):
        if importlib.util.find_spec(module.split(".")[0]) is None:
            pytest.skip("wants the extra cuda")
    words = [sys.executable, str(PROGRAM), str(major), kind, dynamics]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    found = {name: (int(a), int(b)) for name, a, b in map(str.split, done.stdout.splitlines())}
    assert list(found) == ["run", "back", "tangents"]
    for registers, spilled in found.values():
        assert registers <= 255  # of 65536: one block of 256 threads on a multiprocessor
        assert spilled <= 200
