"""Base class of dynamics: the map Φ_t and its products at a point."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from hgref.arguments import Array, require_at_least, require_below
from hgref.at import At, Linearised, lacking
from hgref.dynamics.over import Axes, at_step, read_over, shape_at_a_step, to_block
from hgref.layout import Blocks
from hgref.objectives.objective import Objective, Shapes

Numbers = dict[str, Any]


class Dynamics(Linearised):
    """s_t = Φ_t(s_{t-1}, λ): one step of an optimizer on a training objective J.

    A subclass sets `state` and `names`, and defines either `at`, or `step` with `jvp` (for forward)
    and `vjp` (for reverse). If the step updates each weight on its own, derive from
    `Coordinatewise` and define a law instead.

        at(t, s, lam)                 Φ_t(s, λ) with .jvp and .vjp    hgref.at.At
        step(t, s, lam)               Φ_t(s, λ)                       (d,)
        jvp(t, s, lam, ds, dlam)      A_t ds + B_t dλ, columns        (d, k)
        vjp(t, s, lam, alpha)         (α A_t, α B_t), row             (d,), {name: …}       eq. (11)

    state    names of the blocks of s, the weights w last; default ("w",)
    names    the hyperparameters of the optimizer itself; those of J are added
    below_one   names whose values must lie in [0, 1)
    positive    names whose values must be >= 0
    products_error   relative error of the products; above 0 where they are differences
    t        step number, from 1
    s        (d,) state s_{t-1}: the blocks of `state` one after the other, (p,) each
    over     {name: "steps", "weights", "blocks" or ("steps", "blocks")}: a hyperparameter with one
             number for each step (T,), weight (p,), layer or named tensor of J (L,), or (T, L)
    lam      mapping of the named blocks of λ; a hyperparameter of the dynamics is a number, or a
             schedule (T,) with entry t - 1 for step t, or has the shape that `over` says
    ds       (d, k) columns of tangents, dlam mapping of (…, k); an absent block is zero
    alpha    (d,) row of multipliers
    Raises   NotImplementedError, naming a function that is needed and not defined
    Cost     stated by each subclass; A and B are never formed
    Beware   A_t and B_t are taken at s_{t-1}
    Source   Franceschi et al. 2017, section 2 and eq. (11)

    Example
        >>> class Descent(hgref.Dynamics):
        ...     names = ("eta",)
        ...     def step(self, t, s, lam): return s - lam["eta"] * self.J.grad(t, s, lam)
        ...     def vjp(self, t, s, lam, alpha):
        ...         uH, uM = self.J.grad_vjp(t, s, lam, -lam["eta"] * alpha)
        ...         return alpha + uH, {**uM, "eta": -alpha @ self.J.grad(t, s, lam)}
        >>> J = hgref.objectives.Quadratic(np.eye(1), [0.0])
        >>> hgref.reverse(hgref.Problem(Descent(J), J, 1, [1.0]), [0.5]).grad
        array([-0.5])
    """

    defined_by = ("step", "jvp", "vjp")
    state: tuple[str, ...] = ("w",)
    names: tuple[str, ...] = ()
    below_one: tuple[str, ...] = ()
    positive: tuple[str, ...] = ()
    products_error: float = 0.0
    own_start: bool = False  # whether s_0 is a function of λ, and not of w0
    over: Mapping[str, Axes] = {}

    def __init__(self, J: Objective, over: Mapping[str, Any] | None = None):
        if not isinstance(J, Objective):
            raise TypeError(f"J: expected an objective, found {type(J).__name__}")
        self.J = J
        self.over = read_over(over or {}, self.names, J)

    def hyper(self, p: int) -> Shapes:
        """Shapes of the blocks of λ at one step: those of the dynamics, then the objective's."""
        shapes = self.J.hyper(p)
        for name in self.names:
            if name in shapes:
                raise ValueError(
                    f"J: its block {name!r} has the name of a hyperparameter of "
                    f"{type(self).__name__}; give it another name"
                )
        labels = self.J.layer_labels
        own = {n: shape_at_a_step(self.over.get(n, ()), p, labels) for n in self.names}
        return {**own, **shapes}

    def check_blocks(self, lam: Blocks) -> None:
        """Raise ValueError if a block is outside the domain of the map."""
        for name in self.below_one + self.positive:
            require_at_least(name, lam[name], 0)
        for name in self.below_one:
            require_below(name, lam[name], 1)
        self.J.check_blocks(lam)

    def start(self, w0: Array) -> Array:
        """s_0: weights at w0, all other blocks zero."""
        rest = np.zeros(w0.size * (len(self.state) - 1), dtype=w0.dtype)
        return np.concatenate([rest, w0])

    def at_start(self, w0: Array, lam: Blocks) -> At:
        """s_0 as a function of w0, and of λ where a subclass makes it one; its products."""

        def jvp(dw0: Array, dlam: Blocks) -> Array:
            ds = np.zeros((len(self.state) * len(dw0), dw0.shape[1]), dtype=dw0.dtype)
            self.weights(ds)[:] = dw0
            return ds

        def vjp(alpha: Array) -> tuple[Array, Blocks]:
            return self.weights(alpha), {}

        return At(self.start(w0), jvp, vjp)

    def afresh(self, t: int, s: Array, lam: Blocks) -> Array:
        """The step, without anything that was compiled before."""
        return self.step(t, s, lam)

    def split(self, s: Array) -> Array:
        """The blocks of a state (d,) or of its tangents (d, k), one after the other."""
        return s.reshape(len(self.state), -1, *s.shape[1:])

    def parts(self, d: int) -> dict[str, slice]:
        """Where each named part of a state (d,) lies."""
        p = d // len(self.state)
        return {name: slice(k * p, k * p + p) for k, name in enumerate(self.state)}

    def weights(self, s: Array) -> Array:
        """w, the last block of the state."""
        return self.split(s)[-1]

    @property
    def of_weights(self) -> list[str]:
        """Hyperparameters with numbers of weights or blocks, where others have one for a step."""
        return [name for name, axes in self.over.items() if axes != ("steps",)]

    # the hyperparameters of the dynamics as a function of t and λ, with its products
    def axes(self, name: str, block: Array) -> Axes:
        """What the numbers of a hyperparameter are for: where `over` is silent, for steps."""
        return self.over.get(name, ("steps",)[: block.ndim])

    def rates_at(self, t: int, lam: Blocks, names: Iterable[str] | None = None) -> Numbers:
        """Their values at step t: a number, or one for each weight (p,); by default of all."""
        labels, names = self.J.layer_labels, self.names if names is None else names
        return {n: at_step(self.axes(n, lam[n]), labels, t, lam[n]) for n in names}

    def rates_jvp(self, t: int, lam: Blocks, dlam: Blocks) -> Numbers:
        """Their tangents, (k,) or (p, k), or 0 where `dlam` has none."""
        found: Numbers = dict.fromkeys(self.names, 0.0)
        for name in found.keys() & dlam.keys():
            axes = self.axes(name, lam[name])
            found[name] = at_step(axes, self.J.layer_labels, t, dlam[name])
        return found

    def rates_vjp(self, t: int, lam: Blocks, b: Numbers) -> Blocks:
        """Blocks of λ from their cotangents; one for each weight is added up for a number."""
        labels = self.J.layer_labels
        return {
            n: to_block(self.axes(n, lam[n]), labels, t, total, lam[n].shape)
            for n, total in b.items()
        }

    def at(self, t: int, s: Array, lam: Blocks) -> At:
        raise lacking(self, "at")

    def step(self, t: int, s: Array, lam: Blocks) -> Array:
        raise lacking(self, "step")

    def jvp(self, t: int, s: Array, lam: Blocks, ds: Array, dlam: Blocks) -> Array:
        raise lacking(self, "jvp")

    def vjp(self, t: int, s: Array, lam: Blocks, alpha: Array) -> tuple[Array, Blocks]:
        raise lacking(self, "vjp")
