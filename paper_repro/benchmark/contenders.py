"""Who computes the hypergradient of a case: a name → a function without arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import hgref
from hgref.arguments import Array
from paper_repro.benchmark.floor import products
from paper_repro.benchmark.problems import Case

Run = Callable[[], Array | None]


def prepared(name: str, case: Case, dtype: str) -> Run:
    """What computes ∇f(λ) (m,) by that contender, from the problem to the numbers, when called.

    name     fast, fast recompute, fast checkpointed, readable, jax, jax checkpointed, torch;
             products whole, products in blocks: the least that a step of P1 can do, see `floor`
    dtype    float64 or float32, of everything but the readable layer
    Cost     a peer's data are brought to it here; it compiles at the first call
    """
    who, _, how = name.partition(" ")
    if who == "products":
        return products(case, np.dtype(dtype), how)
    if who == "jax":
        from paper_repro.benchmark.peers import jax

        return jax.hypergradient(case, dtype, checkpointed=how == "checkpointed")
    if who == "torch":
        from paper_repro.benchmark.peers import torch

        return torch.hypergradient(case, dtype)
    return our_own(who, how, case, dtype)


def our_own(who: str, how: str, case: Case, dtype: str) -> Run:
    """The readable layer or the fast one."""
    options: dict[str, Any] = {}
    layer: Any = hgref
    if who == "fast":
        from hgref.fast import cpu

        layer, options["dtype"] = cpu, np.dtype(dtype)
    if case.wrt is not None:
        return lambda: layer.forward(case.problem, case.lam, case.wrt, **options).grad
    if how == "checkpointed":
        return lambda: layer.checkpointed(case.problem, case.lam, **options).grad
    if how:
        options["recompute"] = how == "recompute"
    return lambda: layer.reverse(case.problem, case.lam, **options).grad
