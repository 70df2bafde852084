"""A problem of the readable layer as arrays for the compiled one; what cannot be is refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numba
import numpy as np

from hgref.arguments import Array
from hgref.dynamics import Adam, GradientDescent, Momentum
from hgref.fast.cpu.coordinates import GD
from hgref.fast.cpu.coordinates import Adam as CompiledAdam
from hgref.fast.cpu.coordinates import Momentum as CompiledMomentum
from hgref.fast.cpu.features import Compressed, Dense, Small, Sparse, Work
from hgref.fast.cpu.lanes import NARROW
from hgref.fast.cpu.network import (
    LOGISTIC, RELU, SOFTMAX, SOFTPLUS, SQUARES, TANH, Columns, Layers, Linear, kept_width,
)  # fmt: skip
from hgref.fast.cpu.training import Lam, Training
from hgref.layout import Blocks, Layout
from hgref.objectives import L2, MLP, LeastSquares, Logistic, Quadratic, Softmax
from hgref.objectives.data_loss import DataLoss
from hgref.objectives.losses import CrossEntropy, Squares, TwoClasses
from hgref.problem import Problem

HEADS = {Squares: SQUARES, TwoClasses: LOGISTIC, CrossEntropy: SOFTMAX}
ACTIVATIONS = {"tanh": TANH, "softplus": SOFTPLUS, "relu": RELU}
Data = Small | Dense | Sparse
Optimizer = GD | CompiledMomentum | CompiledAdam
DATA_LOSSES = (LeastSquares, Logistic, Softmax, MLP)

# OpenBLAS has a quick path for products of fewer than a million multiplications, on one thread; a
# block of rows is to stay in it, and in half of a small second-level cache.
SMALL_PRODUCT = 900_000
BLOCK_BYTES = 420_000
ALONE = 500_000  # multiplications a pass below which a second thread costs more than it does
FEW = 200_000  # and below which Python between two kernels costs more than they do


def require_compilable(problem: Problem) -> None:
    """Raise TypeError, in a sentence, where the problem has a part that this layer does not know.

    A subclass is refused as well: what it changed would be left out.
    """
    if type(problem.dynamics) not in (GradientDescent, Momentum, Adam):
        raise refusal("the dynamics", problem.dynamics, "GradientDescent, Momentum and Adam")
    for part in problem.dynamics.J.terms():
        if type(part) not in (*DATA_LOSSES, L2, Quadratic):
            known = "LeastSquares, Logistic, Softmax, MLP, L2, Quadratic and their sums"
            raise refusal("the training objective", part, known)
        for name, array in vars(getattr(part, "features", part)).items():
            if isinstance(array, np.ndarray) and array.dtype.kind in "cO":
                raise TypeError(f"{name}: the fast layer wants real numbers, found {array.dtype}")


def refusal(what: str, found: Any, known: str) -> TypeError:
    return TypeError(
        f"hgref.fast.cpu compiles {known}; {what} has a {type(found).__name__}, which is Python "
        f"code that cannot be compiled: use the same function of hgref itself"
    )


# --- what does not depend on λ ---


class Lowered(NamedTuple):
    """A problem as arrays, but for λ."""

    problem: Problem
    J: Training
    parts: list[DataLoss | None]  # behind each entry of J.data
    penalties: list[L2]
    dtype: Any
    small: bool  # a step is over in microseconds: the recursions are compiled whole


def lowered(problem: Problem, dtype: Any, k: int = 1) -> Lowered:
    """The problem's data and structure, for passes with up to k tangent columns.

    Data are copied where their type or order asks for it, and where they are centred.
    """
    require_compilable(problem)
    real = np.dtype(dtype)
    if real not in (np.float64, np.float32):
        raise ValueError(f"dtype: expected float64 or float32, found {real}")
    terms = list(problem.dynamics.J.terms())
    parts: list[DataLoss | None] = [part for part in terms if isinstance(part, DataLoss)]
    H, b = np.zeros((0, 0)), np.zeros(0)
    for part in terms:
        if isinstance(part, Quadratic):
            H, b = (part.H + H, part.b + b) if len(H) else (part.H.copy(), part.b.copy())
    data = tuple(lower_data(part, real, k) for part in parts)
    if not data:
        data, parts = (no_data(problem.p, real),), [None]
    penalties = [part for part in terms if isinstance(part, L2)]
    small = all(type(one) is Small for one in data)
    return Lowered(problem, Training(data, H, b), parts, penalties, real, small)


def lower_data(part: DataLoss, real: Any, k: int) -> Data:
    features, N = part.features, part.features.N
    layered = isinstance(part, MLP) and len(part.widths) > 2
    widths = part.widths if isinstance(part, MLP) else (N, part.outputs)
    net = (Layers if layered else Linear)(
        widths=np.array(widths, dtype=np.int64),
        bias=bool(getattr(part, "bias", True)),
        activation=ACTIVATIONS[part.activation] if isinstance(part, MLP) else TANH,
        head=HEADS[type(part.loss)],
        Y=own(part.y.T, real),
    )
    batches = np.zeros((0, 0), dtype=np.int64)
    if features.batches is not None:
        batches = np.array(features.batches, dtype=np.int64)
    centre = np.zeros(0) if features.centre is None else np.array(features.centre, dtype=float)
    if features.sparse:
        by_row, by_column = compressed(features.X, real), compressed(features.X.T, real)
        return Sparse(by_row, by_column, centre, batches, net)
    X = own(features.X - centre if len(centre) else features.X, real)
    B = batches.shape[1] if batches.size else features.n
    few = not layered and B * N * (1 + k) * widths[1] < FEW
    return (Small if few else Dense)(X, batches, net)


def own(array: Array, real: Any) -> Array:
    """C-contiguous, writeable numbers of that type: Numba compiles anew for any other kind."""
    same = np.ascontiguousarray(array, dtype=real)
    return same if same.flags.writeable and type(same) is np.ndarray else np.array(same)


def compressed(matrix: Any, real: Any) -> Sparse:
    if matrix.nnz >= 2**32:
        raise ValueError(f"X: expected fewer than 2**32 entries in a sparse X, found {matrix.nnz}")
    matrix = matrix.tocsr()
    return Compressed(
        matrix.indptr.astype(np.uint32), matrix.indices.astype(np.uint32), own(matrix.data, real)
    )


def no_data(p: int, real: Any) -> Data:
    """A data loss without examples, for a J that has none."""
    net = Linear(np.array([p, 1]), False, TANH, SQUARES, np.zeros((1, 0), real))
    return Small(np.zeros((0, p), real), np.zeros((0, 0), dtype=np.int64), net)


def batch_size(data: Data) -> int:
    return data.batches.shape[1] if data.batches.size else data.net.Y.shape[1]


# --- λ ---


def lower_lam(low: Lowered, blocks: Blocks, columns: Layout | None = None) -> tuple[Optimizer, Lam]:
    """λ as the recursions want it; `columns`: the blocks that Z's columns are the derivatives in."""
    dynamics, p = low.problem.dynamics, low.problem.p
    where = column_numbers(columns)
    opt = lower_dynamics(low.problem, blocks, where)
    weights, weight_columns = [], []
    for part, data in zip(low.parts, low.J.data, strict=True):
        n = data.net.Y.shape[1]
        name = part.block if part is not None and part.example_weights else None
        weights.append(np.ones(n) if name is None else real_block(name, blocks))
        weight_columns.append(where.get(name, np.zeros(0, dtype=np.int64)))
    l2, l2_columns = np.zeros((len(low.penalties), p)), np.full((len(low.penalties), p), -1)
    for a, part in enumerate(low.penalties):
        l2[a] = part.each(blocks[part.name])
        if part.name in where:
            l2_columns[a] = part.each(where[part.name])
    return opt, Lam(tuple(weights), tuple(weight_columns), l2, l2_columns)


