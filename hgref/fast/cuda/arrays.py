"""The arrays on the device: a data loss, its hyperparameters, scratch.

Matrices are units × examples in flat arrays: the entry of layer ℓ, unit u, example i of a step is
at B·(at[ℓ] + u) + i, so that neighbouring threads have neighbouring examples. A last column of ones
in X adds the biases of the first layer.
"""

from __future__ import annotations

from typing import NamedTuple

from hgref.arguments import Array

SQUARES, LOGISTIC, SOFTMAX = 0, 1, 2
TANH, SOFTPLUS, RELU = 0, 1, 2


class Objective(NamedTuple):
    """A data loss; L layers, n examples, B of them in a step.

    X           (n·N₁,) examples × features, N₁ = N + 1 with biases
    Y           (K·n,) targets
    batches     (T, B) the rows that each step uses; (0, 0): all of them
    widths      (L + 1,) features, units of each hidden layer, outputs
    first       (L + 1,) where W_ℓ begins in w, b_ℓ behind it
    at          (L + 1,) units in the layers 1 … ℓ-1
    N1, n, B, L, bias
    activation  TANH, SOFTPLUS or RELU
    head        SQUARES, LOGISTIC or SOFTMAX: of the first outputs, `classes` of them; the others
                are of a second head, SQUARES
    """

    X: Array
    Y: Array
    batches: Array
    widths: Array
    first: Array
    at: Array
    N1: int
    n: int
    B: int
    L: int
    bias: int
    activation: int
    head: int
    classes: int


class Optimizer(NamedTuple):
    """The R numbers of the law of a dynamics with H hyperparameters.

    numbers  (T, R)
    slopes   (T, R, H) derivative of each number in each hyperparameter of its step
    columns  (T, H) the column of Z of that hyperparameter, or -1
    """

    numbers: Array
    slopes: Array
    columns: Array


class Lam(NamedTuple):
    """The hyperparameters of J: the residual of example i, output o has the factor λ_i h_o/B.

    examples (n,) λ_i;  example_columns (n,) their columns of Z, or (0,) if none has one
    outputs (outputs,) h_o;  output_columns likewise;  l2, l2_columns (A, p) of each weight
    C (K, K), ρ of relations between K tasks with the first K·N weights; their columns, or -1
    """

    examples: Array
    example_columns: Array
    outputs: Array
    output_columns: Array
    l2: Array
    l2_columns: Array
    C: Array
    C_columns: Array
    rho: float
    rho_column: int
    N: int


class ToFactors(NamedTuple):
    """The shares of the factors of residuals; (0,) if not requested.

    examples  (n,) the shares of the λ_i; with mini-batches (T·B,), by step and position, since an
              example may occur in one more than once
    heads     (B,) those of ρ, by position
    """

    examples: Array
    heads: Array


class Sums(NamedTuple):
    """The sums over t of α_t B_t, as `back` leaves them.

    numbers    (T, R) cotangents of the numbers of the law
    factors    see ToFactors
    relations  (K + 1, K): those of C, and in the last row those of ρ, by task
    l2         (A, p)
    """

    numbers: Array
    factors: ToFactors
    relations: Array
    l2: Array


class Work(NamedTuple):
    """Scratch on the device; C = (base + k)·n₁ rows come in, D = (lead + k)·n₁ go out.

    panel    (C·N₁,) first layers of w and of each column;  z (C·B,), r (D·B,);  X (B·N₁,) or (0,)
    pulled   (parts·D·N₁,) parts of Rᵀ X, see `product`
    products ((lead + k)·p,) ∇J_t and the columns' products
    w, U     (p,), (k·p,) in the numbers of X; (0,) if their block alone reads them
    above    (widest layer·B,)
    deltas, ddeltas, dz, dh   (B·units,) of every layer
    ones     (B,);  c (B,) λ_i/B
    sums     (blocks·R,) each block's cotangents of the numbers of the law
    parts    of the depth of Rᵀ X; 0: one for each block of the grid
    """

    panel: Array
    z: Array
    r: Array
    X: Array
    pulled: Array
    products: Array
    w: Array
    U: Array
    above: Array
    deltas: Array
    ddeltas: Array
    dz: Array
    dh: Array
    ones: Array
    c: Array
    sums: Array
    parts: int
