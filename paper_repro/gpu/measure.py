"""Time whole hypergradients on a GPU, and measure the rates that limit them."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

import numpy as np

from hgref.arguments import Array
from paper_repro.benchmark.problems import Case

ROUNDS = 5
ENOUGH = 15.0  # seconds of a contender's calls after which it is not called again
GIGA = 1e9


def off(found: Array, true: Array) -> float:
    """Relative distance."""
    return float(np.linalg.norm(found - true) / np.linalg.norm(true))


def ours(case: Case, dtype: str) -> Callable[[], Array]:
    """A function that computes the hypergradient with hgref.fast.cuda."""
    from hgref.fast import cuda

    real = np.dtype(dtype)
    if case.wrt is None:
        return lambda: cuda.reverse(case.problem, case.lam, dtype=real).grad
    return lambda: cuda.forward(case.problem, case.lam, wrt=case.wrt, dtype=real).grad


def on_cpu(case: Case) -> Array:
    """The hypergradient by hgref.fast.cpu in double precision, the reference for all others."""
    from hgref.fast import cpu

    if case.wrt is None:
        return cpu.reverse(case.problem, case.lam).grad
    return cpu.forward(case.problem, case.lam, wrt=case.wrt).grad


def peers() -> dict[str, Callable[[Case, str], Callable[[], Array]]]:
    """torch and JAX, if they are installed and see the GPU."""
    found: dict[str, Any] = {}
    if find_spec("torch"):
        import torch

        if torch.cuda.is_available():
            from paper_repro.benchmark.peers import torch as unrolled

            for name, graph in (("torch, eager", False), ("torch, CUDA graph", True)):
                found[name] = functools.partial(unrolled.hypergradient, device="cuda", graph=graph)
    if find_spec("jax"):
        import jax

        if jax.default_backend() == "gpu":
            from paper_repro.benchmark.peers import jax as scanned

            found["JAX, compiled"] = scanned.hypergradient
    return found


def timed(call: Callable[[], Array], true: Array) -> dict[str, Any]:
    """Time the first call, then the median of a few: by the clock and between device events."""
    from numba import cuda

    begun = time.perf_counter()
    answer = call()
    first = time.perf_counter() - begun
    clock: list[float] = []
    device: list[float] = []
    while len(clock) < ROUNDS and (not clock or sum(clock) + clock[-1] < ENOUGH):
        start, end = cuda.event(), cuda.event()
        begun = time.perf_counter()
        start.record()
        call()
        end.record()
        end.synchronize()
        clock.append(time.perf_counter() - begun)
        device.append(start.elapsed_time(end) / 1000)
    return {
        "seconds": float(np.median(clock)),
        "seconds between events": float(np.median(device)),
        "all seconds": clock,
        "first call": first,
        "difference": off(answer, true),
    }


def contenders(case: Case, dtype: str, true: Array) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (contender, its timings, or its error message if it failed)."""
    everyone = {"hgref.fast.cuda": ours, **peers()}
    for name, make in everyone.items():
        try:
            yield name, timed(make(case, dtype), true)
        except (RuntimeError, MemoryError) as error:
            if name == "hgref.fast.cuda":
                raise
            yield name, {"failed": f"{type(error).__name__}: {error}"[:300]}


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
    return 10 * 2 * source.nbytes / (start.elapsed_time(end) / 1000) / GIGA


def products_rate(dtype: str) -> float | None:
    """Gflop/s of a square matrix product by torch; None without torch."""
    if not find_spec("torch"):
        return None
    import torch

    if not torch.cuda.is_available():
        return None
    a = torch.randn(8192, 8192, device="cuda", dtype=getattr(torch, dtype))
    a @ a
    torch.cuda.synchronize()
    begun = time.perf_counter()
    for _ in range(5):
        a @ a
    torch.cuda.synchronize()
    return 5 * 2 * 8192**3 / (time.perf_counter() - begun) / GIGA
