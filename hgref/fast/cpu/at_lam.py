"""Converts a point λ to arrays (schedules, weights, coefficients, their columns of Z) and back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from hgref.arguments import Array
from hgref.dynamics import Adam, Momentum
from hgref.dynamics.root_of_squares import RootOfSquares
from hgref.fast.cpu import coordinates
from hgref.fast.cpu.coupling import Relations
from hgref.fast.cpu.lowering import Lowered, weighted
from hgref.fast.cpu.network import Factors
from hgref.fast.cpu.training import Lam
from hgref.layout import Blocks, Columns, Layout
from hgref.objectives import MultiTask, TaskCoupling
from hgref.objectives.data_loss import DataLoss
from hgref.problem import Problem

Optimizer = coordinates.GD | coordinates.Momentum | coordinates.Adam | coordinates.RootOfSquares


class Shares(NamedTuple):
    """The sums over t of α_t B_t, as the recursions leave them.

    rates      (T, h)
    weights    for each data loss (n,), or (0,) if its examples have no weights
    heads      for each data loss (outputs,), or (0,) if its outputs have no weights
    relations  (K + 1, K): those of C, and in the last row those of ρ, by task; (1, 0) without tasks
    l2         (A, p)
    """

    rates: Array
    weights: Sequence[Array]
    heads: Sequence[Array]
    relations: Array
    l2: Array


Where = dict[Any, Array]  # block of λ → numbers of its columns of Z, shaped like the block


def lower_lam(
    low: Lowered, blocks: Blocks, columns: Layout | Columns | None = None
) -> tuple[Optimizer, Lam]:
    """λ in the form that the recursions take; `columns`: those of Z."""
    p = low.problem.p
    where = {} if columns is None else columns.numbers()
    opt = lower_dynamics(low.problem, blocks, where)
    factors = tuple(lower_factors(part, low.dtype, blocks, where) for part in low.losses)
    l2, l2_columns = np.zeros((len(low.penalties), p)), np.full((len(low.penalties), p), -1)
    for a, penalty in enumerate(low.penalties):
        l2[a] = penalty.each(blocks[penalty.name])
        if penalty.name in where:
            l2_columns[a] = penalty.each(where[penalty.name])
    return opt, Lam(factors, l2, l2_columns, lower_relations(low.coupling, blocks, where))


def lower_factors(part: DataLoss | None, real: Any, blocks: Blocks, where: Where) -> Factors:
    """λ_i of the examples and h_o of the outputs."""
    nowhere = np.zeros(0, dtype=np.int64)
    if part is None:
        return Factors(np.ones(0), nowhere, np.ones(1, real), nowhere)
    name = part.block if weighted(part) else None
    examples = np.ones(part.features.n) if name is None else real_block(name, blocks)
    outputs, output_columns = np.ones(part.outputs, real), nowhere
    if isinstance(part, MultiTask):
        outputs[part.loss.classes :] = real_block(part.name, blocks) if part.name else part.fixed
        if part.name in where:
            output_columns = np.full(part.outputs, -1)
            output_columns[part.loss.classes :] = where[part.name]
    return Factors(examples, where.get(name, nowhere), outputs, output_columns)


def lower_relations(part: TaskCoupling | None, blocks: Blocks, where: Where) -> Relations:
    """C and ρ of the relations between tasks."""
    if part is None:
        return Relations(np.zeros((0, 0)), np.zeros((0, 0), dtype=np.int64), 0.0, -1)
    every, nowhere = (part.tasks, part.tasks), np.array(-1)
    C, C_columns = real_block(part.C, blocks), where.get(part.C, nowhere)
    rho, rho_column = real_block(part.rho, blocks), where.get(part.rho, nowhere)
    whole = np.broadcast_to(C, every).copy(), np.broadcast_to(C_columns, every).copy()
    return Relations(*whole, float(rho), int(rho_column))


def lower_dynamics(problem: Problem, blocks: Blocks, where: Where) -> Optimizer:
    """The dynamics with its hyperparameters as schedules."""
    dynamics = problem.dynamics
    rates, columns = map(np.stack, zip(*rate_schedules(problem, blocks, where), strict=True))
    rates, columns = np.ascontiguousarray(rates.T), np.ascontiguousarray(columns.T)
    if isinstance(dynamics, Adam):
        return coordinates.Adam(rates, columns, dynamics.convention in ("torch", "optax"))
    if isinstance(dynamics, RootOfSquares):
        return coordinates.RootOfSquares(rates, columns, dynamics.averaged)
    if isinstance(dynamics, Momentum):
        settings = dynamics.dampening, dynamics.weight_decay, int(dynamics.nesterov)
        return coordinates.Momentum(rates, columns, *settings)
    return coordinates.GD(rates, columns)


def gathered(
    low: Lowered,
    layout: Layout,
    others: Iterable[Blocks],
    sums: Shares,
) -> Blocks:
    """∇f(λ): `others`, given as blocks, plus the sums over t of α_t B_t."""
    grad = layout.zeros(like=sums.rates)
    for share in (*others, *shares(low, layout, sums)):
        for name, block in share.items():
            grad[name] += block
    return grad


def shares(low: Lowered, layout: Layout, sums: Shares) -> Iterator[Blocks]:
    """Yield the sums as blocks of λ."""
    each: Any
    for name, each in zip(names_of(low.problem), sums.rates.T, strict=True):
        if name is not None:
            yield {name: each if layout.shapes[name] else np.asarray(each.sum())}
    for loss, each in zip(low.losses, sums.weights, strict=True):
        if loss is not None and len(each):
            yield {loss.block: each}
    for loss, each in zip(low.losses, sums.heads, strict=True):
        if isinstance(loss, MultiTask) and loss.name:
            yield {loss.name: loss.loss.split(each)[1].sum()}
    for penalty, each in zip(low.penalties, sums.l2, strict=True):
        yield {penalty.name: penalty.gather(each)}
    if low.coupling is not None:
        C, rho = sums.relations[:-1], sums.relations[-1]
        yield {low.coupling.C: low.coupling.gather(C), low.coupling.rho: rho.sum()}


def names_of(problem: Problem) -> list[str | None]:
    """The hyperparameter of each column of an optimizer's rates; None if the rate is 0."""
    dynamics: Any = problem.dynamics
    return list(dynamics.rates.values())


def rate_schedules(problem: Problem, blocks: Blocks, where: Where) -> Iterator[tuple[Array, Array]]:
    """Yield (values (T,), columns (T,)) for each of an optimizer's rates."""
    for name in names_of(problem):
        value = 0.0 if name is None else real_block(name, blocks)
        column = where.get(name, np.array(-1))
        yield np.broadcast_to(value, problem.T), np.broadcast_to(column, problem.T)


def real_block(name: str, blocks: Blocks) -> Array:
    block = blocks[name]
    if block.dtype.kind in "cO":
        raise TypeError(
            f"{name}: expected real numbers, found {block.dtype}; hgref.fast.cpu has no others: "
            f"use the same function of hgref"
        )
    return np.array(block, dtype=float)
