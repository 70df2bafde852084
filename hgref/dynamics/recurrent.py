"""A recurrent network: the hidden state is s_t, the weights are λ."""

from __future__ import annotations

from typing import Any

import numpy as np

from hgref import laws
from hgref.arguments import Array, as_array, as_count
from hgref.at import At
from hgref.dynamics.dynamics import Dynamics
from hgref.dynamics.whole_state import NothingTrained
from hgref.layout import Blocks
from hgref.objectives.objective import Shapes


class Recurrent(Dynamics):
    """s_t = tanh(W s_{t-1} + U x_t + b): `reverse` of it is BPTT, `forward` is RTRL.

        A_t = diag(1 − s_t²) W,   B_t = diag(1 − s_t²) (s_{t-1}ᵀ, x_tᵀ, 1)               eq. (11)

    Row i of the three parts of B_t belongs to row i of W, to row i of U and to b_i. There is no
    inner training (J = 0): E measures the last hidden state s_T, and ∇f(λ) trains the network.

    inputs   (T, k) numbers x_t, one sequence; or (T, n, k), n sequences that share W, U and b.
             A `Problem` may take fewer steps than there are inputs
    hidden   h, the number of hidden units
    names    none, so there are no schedules; blocks of λ: W (h, h), U (h, k), b (h,)
    state    (h), the n hidden states one after the other: p = d = n h. w0 is s_0
    Raises   ValueError if inputs have another shape or NaN, or T exceeds their number
    Cost     step, vjp: O(n h (h + k)); jvp: that for each column. `forward` carries all
             m = h (h + k + 1) columns: for n = 1, RTRL's O(h⁴) a step
    Exact    to rounding
    Beware   α_t shrinks or grows with the product A_T … A_{t+1}: gradients vanish or explode
    Source   Werbos 1990, Proceedings of the IEEE 78 (BPTT); Williams and Zipser 1989, Neural
             Computation 1 (RTRL); Franceschi et al. 2017, section 3, which names both

    Example
        >>> E = hgref.objectives.Quadratic([[1.0]], [1.0])
        >>> problem = hgref.Problem(hgref.Recurrent([[1.0], [0.0]], hidden=1), E, T=2)
        >>> lam = problem.pack(W=[[0.5]], U=[[1.0]], b=[0.0])
        >>> hgref.reverse(problem, lam).grad.round(3).tolist()
        [-0.421, -0.116, -0.669]
    """

    state = ("h",)

    def __init__(self, inputs: Any, *, hidden: int):
        x = as_array("inputs", inputs)
        if x.ndim not in (2, 3) or 0 in x.shape:
            raise ValueError(
                f"inputs: expected shape (T, k) or (T, n, k), none of them 0, found {x.shape}"
            )
        self.inputs = x.reshape(len(x), -1, x.shape[-1])  # (T, n, k)
        self.h = as_count("hidden", hidden, 1)
        super().__init__(NothingTrained(self.inputs.shape[1] * self.h, steps=len(x)))

    def hyper(self, p: int) -> Shapes:
        """Shapes of the blocks of λ: the weights of the network."""
        return {"W": (self.h, self.h), "U": (self.h, self.inputs.shape[-1]), "b": (self.h,)}

    def units(self, s: Array) -> Array:
        """The hidden states (n, h) in a state (d,), or (n, h, k) in tangents (d, k)."""
        return s.reshape(-1, self.h, *s.shape[1:])

    def at(self, t: int, s: Array, lam: Blocks) -> At:
        S, x = self.units(s), self.inputs[t - 1]
        h = np.tanh(S @ lam["W"].T + x @ lam["U"].T + lam["b"])
        slope = laws.tanh_slope(h)

        def jvp(ds: Array, dlam: Blocks) -> Array:
            dz = lam["W"] @ self.units(ds)
            for name, right in (("W", S), ("U", x)):
                if name in dlam:
                    dz = dz + np.tensordot(right, dlam[name], (1, 1))  # dW s, dU x_t
            dz = dz + dlam.get("b", 0.0)
            return laws.hidden_jvp(slope[..., None], dz).reshape(ds.shape)

        def vjp(alpha: Array) -> tuple[Array, Blocks]:
            b_z = laws.hidden_vjp(slope, self.units(alpha))
            share = {"W": b_z.T @ S, "U": b_z.T @ x, "b": b_z.sum(axis=0)}
            return (b_z @ lam["W"]).reshape(-1), share

        return At(h.reshape(-1), jvp, vjp)
