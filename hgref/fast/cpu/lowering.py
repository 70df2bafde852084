"""Converts a problem of the readable layer to arrays, and refuses one that cannot be compiled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from hgref.arguments import Array
from hgref.dynamics import AdaGrad, Adam, AdamW, GradientDescent, Momentum, RMSProp
from hgref.fast.cpu import shapes
from hgref.fast.cpu.features import Compressed, Dense, Small, Sparse
from hgref.fast.cpu.network import (
    LOGISTIC,
    RELU,
    SOFTMAX,
    SOFTPLUS,
    SQUARES,
    TANH,
    Layers,
    Linear,
)  # fmt: skip
from hgref.fast.cpu.training import Coupling, Training
from hgref.objectives import (
    L2,
    MLP,
    LeastSquares,
    Logistic,
    MultiTask,
    Quadratic,
    Softmax,
    TaskCoupling,
)
from hgref.objectives.data_loss import DataLoss
from hgref.objectives.losses import CrossEntropy, Squares, TwoClasses
from hgref.objectives.multi_task import TwoHeads
from hgref.objectives.objective import Objective
from hgref.problem import Problem

HEADS = {Squares: SQUARES, TwoClasses: LOGISTIC, CrossEntropy: SOFTMAX, TwoHeads: SOFTMAX}
ACTIVATIONS = {"tanh": TANH, "softplus": SOFTPLUS, "relu": RELU}
Data = Small | Dense | Sparse
DYNAMICS = (GradientDescent, Momentum, RMSProp, AdaGrad, Adam, AdamW)
COMPILED = (LeastSquares, Logistic, Softmax, MLP, MultiTask, L2, Quadratic, TaskCoupling)


def require_compilable(problem: Problem) -> None:
    """Raise TypeError if the problem has a part that this layer cannot compile.

    Subclasses are refused as well: the compiled code would ignore what they change.
    """
    if type(problem.dynamics) not in DYNAMICS:
        raise refusal("dynamics", listed(DYNAMICS), problem.dynamics)
    for part in problem.dynamics.J.terms():
        if type(part) not in COMPILED:
            raise refusal("training objective", f"a sum of {listed(COMPILED)}", part)
    require_real("w0", problem.w0)
    for part in (*problem.dynamics.J.terms(), *problem.E.terms()):
        for name, array in {**vars(part), **vars(getattr(part, "features", part))}.items():
            require_real(name, array)


def require_real(name: str, array: Any) -> None:
    """Raise TypeError for an array, dense or sparse, of numbers that floats cannot hold."""
    kind = getattr(getattr(array, "dtype", None), "kind", "f")
    if kind in "cO":
        found = f"{name}: expected real numbers, found {array.dtype}"
        raise TypeError(f"{found}; use the same function of hgref itself")


def listed(kinds: Sequence[type]) -> str:
    return ", ".join(kind.__name__ for kind in kinds)


def refusal(name: str, known: str, found: Any) -> TypeError:
    return TypeError(
        f"{name}: expected {known}, found {type(found).__name__}, which cannot be compiled; "
        f"use the same function of hgref itself"
    )


class Lowered(NamedTuple):
    """A problem as arrays, without λ."""

    problem: Problem
    J: Training
    losses: Sequence[DataLoss | None]  # behind each entry of J.data
    penalties: list[L2]
    coupling: TaskCoupling | None
    dtype: Any
    small: bool  # a step takes microseconds: the recursions are compiled whole


def lowered(problem: Problem, dtype: Any, k: int = 1) -> Lowered:
    """The problem's data and structure, for passes with up to k tangent columns.

    Data are copied if they are centred, or have another type or order.
    """
    require_compilable(problem)
    real = np.dtype(dtype)
    if real not in (np.float64, np.float32):
        raise ValueError(f"dtype: expected float64 or float32, found {real}")
    terms = list(problem.dynamics.J.terms())
    losses = [part for part in terms if isinstance(part, DataLoss)]
    H, b = np.zeros((0, 0)), np.zeros(0)
    for part in terms:
        if isinstance(part, Quadratic):
            H, b = (part.H + H, part.b + b) if len(H) else (part.H.copy(), part.b.copy())
    forms = shapes.forms([shapes.Data.of(part) for part in losses], k)
    parts = zip(losses, forms, strict=True)
    data = tuple(lower_data(part, real, form) for part, form in parts) or (
        no_data(problem.p, real),
    )
    penalties = [part for part in terms if isinstance(part, L2)]
    small = all(type(one) is Small for one in data)
    coupling = only_coupling(terms)
    sizes = Coupling(0, 0) if coupling is None else Coupling(coupling.tasks, coupling.N)
    J = Training(data, H, b, sizes)
    return Lowered(problem, J, losses or [None], penalties, coupling, real, small)


def only_coupling(terms: list[Objective]) -> TaskCoupling | None:
    found = [part for part in terms if isinstance(part, TaskCoupling)]
    if len(found) > 1:
        raise TypeError(f"training objective: expected one TaskCoupling, found {len(found)}")
    return found[0] if found else None


def lower_data(part: DataLoss, real: Any, form: str) -> Data:
    features, N = part.features, part.features.N
    layered = isinstance(part, MLP) and len(part.widths) > 2
    widths = part.widths if isinstance(part, MLP) else (N, part.outputs)
    net = (Layers if layered else Linear)(
        widths=np.array(widths, dtype=np.int64),
        bias=bool(getattr(part, "bias", True)),
        activation=ACTIVATIONS[part.activation] if isinstance(part, MLP) else TANH,
        head=HEADS[type(part.loss)],
        classes=part.loss.classes if isinstance(part, MultiTask) else part.outputs,
        Y=own(part.y.T, real),
    )
    batches = np.zeros((0, 0), dtype=np.int64)
    if features.batches is not None:
        batches = np.array(features.batches, dtype=np.int64)
    centre = np.zeros(0) if features.centre is None else np.array(features.centre, dtype=float)
    if form == "sparse":
        by_row, by_column = compressed(features.X, real), compressed(features.X.T, real)
        return Sparse(by_row, by_column, centre, batches, net)
    X = own(features.X - centre if len(centre) else features.X, real)
    if form == "dense":
        return Dense(X, batches, net)
    ones = np.ones((int(net.bias), features.n))
    return Small(own(np.vstack([X.T, ones]), real), batches, net)


def own(array: Array, real: Any) -> Array:
    """The array, C-contiguous and writeable: Numba compiles again for any other kind."""
    same = np.ascontiguousarray(array, dtype=real)
    return same if same.flags.writeable and type(same) is np.ndarray else np.array(same)


def compressed(matrix: Any, real: Any) -> Compressed:
    if matrix.nnz >= 2**32:
        raise ValueError(f"X: expected fewer than 2**32 entries in a sparse X, found {matrix.nnz}")
    matrix = matrix.tocsr()
    return Compressed(
        matrix.indptr.astype(np.uint32), matrix.indices.astype(np.uint32), own(matrix.data, real)
    )


def no_data(p: int, real: Any) -> Data:
    """A data loss without examples, for a J that has none."""
    net = Linear(np.array([p, 1]), False, TANH, SQUARES, 1, np.zeros((1, 0), real))
    return Small(np.zeros((p, 0), real), np.zeros((0, 0), dtype=np.int64), net)


def batch_size(data: Data) -> int:
    return data.batches.shape[1] if data.batches.size else data.net.Y.shape[1]


def weighted(loss: DataLoss | None) -> bool:
    """Whether the examples have weights λ_i."""
    return loss is not None and bool(loss.example_weights)


def two_headed(loss: DataLoss | None) -> bool:
    """Whether ρ, the weight of the second head, is a hyperparameter."""
    return isinstance(loss, MultiTask) and loss.name is not None
