"""Converts a problem of the readable layer to arrays for the GPU; refuses one without a kernel.

The arrays are NumPy's: `on_device` moves them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from hgref.arguments import Array
from hgref.dynamics import Adam, Momentum
from hgref.dynamics.root_of_squares import RootOfSquares
from hgref.fast.cpu import lowering as cpu
from hgref.fast.cpu.at_lam import Optimizer, lower_lam
from hgref.fast.cpu.shapes import kept_numbers
from hgref.fast.cpu.training import Coupling, Training
from hgref.fast.cuda.arrays import Lam, Objective, Work
from hgref.fast.cuda.coordinates import ADAM, GD, MOMENTUM, ROOT_OF_SQUARES, SUMS
from hgref.fast.cuda.device import COLS, ROWS
from hgref.fast.cuda.recursion import Recursions, recursions
from hgref.layout import Blocks, Layout
from hgref.objectives import L2, MLP, MultiTask, TaskCoupling
from hgref.objectives.data_loss import DataLoss
from hgref.problem import Problem


class Lowered(NamedTuple):
    """A problem as arrays, without λ.

    loss      the one data loss of J;  low: the rest, as hgref.fast.cpu converts it
    kernels   of the dynamics
    kept      numbers that a step keeps for the way back
    """

    problem: Problem
    loss: DataLoss
    low: cpu.Lowered
    J: Objective
    kernels: Recursions
    kept: int


def lowered(problem: Problem, dtype: Any) -> Lowered:
    """The problem's data and structure; TypeError if it has no kernel."""
    cpu.require_compilable(problem)
    real = np.dtype(dtype)
    if real not in (np.float64, np.float32):
        raise ValueError(f"dtype: expected float64 or float32, found {real}")
    terms = list(problem.dynamics.J.terms())
    losses = [part for part in terms if isinstance(part, DataLoss)]
    others = [part for part in terms if not isinstance(part, DataLoss | L2 | TaskCoupling)]
    if len(losses) != 1 or others:
        names = " + ".join(type(part).__name__ for part in terms)
        raise TypeError(
            f"training objective: expected one data loss, L2 penalties and one TaskCoupling at "
            f"most, found {names}; use hgref.fast.cpu"
        )
    (loss,) = losses
    if loss.features.sparse:
        raise TypeError(
            "X: expected dense features, found a sparse matrix; use hgref.fast.cpu, or X.toarray()"
        )
    J = objective(loss, real)
    low = cpu.Lowered(
        problem,
        Training((), np.zeros((0, 0)), np.zeros(0), Coupling(0, 0)),
        losses,
        [part for part in terms if isinstance(part, L2)],
        cpu.only_coupling(terms),
        real,
        False,
    )
    hidden, outputs = int(J.at[J.L]), int(J.widths[J.L])
    kept = J.B * kept_numbers(hidden, outputs, J.head == cpu.LOGISTIC)
    return Lowered(problem, loss, low, J, kernels(problem, J.L > 1), kept)


def kernels(problem: Problem, layered: bool) -> Recursions:
    """The kernels of the problem's dynamics."""
    if isinstance(problem.dynamics, Adam):
        return recursions(ADAM, layered)
    if isinstance(problem.dynamics, RootOfSquares):
        return recursions(ROOT_OF_SQUARES, layered)
    return recursions(MOMENTUM if isinstance(problem.dynamics, Momentum) else GD, layered)


def objective(loss: Any, real: Any) -> Objective:
    """A data loss as arrays."""
    features = loss.features
    layered = isinstance(loss, MLP)
    widths = np.array(loss.widths if layered else (features.N, loss.outputs), dtype=np.int64)
    bias = bool(getattr(loss, "bias", True))
    X = features.X if features.centre is None else features.X - features.centre
    if bias:
        X = np.hstack([X, np.ones((features.n, 1))])
    batches = np.zeros((0, 0), dtype=np.int64)
    if features.batches is not None:
        batches = np.array(features.batches, dtype=np.int64)
    sizes = widths[1:] * (widths[:-1] + bias)
    return Objective(
        X=np.array(X, dtype=real).reshape(-1),
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
        activation=cpu.ACTIVATIONS[loss.activation] if layered else cpu.TANH,
        head=cpu.HEADS[type(loss.loss)],
        classes=loss.loss.classes if isinstance(loss, MultiTask) else loss.outputs,
    )


def at_lam(low: Lowered, blocks: Blocks, columns: Layout | None = None) -> tuple[Optimizer, Lam]:
    """λ in the form that the kernels take; `columns`: the blocks that Z has columns for."""
    opt, lam = lower_lam(low.low, blocks, columns)
    features = 0 if low.low.coupling is None else low.low.coupling.N
    return opt, Lam(*lam.factors[0], lam.l2, lam.l2_columns, *lam.relations, features)


def workspace(J: Objective, p: int, real: Any, base: int, k: int, lead: int, blocks: int) -> Work:
    """Scratch for passes with k columns on a grid of that many blocks; see `Work`."""
    n1, units = int(J.widths[1]), int(J.widths[1:].sum())
    C, D = (base + k) * n1, (lead + k) * n1
    layered = J.L > 1
    tiles = -(-D // ROWS) * -(-J.N1 // COLS)
    parts = max(1, min(blocks // tiles, J.B // COLS))

    def array(size: int) -> Array:
        return np.zeros(size, real)

    return Work(
        panel=array(C * J.N1),
        z=array(C * J.B),
        r=array(D * J.B),
        X=array(J.B * J.N1 * bool(len(J.batches))),
        pulled=array(parts * D * J.N1),
        upper=array((lead + k) * p * layered),
        w=array(p),
        U=array(k * p),
        above=array(int(J.widths[1:].max()) * J.B * layered),
        deltas=array(units * J.B * layered),
        ddeltas=array(units * J.B * layered),
        dz=array(units * J.B * layered),
        dh=array(units * J.B * layered),
        ones=np.ones(J.B, real),
        c=array(J.B),
        sums=np.zeros(blocks * SUMS),
        parts=parts,
    )
