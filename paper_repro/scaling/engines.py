"""The workers that everything runs on."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from importlib.util import find_spec
from typing import NamedTuple

from paper_repro.scaling.weighed import Weighing


class Engines(NamedTuple):
    """Worker processes, and one that weighs its tasks."""

    processes: Executor
    weighing: Weighing


@contextmanager
def engines(workers: int) -> Iterator[Engines]:
    """So many processes, one thread each."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, spawn) as processes, Weighing() as weighing:
        yield Engines(processes, weighing)


@contextmanager
def dask(workers: int) -> Iterator[dict[str, Executor]]:
    """A cluster of so many processes under its name; none where Dask is not installed."""
    if find_spec("distributed") is None:
        yield {}
        return
    from distributed import Client, LocalCluster

    with LocalCluster(
        n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=":0"
    ) as cluster, Client(cluster) as client:  # fmt: skip
        yield {"Dask": client.get_executor()}
