"""Converts a point λ to arrays for the kernels, and what they sum up back to blocks of λ."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from hgref.arguments import Array
from hgref.fast.cpu.stretches import require_real
from hgref.fast.cuda.arrays import Lam, Objective, Optimizer, Sums, ToFactors
from hgref.fast.cuda.lowering import Lowered, two_headed
from hgref.layout import Blocks, Layout
from hgref.objectives import MultiTask

NOWHERE = np.zeros(0, dtype=np.int64)  # no columns of Z


def lower_lam(low: Lowered, blocks: Blocks, columns: Layout | None = None) -> tuple[Optimizer, Lam]:
    """λ in the form that the kernels take; `columns`: the blocks that Z has columns for."""
    require_real(blocks)
    where = {} if columns is None else columns.numbers()
    parts: list[Any] = [
        *lower_factors(low.loss, low.real, blocks, where),
        *lower_penalties(low, blocks, where),
        *lower_relations(low.coupling, blocks, where),
    ]
    return lower_dynamics(low, blocks, where), Lam(*parts)


def lower_dynamics(low: Lowered, blocks: Blocks, where: Blocks) -> Optimizer:
    """The numbers of the law at every step; `where`: the columns of Z, shaped like the blocks."""
    T, names, numbered = low.problem.T, low.problem.dynamics.names, low.numbered
    H = len(names)
    units = {
        name: np.broadcast_to(unit, (*blocks[name].shape, H))
        for name, unit in zip(names, np.eye(H), strict=True)
    }
    columns = np.full((T, H), -1)
    for h, name in enumerate(names):
        columns[:, h] = where.get(name, -1)
    with np.errstate(all="ignore"):  # what is not finite is found in s_t
        slopes = numbered.tangents(1, T, blocks, units, H)
        return Optimizer(numbered.values(1, T, blocks), slopes, columns)


def lower_factors(loss: Any, real: Any, blocks: Blocks, where: Blocks) -> tuple[Array, ...]:
    """λ_i of the examples and h_o of the outputs, each with its columns of Z."""
    examples, output_columns = np.ones(loss.features.n), NOWHERE
    outputs = np.ones(loss.outputs, real)
    if loss.example_weights:
        examples = np.array(blocks[loss.block], float)
    if isinstance(loss, MultiTask):
        outputs[loss.loss.classes :] = blocks[loss.name] if loss.name else loss.fixed
        if loss.name in where:
            output_columns = np.full(loss.outputs, -1)
            output_columns[loss.loss.classes :] = where[loss.name]
    example_columns = where.get(loss.block, NOWHERE) if loss.example_weights else NOWHERE
    return examples, example_columns, outputs, output_columns


def lower_penalties(low: Lowered, blocks: Blocks, where: Blocks) -> tuple[Array, Array]:
    """(A, p) each penalty's coefficient of each weight, and its column of Z."""
    shape = len(low.penalties), low.problem.p
    l2, columns = np.zeros(shape), np.full(shape, -1)
    for a, penalty in enumerate(low.penalties):
        l2[a] = penalty.each(blocks[penalty.name])
        if penalty.name in where:
            columns[a] = penalty.each(where[penalty.name])
    return l2, columns


def lower_relations(part: Any, blocks: Blocks, where: Blocks) -> tuple[Any, ...]:
    """C, its columns of Z, ρ, its column, and the number of features of a task."""
    tasks = 0 if part is None else part.tasks
    C, columns = np.zeros((tasks, tasks)), np.full((tasks, tasks), -1)
    if part is None:
        return C, columns, 0.0, -1, 0
    C[:], columns[:] = blocks[part.C], where.get(part.C, -1)
    return C, columns, float(blocks[part.rho]), int(where.get(part.rho, -1)), part.N


def no_sums(low: Lowered, opt: Optimizer, lam: Lam) -> Sums:
    """The sums before the first step backwards."""
    J, loss, tasks = low.J, low.loss, lam.C.shape[0]
    positions = J.batches.size or J.n
    factors = ToFactors(
        np.zeros(positions * loss.example_weights), np.zeros(J.B * two_headed(loss))
    )
    relations = np.zeros((tasks + 1, tasks))
    return Sums(np.zeros(opt.numbers.shape), factors, relations, np.zeros(lam.l2.shape))


def shares(low: Lowered, blocks: Blocks, sums: Sums) -> Iterator[Blocks]:
    """Yield the sums as blocks of λ; `blocks`: λ itself."""
    loss, part = low.loss, low.coupling
    with np.errstate(all="ignore"):  # what is not finite is found in ∇f
        rates = low.numbered.cotangents(1, low.problem.T, blocks, sums.numbers)
    yield rates
    if loss.example_weights:
        yield {loss.block: by_example(low.J, sums.factors.examples)}
    if two_headed(loss):
        yield {loss.name: sums.factors.heads.sum()}
    for penalty, each in zip(low.penalties, sums.l2, strict=True):
        yield {penalty.name: penalty.gather(each)}
    if part is not None:
        yield {part.C: part.gather(sums.relations[:-1]), part.rho: sums.relations[-1].sum()}


def by_example(J: Objective, shares: Array) -> Array:
    """(n,) the shares of the λ_i, summed over steps and positions in their order."""
    if J.batches.size == 0:
        return shares
    total = np.zeros(J.n)
    np.add.at(total, J.batches.reshape(-1), shares)
    return total