def lower_dynamics(problem: Problem, blocks: Blocks, where: dict[str | None, Array]) -> Optimizer:
    dynamics = problem.dynamics
    rates, columns = map(np.stack, zip(*rate_schedules(problem, blocks, where), strict=True))
    rates, columns = np.ascontiguousarray(rates.T), np.ascontiguousarray(columns.T)
    if isinstance(dynamics, Adam):
        return CompiledAdam(rates, columns, dynamics.convention in ("torch", "optax"))
    if isinstance(dynamics, Momentum):
        settings = dynamics.dampening, dynamics.weight_decay, int(dynamics.nesterov)
        return CompiledMomentum(rates, columns, *settings)
    return GD(rates, columns)


def column_numbers(columns: Layout | None) -> dict[str | None, Array]:
    """For each of the blocks the numbers of its columns, shaped like the block."""
    if columns is None:
        return {}
    numbers = np.arange(columns.size)
    return {name: block for name, block in columns.split(numbers).items()}


def rate_names(problem: Problem) -> tuple[str | None, ...]:
    """The hyperparameter behind each entry of an optimizer's rates; None for one that is fixed at 0."""
    dynamics = problem.dynamics
    if isinstance(dynamics, Adam):
        return ("eta", "beta1", "beta2", dynamics.rule.outside, dynamics.rule.inside)
    return dynamics.names


