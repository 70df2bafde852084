"""The GPU, through the package numba-cuda: detection, memory, grid size, device functions."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

try:
    from numba import cuda
except ImportError as error:
    raise ImportError(
        "hgref.fast.cuda needs numba.cuda, which this Numba does not include; install hgref[cuda]"
    ) from error
from numba.core import config

SIMULATED = bool(getattr(config, "ENABLE_CUDASIM", False))
# a tile of a product, and one thread for four of its sums; the simulator's threads are slow
ROWS, COLS, DEPTH = (2, 8, 4) if SIMULATED else (16, 64, 16)
THREADS = ROWS * COLS // 4
ABREAST = 1 if SIMULATED else 2  # blocks on a multiprocessor; the simulator runs one at a time
OWN = 16 * THREADS  # bytes of shared memory that kernels themselves may have
PLAIN = 48 * 1024 - OWN  # bytes that a launch may add without asking for more


class Grid(NamedTuple):
    """How kernels are launched: blocks of THREADS threads, bytes of shared memory of each.

    exact   the kernels need that many blocks, not as many as fit on the device at one time
    """

    blocks: int
    shared: int
    exact: bool = False


def require_device() -> None:
    """Raise ImportError if nothing here can run a kernel."""
    if SIMULATED or cuda.is_available():
        return
    raise ImportError(
        "hgref.fast.cuda needs an NVIDIA GPU with its driver, and Numba found none; use "
        "hgref.fast.cpu, which computes the same, or set NUMBA_ENABLE_CUDASIM=1 to run tiny "
        "problems on Numba's simulator"
    )


def device_function(function: Any) -> Any:
    """A function that kernels call."""
    return cuda.jit(device=True)(function)


@device_function
def barrier():
    """Wait until all threads of the grid are here."""
    cuda.cg.this_grid().sync()


def free_bytes() -> int:
    """Free memory of the device; unlimited on the simulator."""
    return 2**40 if SIMULATED else int(cuda.current_context().get_memory_info().free)


def on_device(value: Any) -> Any:
    """A number, an array, or a (named) tuple of them, with all arrays moved to the device."""
    if isinstance(value, np.ndarray):
        return cuda.to_device(value)
    if isinstance(value, tuple):
        moved = [on_device(part) for part in value]
        return type(value)(*moved) if hasattr(value, "_fields") else tuple(moved)
    return value


def on_host(value: Any) -> Any:
    """A copy of an array on the device, or of a named tuple of them."""
    return type(value)(*map(on_host, value)) if isinstance(value, tuple) else value.copy_to_host()


def device_array(shape: Any, real: Any) -> Any:
    """Uninitialised memory of the device."""
    return cuda.device_array(shape, real)


def multiprocessors() -> int:
    """How many the device has."""
    return 1 if SIMULATED else int(cuda.get_current_device().MULTIPROCESSOR_COUNT)


def shared_bytes() -> int:
    """The most shared memory that a launch can give a block."""
    if SIMULATED:
        return PLAIN
    return int(cuda.get_current_device().MAX_SHARED_MEMORY_PER_BLOCK_OPTIN) - OWN


def launch(kernel: Any, grid: Grid, *args: Any) -> None:
    """Run a kernel on a grid whose threads are all on the device at one time; wait for its end."""
    blocks = grid.blocks
    if not SIMULATED:
        kernel = kernel.specialize(*args)
        (compiled,) = kernel.overloads.values()
        if grid.shared > PLAIN:
            allow_shared(compiled, grid.shared)
        blocks = min(blocks, compiled.max_cooperative_grid_blocks(THREADS, grid.shared))
        if grid.exact and blocks < grid.blocks:
            raise RuntimeError(
                f"hgref.fast.cuda: {grid.blocks} blocks are needed at one time, and the device has "
                f"room for {blocks}"
            )
    kernel[blocks, THREADS, 0, grid.shared](*args)
    cuda.synchronize()


def allow_shared(compiled: Any, size: int) -> None:
    """Let the blocks of a kernel have more shared memory than PLAIN; numba-cuda has no option."""
    from cuda.bindings import driver

    name = driver.CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
    kernel, device = compiled._codelibrary.get_cufunc().handle, cuda.get_current_device().id
    (error,) = driver.cuKernelSetAttribute(name, size, kernel, device)
    if error != driver.CUresult.CUDA_SUCCESS:
        raise RuntimeError(f"hgref.fast.cuda: {size} bytes of shared memory: {error.name}")
