"""One check in the making: the run, its true gradient, the candidate, and what rounding may do."""

from __future__ import annotations

from typing import Any

import numpy as np

from hgref.hypergradient.reverse import reversed_run
from hgref.run import Run
from hgref.verify.candidate import read_candidate
from hgref.verify.rounding import FLOAT64, RUNS, is_large, norm, tolerances


class Trial:
    """One check: the run at λ, its true gradient, the candidate, and the rounding allowed.

    run, g     the run, and its gradient by REVERSE-HG
    given      the candidate, read
    allowed    name → absolute tolerance on the 2-norm of a block's error
    own        the same for g itself, which is computed in float64
    """

    def __init__(self, run: Run, candidate: Any):
        self.run, self.g = run, reversed_run(run)
        self.given = read_candidate(candidate, run.layout, run.dynamics.J.read_weights)
        coarse, large = self.given.roundoff > FLOAT64, is_large(run)
        self.own = tolerances(run, self.g, FLOAT64, 2 if coarse or large else RUNS)
        self.allowed = self.own
        if coarse:
            self.allowed = tolerances(run, self.g, self.given.roundoff, 3 if large else RUNS)

    def rounding(self) -> float:
        """How far rounding in float64 moves the gradient, relative: the largest of all blocks."""
        return max(self.own[name] / (self.scale(name) or 1.0) for name in self.own)

    def scale(self, name: str) -> float:
        """The size of a block, or what it would be if λ in it had the largest effect on f.

        Terms as large as that may have cancelled, so that a block is zero up to their rounding.
        """
        lam, g = self.run.theta, self.g
        effect = max(norm(lam[n] * block) for n, block in g.blocks.items())
        largest = float(np.max(np.abs(lam[name]), initial=0.0))
        return max(norm(g[name]), effect / (largest or 1.0))
