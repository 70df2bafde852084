"""A training run that carries its sensitivities Z_t along; shared by the forward modes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from hgref.arguments import Array
from hgref.fast.cpu.at_lam import lower_lam
from hgref.fast.cpu.lowering import lowered
from hgref.fast.cpu.recorded import columns_of
from hgref.fast.cpu.recursion import compiled_tangents, tangents
from hgref.fast.cpu.scratch import all_weights, kept_rows, workspaces
from hgref.fast.cpu.shapes import Panel
from hgref.hypergradient.forward import partial
from hgref.layout import Columns, Layout
from hgref.run import Run

WORK_OF_A_CALL = 1_000_000  # multiplications of one call, about: signals wait for its end


class Carried:
    """s_t and Z_t at a λ that may change during the run.

    at        the run at the present λ in the readable layer
    dtype     of the products with data
    columns   those of Z
    """

    def __init__(self, at: Run, columns: Layout | Columns, dtype: Any):
        problem: Any = at.problem
        self.columns, self.t = columns, 0
        k, p = columns.size, problem.p
        self.low = lowered(problem, dtype, k)
        self.move(at)
        self.works = workspaces(self.low, Panel(1, k, 1))
        self.weights = all_weights(self.low, self.works)
        self.g, self.kept = np.empty(p, self.low.dtype), kept_rows(self.low, 1)
        self.scratch = columns_of(k, p)
        self.run = compiled_tangents if self.low.small else tangents
        self.s = np.array(at.start(), float).reshape(-1, p)
        Z = at.start_jvp(columns.identity(), k)
        self.Z = np.ascontiguousarray(Z.T).reshape(k, problem.d // p, p)
        self.scratch[0][:] = self.Z[:, -1]
        self.length = max(math.isqrt(problem.T), WORK_OF_A_CALL // ((1 + k) * problem.d))

    def move(self, at: Run) -> None:
        """Use the λ of this run from the next step on."""
        self.at = at
        self.opt, self.lam = lower_lam(self.low, at.lam, self.columns)

    def advance(self, last: int) -> None:
        """s, Z ← s_last, Z_last: eq. (14)."""
        while self.t < last:
            a, b = self.t + 1, min(self.t + self.length, last)
            about = self.low.J, self.lam, self.opt, self.works, self.weights, self.s, self.Z
            t = self.run(*about, a, b, self.g, self.kept, *self.scratch)
            if t:
                self.at.require_state("the training run", t, self.s.reshape(-1))
                self.at.require_state("Z_t", t, self.Z.sum(axis=0).reshape(-1))
            self.t = b

    @property
    def state(self) -> Array:
        """s_t (d,)."""
        return self.s.reshape(-1).copy()

    def error(self) -> Any:
        """E(s_t)."""
        return self.at.error(self.t, self.state)

    def partial(self) -> Array:
        """∇f_t(λ) (k,): eq. (16)."""
        Z = self.Z.reshape(len(self.Z), -1).T
        return partial(self.at, self.t, self.state, Z, self.columns)
