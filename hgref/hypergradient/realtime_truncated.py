"""RTHO by truncated REVERSE-HG: hyperparameters are updated while training goes on."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from hgref.arguments import Array, as_count
from hgref.at import At
from hgref.descent import Descent
from hgref.hypergradient.realtime import LamPath, RealTime
from hgref.hypergradient.reverse import multipliers
from hgref.problem import Problem


def realtime_truncated(
    problem: Problem,
    lam: Any,
    every: int,
    K: int | None = None,
    outer: Descent | None = None,
    project: Callable[[Array], Array] | None = None,
    wrt: Iterable[str] | None = None,
    progress: Callable[[Iterable[int]], Iterable[int]] | None = None,
) -> RealTime:
    """`realtime` by REVERSE-HG: after every Δ steps λ is updated, going back over the last K steps.

        α_t = ∇E(s_t),   α_{r-1} = α_r A_r,   r = t … t-K+1                    eq. (8), (9)
        ∇f_t(λ) ≈ Σ_r α_r B_r  (+ ∂E/∂λ),   λ ← P_Λ(outer step),   t = Δ, 2Δ … eq. (10)

    A_r and B_r are those of the λ used in step r.

    lam      (m,) λ_0, or a mapping of names; projected first
    every    Δ, the size of the hyper-batch, 1 … T
    K        number of steps to go back, 1 … T, fewer while t < K; default Δ
    outer    outer.Adam(rate) (default) or outer.GradientDescent(rate)
    project  P_Λ of a flat λ; default: none
    wrt      names of the blocks to update; default all
    progress wraps the steps, as tqdm.tqdm does
    returns  RealTime: the paths of λ_t and f_t, and s_T
    Raises   ValueError for a bad Δ or K, and for a bad λ at the start or after an update; Diverged
    Cost     T steps and ⌊T/Δ⌋ (K vjps and a gradient of E), independent of m: with K = Δ as much
             as one `reverse`. Memory: K linearised steps
    Exact    for K = T the same path as `realtime`. Otherwise ∇f_t omits the effect of λ more than K
             steps earlier, which `decay` measures
    Beware   prefer it to `realtime`, which carries m columns, for many hyperparameters. A small K
             is short-sighted: it favours what lowers E within K steps, such as a small η, over
             what pays later; and ∇f_t is 0 in w0 once t > K
    Source   Franceschi et al. 2017, section 3.3, with a truncated Algorithm 1 in place of
             section 3.2; the authors' public code has it

    Example
        >>> J = hgref.objectives.Quadratic(np.eye(2), [1.0, -2.0])
        >>> problem = hgref.Problem(hgref.GradientDescent(J), J, T=10)
        >>> outer = hgref.outer.GradientDescent(rate=0.01)
        >>> run = hgref.realtime_truncated(problem, problem.pack(eta=0.1), every=5, outer=outer)
        >>> run["eta"].round(3).tolist()
        [0.1, 0.197, 0.209]
    """
    every = as_count("every", every, 1, problem.T)
    K = as_count("K", every if K is None else K, 1, problem.T)
    path = LamPath(problem, lam, outer, project, wrt)
    s, behind = path.run.start(), deque[tuple[int, At]](maxlen=K)
    steps: Iterable[int] = range(1, problem.T + 1)
    for t in steps if progress is None else progress(steps):
        behind.append((t, path.run.at(t, s)))
        s = behind[-1][1].value
        if t % every == 0:
            grad = multipliers(path.run, s, reversed(behind), t)
            path.update(grad.f, path.columns.flatten({n: grad[n] for n in path.columns.shapes}))
    return path.record(every, s)
