"""Ways of the gradient: what a term passes on its road from λ to E, and what it counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from hgref.arguments import Array
from hgref.at import At
from hgref.layout import Blocks
from hgref.run import Run
from hgref.verify.mistakes.edits import Edited, altered, other_run

SAID = {
    0.0: "lacks",
    -1.0: "counts with the opposite sign",
    2.0: "counts twice",
    0.5: "counts half",
}


@dataclass(frozen=True)
class Miscounted:
    """Ways of the gradient that the candidate counts `factor` times.

    way          a block of the state, or a layer of w; "H"; "g", for H and M; "terms", or "terms
                 of" a hyperparameter, or of some entries of it
    first, last  steps; 0: the start, T + 1: ∂E/∂λ
    T            steps of the run
    error        ‖candidate − such a gradient‖ / ‖such a gradient‖, largest over the blocks
    """

    way: str
    first: int
    last: int
    factor: float
    T: int
    error: float

    def __str__(self) -> str:
        verb = SAID.get(self.factor, f"counts {self.factor:.6g} times")
        return f"the candidate {verb} {self.what}{self.steps}, to {self.error:.0e}"

    @property
    def what(self) -> str:
        if self.way.startswith("terms"):
            whose = self.way.removeprefix("terms")
            kind = {0: "the start's share", self.T + 1: "∂E/∂λ"}.get(
                self.first, "the terms α_t B_t"
            )
            return kind + whose
        return f"all that goes through {self.way}"

    @property
    def steps(self) -> str:
        if (self.first, self.last) == (1, self.T) or not 0 < self.first <= self.T:
            return ""
        if self.first == self.last:
            return f" at step {self.first}"
        return f" from step {self.first} to {self.last}"


class Way(NamedTuple):
    """One kind of way.

    part    of the state, that α_t passes after step t;  names: of the hyperparameters whose terms
            are meant;  H, M: the second derivatives of J
    """

    name: str
    part: slice | None = None
    names: tuple[str, ...] = ()
    H: bool = False
    M: bool = False

    def run(self, run: Run, factor: float) -> Run:
        """The run whose steps are linearised on this way."""
        if not self.H:
            return run
        bent = Bent(run.dynamics.J, factor, self.M)
        return other_run(run, run.theta, dynamics=altered(run.dynamics, J=bent))

    def through(self, x: Array, factor: float) -> Array:
        """A tangent or cotangent of the state after the step."""
        if self.part is None:
            return x
        x = x.copy()
        x[self.part] *= factor
        return x

    def share(self, share: Blocks, factor: float) -> Blocks:
        return {n: x * factor if n in self.names else x for n, x in share.items()}


class Bent(Edited):
    """J with c H in place of H, and c M in place of M if `mixed`."""

    def __init__(self, J: Any, c: float, mixed: bool = False):
        super().__init__(J)
        self.c, self.d = c, c if mixed else 1.0

    def edit(self, t: int, w: Array, lam: Blocks, exact: At) -> At:
        def vjp(u: Array) -> tuple[Array, Blocks]:
            row, share = exact.vjp(u)
            return self.c * row, {name: self.d * block for name, block in share.items()}

        def jvp(dw: Array, dlam: Blocks) -> Array:
            return exact.jvp(self.c * dw, {name: self.d * block for name, block in dlam.items()})

        return exact._replace(jvp=jvp, vjp=vjp)
