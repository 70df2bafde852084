"""Converts a problem of the readable layer to arrays for the GPU; refuses one without a kernel.

The arrays are NumPy's: `on_device` moves them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from hgref.arguments import Array
from hgref.fast.cpu.dynamics import Numbered
from hgref.fast.cpu.stretches import real_of, require_fast, terms_of
from hgref.fast.cuda.arrays import (
    LOGISTIC,
    RELU,
    SOFTMAX,
    SOFTPLUS,
    SQUARES,
    TANH,
    Objective,
    Work,
)
from hgref.fast.cuda.device import ABREAST, COLS, ROWS, Grid, multiprocessors, shared_bytes
from hgref.fast.cuda.products import TILES
from hgref.fast.cuda.recursion import Recursions, recursions
from hgref.fast.cuda.room import FEW, GROUP, Room, rooms
from hgref.objectives import L2, MLP, LeastSquares, Logistic, MultiTask, Softmax, TaskCoupling
from hgref.objectives.losses import CrossEntropy, Squares, TwoClasses
from hgref.objectives.multi_task import TwoHeads
from hgref.problem import Problem

HEADS = {Squares: SQUARES, TwoClasses: LOGISTIC, CrossEntropy: SOFTMAX, TwoHeads: SOFTMAX}
ACTIVATIONS = {"tanh": TANH, "softplus": SOFTPLUS, "relu": RELU}
LOSSES = LeastSquares, Logistic, Softmax, MLP, MultiTask


class Lowered(NamedTuple):
    """A problem as arrays, without λ.

    loss, penalties, coupling   the terms of J: see `parts_of`
    numbered  the numbers of the dynamics' law
    kernels   of the dynamics;  grid, room: what to launch them on
    kept      numbers that a step keeps for the way back
    real      number type of the products with the data
    """

    problem: Problem
    loss: Any
    penalties: list[Any]
    coupling: Any
    numbered: Numbered
    J: Objective
    kernels: Recursions
    grid: Grid
    room: Room
    kept: int
    real: Any


def lowered(problem: Problem, dtype: Any) -> Lowered:
    """The problem's data and structure; TypeError if it has no kernel."""
    real = real_of(dtype)
    require_fast(problem)
    dynamics: Any = problem.dynamics
    loss, penalties, coupling = parts_of(dynamics.J)
    J = objective(loss, real)
    grid, room = grid_for(J, real)
    kernels = recursions(dynamics.law, dynamics.state, J.L > 1, room)
    numbers = Numbered(dynamics)
    return Lowered(
        problem, loss, penalties, coupling, numbers, J, kernels, grid, room,
        J.B * kept_by_example(J), real,
    )  # fmt: skip


