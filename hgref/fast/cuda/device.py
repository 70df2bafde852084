"""The GPU, through the package numba-cuda: what is there, how large a grid, device functions."""

from __future__ import annotations

from typing import Any

import numpy as np

try:
    from numba import cuda
except ImportError as error:
    raise ImportError(
        "hgref.fast.cuda wants numba.cuda, which this Numba has not: install hgref[cuda]"
    ) from error
from numba.core import config

SIMULATED = bool(getattr(config, "ENABLE_CUDASIM", False))
# a tile of a product, and one thread for four of its sums; the simulator's threads are slow
ROWS, COLS, DEPTH = (2, 8, 4) if SIMULATED else (16, 64, 16)
THREADS = ROWS * COLS // 4


def require_device() -> None:
    """Raise ImportError, in a sentence, where nothing can run a kernel."""
    if SIMULATED or cuda.is_available():
        return
    raise ImportError(
        "hgref.fast.cuda wants an NVIDIA GPU with its driver, and Numba found none: use "
        "hgref.fast.cpu, which computes the same, or set NUMBA_ENABLE_CUDASIM=1 to try tiny "
        "problems on Numba's simulator"
    )


def device_function(function: Any) -> Any:
    """A function that kernels call."""
    return cuda.jit(device=True)(function)


@device_function
def barrier():
    """Until all threads of the grid are here."""
    cuda.cg.this_grid().sync()


def free_bytes() -> int:
    """Memory of the device that is free; the simulator has as much as one asks for."""
    return 2**40 if SIMULATED else int(cuda.current_context().get_memory_info().free)


def on_device(value: Any) -> Any:
    """A number, array or (named) tuple of them with all arrays on the device."""
    if isinstance(value, np.ndarray):
        return cuda.to_device(value)
    if isinstance(value, tuple):
        moved = [on_device(part) for part in value]
        return type(value)(*moved) if hasattr(value, "_fields") else tuple(moved)
    return value


def device_array(shape: Any, real: Any) -> Any:
    """Memory of the device, as it is found there."""
    return cuda.device_array(shape, real)


def grid_size() -> int:
    """Blocks of a grid: two for each multiprocessor; more make its barriers slower."""
    return 1 if SIMULATED else 2 * cuda.get_current_device().MULTIPROCESSOR_COUNT


def launch(kernel: Any, *args: Any) -> None:
    """Run a kernel on a grid of which all threads are on the device at one time; wait for it."""
    blocks = grid_size()
    if not SIMULATED:
        kernel = kernel.specialize(*args)
        (compiled,) = kernel.overloads.values()
        blocks = min(blocks, compiled.max_cooperative_grid_blocks(THREADS))
    kernel[blocks, THREADS](*args)
    cuda.synchronize()
