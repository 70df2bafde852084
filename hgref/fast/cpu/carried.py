"""A training run that carries its sensitivities Z_t along; what forward modes share."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from hgref.arguments import Array
from hgref.fast.cpu.at_lam import lower_lam
from hgref.fast.cpu.lowering import lowered
from hgref.fast.cpu.network import Columns as Carries
from hgref.fast.cpu.recorded import columns_of, require_finite
from hgref.fast.cpu.recursion import compiled_tangents, tangents
from hgref.fast.cpu.scratch import all_weights, kept_rows, workspaces
from hgref.hypergradient.forward import partial
from hgref.layout import Blocks, Columns, Layout
from hgref.problem import Problem

WORK_OF_A_CALL = 1_000_000  # multiplications, about, until a signal gets through


class Carried:
    """s_t and Z_t at a λ that may be changed on the way.

    problem   as everywhere;  blocks: λ;  dtype: of the products with data
    columns   that Z has
    """

    def __init__(self, problem: Problem, blocks: Blocks, columns: Layout | Columns, dtype: Any):
        self.problem, self.columns, self.t = problem, columns, 0
        k, p = columns.size, problem.p
        self.low = lowered(problem, dtype, k)
        self.move(blocks)
        self.works = workspaces(self.low, Carries(1, k, 1))
        self.weights = all_weights(self.low, self.works)
        self.g, self.kept = np.empty(p, self.low.dtype), kept_rows(self.low, 1)
        self.scratch = columns_of(k, p)
        self.run = compiled_tangents if self.low.small else tangents
        self.s = np.array(problem.start(blocks), float).reshape(-1, p)
        Z = problem.start_jvp(columns.identity(), k)
        self.Z = np.ascontiguousarray(Z.T).reshape(k, problem.d // p, p)
        self.scratch[0][:] = self.Z[:, -1]
        self.length = max(math.isqrt(problem.T), WORK_OF_A_CALL // ((1 + k) * problem.d))

    def move(self, blocks: Blocks) -> None:
        """λ for the steps from here on."""
        self.blocks = blocks
        self.opt, self.lam = lower_lam(self.low, blocks, self.columns)

    def advance(self, last: int) -> None:
        """s, Z ← s_last, Z_last: eq. (14)."""
        while self.t < last:
            a, b = self.t + 1, min(self.t + self.length, last)
            about = self.low.J, self.lam, self.opt, self.works, self.weights, self.s, self.Z
            t = self.run(*about, a, b, self.g, self.kept, *self.scratch)
            if t:
                require_finite(self.problem, "the training run", t, self.s)
                require_finite(self.problem, "Z_t", t, self.Z.sum(axis=0))
            self.t = b

    @property
    def state(self) -> Array:
        """s_t (d,)."""
        return self.s.reshape(-1).copy()

    def error(self) -> Any:
        """E(s_t)."""
        return self.problem.error(self.t, self.state, self.blocks)

    def partial(self) -> Array:
        """∇f_t(λ) (k,): eq. (16)."""
        Z = self.Z.reshape(len(self.Z), -1).T
        return partial(self.problem, self.t, self.state, Z, self.blocks, self.columns)