def grid_for(J: Objective, real: Any) -> tuple[Grid, Room]:
    """What to launch kernels on: blocks with examples of their own, where these have room.

    Products need two blocks on a multiprocessor to hide their waits; more make barriers slower.
    """
    many, K = multiprocessors(), int(J.widths[1])
    blocks = min(many, J.B)  # one without examples would leave no part of Rᵀ X
    examples = -(-J.B // blocks)
    one_group = examples <= GROUP and J.batches.size == 0
    for room in rooms(K, J.classes, one_group) if J.L == 1 and K <= FEW else ():
        size = room.numbers(J.N1, examples) * real.itemsize
        if size <= shared_bytes():
            return Grid(blocks, size, exact=room.held > 0), room
    return Grid(ABREAST * many, TILES * real.itemsize), Room(0)


def parts_of(J: Any) -> tuple[Any, list[Any], Any]:
    """(data loss, L2 penalties, TaskCoupling or None); TypeError for any other sum.

    Subclasses are refused as well: the kernels would ignore what they change.
    """
    terms: list[Any] = terms_of(J)
    losses = [part for part in terms if type(part) in LOSSES]
    penalties = [part for part in terms if type(part) is L2]
    couplings = [part for part in terms if type(part) is TaskCoupling]
    known = len(losses) + len(penalties) + len(couplings)
    if len(losses) != 1 or len(couplings) > 1 or known < len(terms):
        raise TypeError(
            f"training objective: expected one of {', '.join(kind.__name__ for kind in LOSSES)}, "
            f"with L2 penalties and one TaskCoupling at most, found "
            f"{' + '.join(type(part).__name__ for part in terms)}; use hgref.fast.cpu"
        )
    if losses[0].features.sparse:
        raise TypeError(
            "X: expected dense features, found a sparse matrix; use hgref.fast.cpu, or X.toarray()"
        )
    if isinstance(losses[0], MultiTask) and type(losses[0].loss.second) is not Squares:
        raise TypeError("rectified: expected False, found True; use hgref.fast.cpu")
    return losses[0], penalties, couplings[0] if couplings else None


def two_headed(loss: Any) -> bool:
    """Whether ρ, the weight of the second head, is a hyperparameter."""
    return isinstance(loss, MultiTask) and loss.name is not None


def objective(loss: Any, real: Any) -> Objective:
    """A data loss as arrays."""
    features = loss.features
    layered = isinstance(loss, MLP)
    widths = np.array(loss.widths if layered else (features.N, loss.outputs), dtype=np.int64)
    bias = bool(getattr(loss, "bias", True))
    X = np.ones((features.n, features.N + bias), real)
    X[:, : features.N] = features.X if features.centre is None else features.X - features.centre
    batches = np.zeros((0, 0), dtype=np.int64)
    if features.batches is not None:
        batches = np.array(features.batches, dtype=np.int64)
    sizes = widths[1:] * (widths[:-1] + bias)
    return Objective(
        X=X.reshape(-1),
        Y=np.array(loss.y.T, dtype=real).reshape(-1),
        batches=batches,
        widths=widths,
        first=np.concatenate([[0, 0], np.cumsum(sizes)[:-1]]).astype(np.int64),
        at=np.concatenate([[0, 0], np.cumsum(widths[1:-1])]).astype(np.int64),
        N1=features.N + bias,
        n=features.n,
        B=features.B,
        L=len(widths) - 1,
        bias=int(bias),
        activation=ACTIVATIONS[loss.activation] if layered else TANH,
        head=HEADS[type(loss.loss)],
        classes=loss.loss.classes if isinstance(loss, MultiTask) else loss.outputs,
    )


def kept_by_example(J: Objective) -> int:
    """h, x, b_h of each hidden unit; of each output its mean, and σ(−z) if the mean is σ(z)."""
    hidden, outputs = int(J.at[J.L]), int(J.widths[J.L])
    return 3 * hidden + (2 if J.head == LOGISTIC else 1) * outputs


def workspace(low: Lowered, base: int, k: int, lead: int) -> Work:
    """Scratch for passes with k columns; see `Work`."""
    J, real, blocks = low.J, low.real, low.grid.blocks
    p, R = low.problem.p, len(low.numbered.names)
    n1, units = int(J.widths[1]), int(J.widths[1:].sum())
    C, D = (base + k) * n1, (lead + k) * n1
    layered, tiled = J.L > 1, low.room.K == 0
    tiles = -(-D // ROWS) * -(-J.N1 // COLS)
    parts = max(1, min(blocks // tiles, J.B // COLS))

    def array(size: int) -> Array:
        return np.empty(size, real)  # shapes for the device: nothing is written here

    return Work(
        panel=array(C * J.N1 * tiled),
        z=array(C * J.B * tiled),
        r=array(D * J.B * tiled),
        X=array(J.B * J.N1 * bool(len(J.batches)) * tiled),
        pulled=array((parts if tiled else blocks) * D * J.N1),
        products=array((lead + k) * p),
        w=array(p * layered),
        U=array(k * p * (layered or low.coupling is not None)),
        above=array(int(J.widths[1:].max()) * J.B * layered),
        deltas=array(units * J.B * layered),
        ddeltas=array(units * J.B * layered),
        dz=array(units * J.B * layered),
        dh=array(units * J.B * layered),
        ones=np.ones(J.B, real),
        c=array(J.B * tiled),
        sums=np.empty(blocks * R),
        parts=parts if tiled else 0,
    )
