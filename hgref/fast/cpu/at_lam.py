"""A point λ as arrays: schedules, weights, coefficients, and their columns of Z; and back again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from hgref.arguments import Array
from hgref.dynamics import Adam, Momentum
from hgref.fast.cpu import coordinates
from hgref.fast.cpu.lowering import Lowered, weighted
from hgref.fast.cpu.training import Lam
from hgref.layout import Blocks, Layout
from hgref.problem import Problem

Optimizer = coordinates.GD | coordinates.Momentum | coordinates.Adam
Where = dict[Any, Array]  # for each block of λ the numbers of its columns, shaped like it


def lower_lam(low: Lowered, blocks: Blocks, columns: Layout | None = None) -> tuple[Optimizer, Lam]:
    """λ as the recursions want it; `columns`: the blocks in which Z's columns are derivatives."""
    p = low.problem.p
    where = column_numbers(columns)
    opt = lower_dynamics(low.problem, blocks, where)
    weights, weight_columns = [], []
    for part in low.losses:
        n = 0 if part is None else part.features.n
        name = part.block if part is not None and weighted(part) else None
        weights.append(np.ones(n) if name is None else real_block(name, blocks))
        weight_columns.append(where.get(name, np.zeros(0, dtype=np.int64)))
    l2, l2_columns = np.zeros((len(low.penalties), p)), np.full((len(low.penalties), p), -1)
    for a, penalty in enumerate(low.penalties):
        l2[a] = penalty.each(blocks[penalty.name])
        if penalty.name in where:
            l2_columns[a] = penalty.each(where[penalty.name])
    return opt, Lam(tuple(weights), tuple(weight_columns), l2, l2_columns)


def lower_dynamics(problem: Problem, blocks: Blocks, where: Where) -> Optimizer:
    """The dynamics with its hyperparameters as schedules."""
    dynamics = problem.dynamics
    rates, columns = map(np.stack, zip(*rate_schedules(problem, blocks, where), strict=True))
    rates, columns = np.ascontiguousarray(rates.T), np.ascontiguousarray(columns.T)
    if isinstance(dynamics, Adam):
        return coordinates.Adam(rates, columns, dynamics.convention in ("torch", "optax"))
    if isinstance(dynamics, Momentum):
        settings = dynamics.dampening, dynamics.weight_decay, int(dynamics.nesterov)
        return coordinates.Momentum(rates, columns, *settings)
    return coordinates.GD(rates, columns)


def gathered(
    low: Lowered,
    layout: Layout,
    others: Iterable[Blocks],
    b_rates: Array,
    b_weights: Any,
    b_l2: Array,
) -> Blocks:
    """∇f(λ): `others`, which are blocks already, and the sums over t of α_t B_t, which are arrays.

    b_rates    (T, h);  b_l2: (A, p)
    b_weights  for each data loss (n,), or (0,) where its examples have no weights
    """
    grad = layout.zeros(like=b_rates)
    for share in (*others, *shares(low, layout, b_rates, b_weights, b_l2)):
        for name, block in share.items():
            grad[name] += block
    low.problem.require_finite("∇f", 0, grad)
    return grad


def shares(
    low: Lowered, layout: Layout, b_rates: Array, b_weights: Any, b_l2: Array
) -> Iterator[Blocks]:
    """The arrays of `gathered` as blocks of λ."""
    each: Any
    for name, each in zip(rate_names(low.problem), b_rates.T, strict=True):
        if name is not None:
            yield {name: each if layout.shapes[name] else np.asarray(each.sum())}
    for loss, each in zip(low.losses, b_weights, strict=True):
        if loss is not None and len(each):
            yield {loss.block: each}
    for penalty, each in zip(low.penalties, b_l2, strict=True):
        yield {penalty.name: penalty.gather(each)}


def column_numbers(columns: Layout | None) -> Where:
    """For each of the blocks the numbers of its columns, shaped like the block."""
    if columns is None:
        return {}
    return dict(columns.split(np.arange(columns.size)))


def rate_names(problem: Problem) -> tuple[str | None, ...]:
    """The hyperparameter behind each entry of an optimizer's rates; None: it is fixed at 0."""
    dynamics = problem.dynamics
    if isinstance(dynamics, Adam):
        return ("eta", "beta1", "beta2", dynamics.rule.outside, dynamics.rule.inside)
    return dynamics.names


def rate_schedules(problem: Problem, blocks: Blocks, where: Where) -> Iterator[tuple[Array, Array]]:
    """(values (T,), columns (T,)) of each entry of an optimizer's rates."""
    for name in rate_names(problem):
        value = 0.0 if name is None else real_block(name, blocks)
        column = where.get(name, np.array(-1))
        yield np.broadcast_to(value, problem.T), np.broadcast_to(column, problem.T)


def real_block(name: str, blocks: Blocks) -> Array:
    block = blocks[name]
    if block.dtype.kind in "cO":
        raise TypeError(f"{name}: the fast layer wants real numbers, found {block.dtype}")
    return np.array(block, dtype=float)
