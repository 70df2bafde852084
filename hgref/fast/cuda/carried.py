"""A training run on the device that carries its sensitivities Z_t along."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from hgref.arguments import Array
from hgref.fast.cuda.device import on_device
from hgref.fast.cuda.on_device import OnDevice, require_room
from hgref.fast.cuda.recursion import DIVERGED, FINE
from hgref.hypergradient.forward import partial
from hgref.layout import Layout
from hgref.run import Run

ONE_LAUNCH = 256  # steps, at least; signals are handled between two launches


class Carried(OnDevice):
    """s_t and Z_t at a λ that may change during the run."""

    def __init__(self, at: Run, columns: Layout, dtype: Any):
        super().__init__(at, dtype, columns)
        problem = at.problem
        k, self.t, self.wanted = columns.size, 0, columns
        self.length = max(math.isqrt(problem.T), ONE_LAUNCH)
        require_room(f"Z with {k} columns", 8 * k * problem.d)
        s = self.start()
        self.s = on_device(np.stack([s, np.zeros(s.shape)]))
        Z = at.start_jvp(columns.identity(), k)
        self.Z = on_device(np.ascontiguousarray(Z.T).reshape(k, -1, problem.p))
        self.work = self.workspace(1, k, 1)
        self.kept = on_device(np.zeros(self.low.kept, self.real))

    def advance(self, last: int) -> None:
        """s, Z ← s_last, Z_last: eq. (14)."""
        while self.t < last:
            a, b = self.t + 1, min(self.t + self.length, last)
            about = self.J, self.lam, self.opt, self.work, self.s, self.Z
            found, t = self.launch(self.kernels.tangents, *about, a, b, self.kept)
            if found == DIVERGED:
                s = self.s.copy_to_host()[t % 2]
                self.at.require_state("the training run", t, s.reshape(-1))
            if found != FINE:
                Z = self.Z.copy_to_host().sum(axis=0)
                self.at.require_state("Z_t", t, Z.reshape(-1))
            self.t = b

    @property
    def state(self) -> Array:
        """s_t (d,)."""
        return self.s.copy_to_host()[self.t % 2].reshape(-1)

    def error(self) -> Any:
        """E(s_t)."""
        return self.at.error(self.t, self.state)

    def partial(self) -> Array:
        """∇f_t(λ) (k,): eq. (16)."""
        Z = self.Z.copy_to_host()
        Z = Z.reshape(len(Z), -1).T
        return partial(self.at, self.t, self.state, Z, self.wanted)
