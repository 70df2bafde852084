"""RTHO backwards: hyperparameters change while training goes on, by a few steps of REVERSE-HG."""

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
    """`realtime` by REVERSE-HG: after every Δ steps λ is updated, by going back over the last K.

        α_t = ∇E(s_t),   α_{r-1} = α_r A_r,   r = t … t-K+1                    eq. (8), (9)
        ∇f_t(λ) ≈ Σ_r α_r B_r  (+ ∂E/∂λ),   λ ← P_Λ(outer step),   t = Δ, 2Δ … eq. (10)

    A_r and B_r are those of the λ that step r was taken with.

    lam      (m,) λ_0, or a mapping of names; projected first
    every    Δ, the size of the hyper-batch, 1 … T
    K        number of steps to go back, 1 … T, fewer while t < K; default Δ
    outer    outer.Adam(rate) (default) or outer.GradientDescent(rate)
    project  P_Λ of a flat λ; default: none
    wrt      names of the blocks that are updated; default all
    progress wraps the steps, as tqdm.tqdm does
    returns  RealTime: the paths of λ_t and f_t, and s_T
    Raises   ValueError for a bad λ, Δ or K, also for a λ that an update made; Diverged
    Cost     T steps and ⌊T/Δ⌋ (K vjps and a gradient of E), independent of m: with K = Δ as much
             as one `reverse`. Memory that of K linearised steps
    Exact    for K = T the same path as `realtime`. Below, ∇f_t lacks what λ did more than K steps
             ago, which is what `decay` measures
    Beware   it beats `realtime`, which carries m columns, where hyperparameters are many. With a
             small K it is short-sighted: it prefers what lowers E within K steps, such as a small
             η, to what pays later; and ∇f_t is 0 in w0 from t > K on
    Source   Franceschi et al. 2017, section 3.3, with Algorithm 1 cut short in the place of
             section 3.2; the authors' public code has it
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
