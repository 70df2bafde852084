"""Train without sensitivities, and evaluate E at some of the steps; in each layer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import hgref
from hgref.arguments import Array
from hgref.fast.cpu import blas
from hgref.fast.cpu.stretches import Fast


def train(problem: hgref.Problem, lam: Any, looks: Iterable[int], layer: str, dtype: Any) -> None:
    """Run to each of the steps in `looks`, which rise, and evaluate E there.

    layer   cpu or cuda
    dtype   of the products with the data
    Raises  hgref.Diverged; what E raises, such as Enough
    """
    {"cpu": on_processor, "cuda": on_gpu}[layer](problem, lam, list(looks), dtype)


@blas.alone
def on_processor(problem: hgref.Problem, lam: Any, looks: list[int], dtype: Any) -> None:
    run = Fast(problem, dtype).run(problem.at(lam), *looks)
    s = run.start()
    for j in range(1, run.T + 1):
        s = run.step(j, s)
        if run.number(j) in looks:
            run.error(j, s)


def on_gpu(problem: hgref.Problem, lam: Any, looks: list[int], dtype: Any) -> None:
    from hgref.fast.cuda.recorded import Recorded  # needs a GPU

    run = Recorded(problem, lam, dtype, every=1)
    s: Array = run.start()
    for before, look in zip([0, *looks], looks, strict=False):
        s = run.forget(s, before + 1, look)
        run.at.error(look, s.reshape(-1))