def rate_schedules(
    problem: Problem, blocks: Blocks, where: dict[str | None, Array]
) -> Iterator[tuple[Array, Array]]:
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


# --- scratch ---


def workspaces(low: Lowered, columns: Columns) -> tuple[Work, ...]:
    """Scratch for passes with these columns; blocks of rows are chosen by n₁ and N alone."""
    return tuple(workspace(data, columns, low.problem.p, low.dtype) for data in low.J.data)


def workspace(data: Data, columns: Columns, p: int, real: Any) -> Work:
    widths, B = data.net.widths, batch_size(data)
    N, n1 = int(widths[0]), int(widths[1])
    parts, rows = partition(data, columns, real)
    into, out, lead = (columns.base + columns.k) * n1, (columns.lead + columns.k) * n1, columns.lead
    if isinstance(data, Sparse):
        padded_in, padded_out = (-(-C // NARROW) * NARROW for C in (into, out))
        shapes = {"panel": (N, padded_in), "z": (B, padded_in), "r": (B, padded_out)}
        shapes |= {"X": (parts, 0, N), "pulled": (1, N, padded_out)}
    else:
        shapes = {"panel": (into, N), "z": (parts, into * rows), "r": (parts, out * rows)}
        shapes |= {"X": (parts, rows if data.batches.size else 0, N), "pulled": (parts, out, N)}
    arrays = {name: np.zeros(shape, real) for name, shape in shapes.items()}
    return Work(
        rows=rows,
        width=kept_width(data.net),
        offset=np.zeros(into, real),
        G=np.zeros((parts, lead + columns.k, p), real),
        c=np.zeros(B, real),
        share=np.zeros(B, real),
        every=np.arange(B),
        **arrays,
    )


def partition(data: Data, columns: Columns, real: Any) -> tuple[int, int]:
    """(threads' parts, rows in a block)."""
    widths, B = data.net.widths, max(batch_size(data), 1)
    threads = numba.get_num_threads()
    N, panel = int(widths[0]), max((columns.base + columns.k) * int(widths[1]), 1)
    if isinstance(data, Sparse):
        entries = data.by_row.values.size * B // max(data.net.Y.shape[1], 1)
        return (1 if entries * panel < ALONE else threads), B
    rows = min(SMALL_PRODUCT // (N * panel), BLOCK_BYTES // (N * real.itemsize)) // 8 * 8
    if len(widths) > 2 or rows < 8:  # large products: BLAS has threads of its own
        return 1, B
    return (1 if B * N * panel < ALONE else threads), min(rows, B)


def kept_rows(low: Lowered, steps: int) -> tuple[Array, ...]:
    """For each data loss what `between` keeps of each of so many steps; untouched memory."""
    sizes = [batch_size(data) * kept_width(data.net) for data in low.J.data]
    return tuple(np.empty((max(steps, 1), size), low.dtype) for size in sizes)
