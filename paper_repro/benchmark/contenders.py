"""The contenders: implementations that compute the hypergradient of a case."""

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
    """A function without arguments that computes ∇f(λ) (m,) with the contender of this name.

    name     fast, fast recompute, fast checkpointed, readable, jax, jax checkpointed, torch;
             products whole, products in blocks: a lower bound for a step of P1, see `floor`
    dtype    float64 or float32; the readable layer always uses float64
    Cost     copies the data to JAX or torch; their first call compiles
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
    """One of hgref's own layers, readable or fast."""
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
