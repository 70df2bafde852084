"""Relations between tasks as hyperparameters."""

from __future__ import annotations

from typing import Any

import numpy as np

from hgref import laws
from hgref.arguments import Array, as_count, require_known
from hgref.at import At
from hgref.layout import Blocks
from hgref.objectives.objective import Objective, Shapes

PAIRS = ("each", "equal")


class TaskCoupling(Objective):
    """Ω_{C,ρ}(W) = Σ_jk C_jk ‖w_j − w_k‖² + ρ Σ_k ‖w_k‖²,   w_k the weights of task k.

        g_j          = 2 Σ_k S_jk (w_j − w_k) + 2 ρ w_j,        S = C + Cᵀ
        (H dw)_j     = 2 Σ_k S_jk (dw_j − dw_k) + 2 ρ dw_j
        (M dλ)_j     = 2 Σ_k dS_jk (w_j − w_k) + 2 dρ w_j
        (u M) of C_jk = 2 (u_j − u_k)·(w_j − w_k),    of ρ: 2 Σ_k u_k·w_k

    tasks     K; `features`: N, the length of each w_k. W is the first K·N weights, row by row, as
              in Softmax and in an MLP without hidden layers; the rest, such as biases, is ignored
    pairs     "each": block `C` of shape (K, K); "equal": one number for all pairs, shape ()
    C, rho    other names for the two blocks
    Cost      O(K² N)
    Exact     to rounding
    Beware    C enters only through C + Cᵀ, and its diagonal not at all; if C or ρ has negative
              entries Ω may have no minimum: project onto hgref.constraints.Symmetric(NonNegative())
    Source    Franceschi et al. 2017, section 5.2; Evgeniou, Micchelli and Pontil 2005

    Example
        >>> J = hgref.objectives.TaskCoupling(tasks=2, features=1)
        >>> lam = {"C": np.array([[0.0, 1.0], [0.0, 0.0]]), "rho": np.array(0.5)}
        >>> J.grad(1, np.array([1.0, 3.0]), lam).tolist()
        [-3.0, 7.0]
    """

    same_at_every_step = True

    def __init__(
        self, tasks: int, features: int, pairs: str = "each", *, C: str = "C", rho: str = "rho"
    ):
        self.tasks, self.N = as_count("tasks", tasks, 2), as_count("features", features, 1)
        require_known(pairs, PAIRS, "pairs")
        self.equal = pairs == "equal"
        for argument, name in (("C", C), ("rho", rho)):
            if not (isinstance(name, str) and name):
                raise TypeError(f"{argument}: expected the name of a block, found {name!r}")
        if rho == C:
            raise ValueError(f"C, rho: expected two names, found {C!r} for both")
        self.C, self.rho = C, rho

    def hyper(self, p: int) -> Shapes:
        return {self.C: () if self.equal else (self.tasks, self.tasks), self.rho: ()}

    def check_run(self, T: int, p: int) -> None:
        if p < self.tasks * self.N:
            raise ValueError(
                f"TaskCoupling: expected at least tasks · features = "
                f"{self.tasks} · {self.N} weights, found {p}"
            )

    def rows(self, w: Array) -> Array:
        """W (K, N, …) of weights (p, …); a view."""
        return w[: self.tasks * self.N].reshape(self.tasks, self.N, *w.shape[1:])

    def pairs(self, C: Array) -> Array:
        """S = C + Cᵀ (K, K, …) from the block C, or from its tangents."""
        if self.equal:
            C = np.broadcast_to(C, (self.tasks, self.tasks, *np.shape(C)))
        return C + np.swapaxes(C, 0, 1)

    def gather(self, share: Array) -> Array:
        """The transpose of the broadcast in `pairs`: (K, K) to the shape of C."""
        return share.sum() if self.equal else share

    def value(self, t: int, w: Array, lam: Blocks) -> Any:
        return (lam[self.C] * self.distances(w)).sum() + lam[self.rho] * (self.rows(w) ** 2).sum()

    def distances(self, w: Array) -> Array:
        """‖w_j − w_k‖² (K, K)."""
        W = self.rows(w)
        return np.stack([((row - W) ** 2).sum(axis=1) for row in W])

    def spread(self, w: Array, rows: Array) -> Array:
        """Rows (K, N, …) as weights (p, …); zero elsewhere."""
        g = np.zeros((len(w), *rows.shape[2:]), rows.dtype)
        g[: self.tasks * self.N] = rows.reshape(-1, *rows.shape[2:])
        return g

    def at(self, t: int, w: Array, lam: Blocks) -> At:
        W, S, rho = self.rows(w), self.pairs(lam[self.C]), lam[self.rho]
        tasks = range(self.tasks)

        def jvp(dw: Array, dlam: Blocks) -> Array:
            V, dW = W[..., None], self.rows(dw)
            dS = self.pairs(dlam[self.C]) if self.C in dlam else np.zeros((*S.shape, 1))
            moved = np.zeros(dW.shape, np.result_type(W, S, dW, dS))
            for j in tasks:
                s, ds = S[j][:, None, None], dS[j][:, None]
                moved[j] = laws.apart_jvp(s, V[j], V, dW[j], dW, ds).sum(axis=0)
            own = laws.apart_jvp(rho, V, 0, dW, 0, dlam.get(self.rho, 0))
            return self.spread(dw, moved + own)

        def vjp(u: Array) -> tuple[Array, Blocks]:
            U, uH, to_C = self.rows(u), [], []
            for j in tasks:
                to_row, to_pair = laws.apart_vjp(S[j][:, None], W[j], W, U[j], U)
                uH.append(to_row.sum(axis=0))
                to_C.append(to_pair.sum(axis=1))
            own, to_rho = laws.apart_vjp(rho, W, 0, U, 0)
            shares = {self.C: self.gather(np.stack(to_C)), self.rho: to_rho.sum()}
            return self.spread(u, np.stack(uH) + own), shares

        coupled = [laws.apart_grad(S[j][:, None], W[j], W).sum(axis=0) for j in tasks]
        return At(self.spread(w, np.stack(coupled) + laws.apart_grad(rho, W, 0)), jvp, vjp)

    def grad_lam(self, t: int, w: Array, lam: Blocks) -> Blocks:
        return {self.C: self.gather(self.distances(w)), self.rho: (self.rows(w) ** 2).sum()}
