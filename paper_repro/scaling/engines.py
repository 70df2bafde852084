"""The workers of this experiment."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from importlib.util import find_spec
from typing import NamedTuple

from paper_repro.scaling.weighed import Weighing


class Engines(NamedTuple):
    """Worker processes, and one that records its memory."""

    processes: Executor
    weighing: Weighing


@contextmanager
def engines(workers: int) -> Iterator[Engines]:
    """`workers` processes of one thread each."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, spawn) as processes, Weighing() as weighing:
        yield Engines(processes, weighing)


@contextmanager
def dask(workers: int) -> Iterator[dict[str, Executor]]:
    """A Dask cluster of `workers` processes by its name; empty without Dask."""
    if find_spec("distributed") is None:
        yield {}
        return
    from distributed import Client, LocalCluster

    with LocalCluster(
        n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=":0"
    ) as cluster, Client(cluster) as client:  # fmt: skip
        yield {"Dask": client.get_executor()}
