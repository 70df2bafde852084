"""Time whole hypergradients on a GPU, and measure the rates that limit them."""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from hgref.arguments import Array
from paper_repro.benchmark.problems import Case
from paper_repro.gpu.cases import TimedCase

ROUNDS = 5
ENOUGH = 10.0  # seconds of a contender's calls after which it is not called again
GIGA = 1e9


def off(found: Array, true: Array) -> float:
    """Relative distance; infinite if a number is not finite."""
    distance = float(np.linalg.norm(found - true) / np.linalg.norm(true))
    return distance if np.isfinite(distance) else float("inf")


def versions() -> dict[str, str]:
    """The versions of what runs on the GPU; the driver's is that of CUDA."""
    from numba import cuda

    found = {}
    for name in ("numba", "numba-cuda", "torch", "jax"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    device = cuda.get_current_device()
    return {
        **found,
        "multiprocessors": device.MULTIPROCESSOR_COUNT,
        "compute capability": ".".join(map(str, device.compute_capability)),
        "CUDA of the driver": ".".join(map(str, cuda.runtime.get_version())),
    }


def ours(case: Case, dtype: str) -> Callable[[], Array]:
    """A function that computes the hypergradient with hgref.fast.cuda."""
    from hgref.fast import cuda

    real = np.dtype(dtype)
    if case.wrt is None:
        return lambda: cuda.reverse(case.problem, case.lam, dtype=real).grad
    return lambda: cuda.forward(case.problem, case.lam, wrt=case.wrt, dtype=real).grad


@functools.cache
def on_cpu(case: Case) -> Array:
    """The hypergradient by hgref.fast.cpu in double precision, the reference for all others."""
    from hgref.fast import cpu

    if case.wrt is None:
        return cpu.reverse(case.problem, case.lam).grad
    return cpu.forward(case.problem, case.lam, wrt=case.wrt).grad


def torch_unrolled(case: Case, dtype: str, graph: bool) -> Callable[[], Array]:
    """torch.autograd through the training loop; graph: recorded once, and replayed."""
    from paper_repro.benchmark.peers import torch as unrolled

    require_torch().set_float32_matmul_precision("highest")  # no TF32
    return unrolled.hypergradient(case, dtype, device="cuda", graph=graph)


def jax_scan(case: Case, dtype: str) -> Callable[[], Array]:
    """Compiled lax.scan."""
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # leave memory to the others
    import jax

    if jax.default_backend() != "gpu":
        raise RuntimeError(f"expected JAX on a GPU, found it on {jax.default_backend()}")
    jax.config.update("jax_default_matmul_precision", "highest")  # no TF32
    from paper_repro.benchmark.peers import jax as scanned

    return scanned.hypergradient(case, dtype)


# the fastest first: time may end
PEERS: dict[str, Callable[[Case, str], Callable[[], Array]]] = {
    "JAX, compiled": jax_scan,
    "torch, CUDA graph": functools.partial(torch_unrolled, graph=True),
    "torch, eager": functools.partial(torch_unrolled, graph=False),
}


def require_torch() -> Any:
    import torch

    if not torch.cuda.is_available():
        raise RuntimeError("expected torch with CUDA, found none")
    return torch


@contextmanager
def launches_timed() -> Iterator[list[float]]:
    """A list of the seconds that each launch in this context takes on the device."""
    from numba import cuda

    from hgref.fast.cuda import on_device

    plain, seconds = on_device.launch, []

    def launch(*args: Any) -> None:
        start, end = cuda.event(), cuda.event()
        start.record()
        plain(*args)
        end.record()
        end.synchronize()
        seconds.append(start.elapsed_time(end) / 1000)

    on_device.launch = launch  # type: ignore[assignment]
    try:
        yield seconds
    finally:
        on_device.launch = plain


def time_ours(one: TimedCase) -> dict[str, Any]:
    """The times of hgref.fast.cuda, whole and of its launches alone."""
    with launches_timed() as launches:
        answer = timed(ours(one.case, one.dtype), one)
        mine = launches[-len(launches) // (len(answer["all seconds"]) + 1) :]
    return {**answer, "launches": mine, "us a step, launches": microseconds(sum(mine), one)}


def time_peer(name: str, one: TimedCase) -> dict[str, Any]:
    """The times of a peer."""
    return timed(PEERS[name](one.case, one.dtype), one)


def timed(call: Callable[[], Array], one: TimedCase) -> dict[str, Any]:
    """The first call, then the median of a few, each from arguments to result on the host."""
    begun = time.perf_counter()
    answer = call()
    first = time.perf_counter() - begun
    clock: list[float] = []
    while len(clock) < ROUNDS and (not clock or sum(clock) + clock[-1] < ENOUGH):
        begun = time.perf_counter()
        call()
        clock.append(time.perf_counter() - begun)
    seconds = float(np.median(clock))
    return {
        "us a step": microseconds(seconds, one),
        "seconds": seconds,
        "all seconds": clock,
        "first call": first,
        "difference": off(answer, on_cpu(one.case)),
    }


def microseconds(seconds: float, one: TimedCase) -> float:
    """A step's share."""
    return 1e6 * seconds / one.case.problem.T


def bandwidth() -> float:
    """GB/s of a copy within device memory, counting reads and writes."""
    from numba import cuda

    source, to = cuda.device_array(2**27, np.float32), cuda.device_array(2**27, np.float32)
    to.copy_to_device(source)
    start, end = cuda.event(), cuda.event()
    start.record()
    for _ in range(10):
        to.copy_to_device(source)
    end.record()
    end.synchronize()
    return float(10 * 2 * source.nbytes / (start.elapsed_time(end) / 1000) / GIGA)


def products_rate(dtype: str) -> float:
    """Gflop/s of a square matrix product by torch, without TF32."""
    torch = require_torch()
    a = torch.randn(8192, 8192, device="cuda", dtype=getattr(torch, dtype))
    a @ a
    torch.cuda.synchronize()
    begun = time.perf_counter()
    for _ in range(5):
        a @ a
    torch.cuda.synchronize()
    return 5 * 2 * 8192**3 / (time.perf_counter() - begun) / GIGA
