"""REVERSE-HG stopped after K steps."""

from __future__ import annotations

from collections import deque
from typing import Any

from hgref.arguments import as_count
from hgref.hypergradient.reverse import multipliers
from hgref.problem import Hypergradient, Problem


def truncated(problem: Problem, lam: Any, K: int) -> Hypergradient:
    """The last K terms of REVERSE-HG's sum; K = T is `reverse`, bit for bit.

        Σ_{t = T-K+1 … T} α_t B_t  (+ ∂E/∂λ),   α_t as in                      eq. (8), (9), (10)

    lam      (m,) the point λ, or a mapping of names
    K        number of steps to go back, 1 … T
    returns  Hypergradient: f scalar, grad (m,), s_T (d,)
    Raises   ValueError for K < 1 or K > T and for a bad λ, Diverged
    Cost     T steps and K vjps; memory O(K d)
    Exact    only for K = T: otherwise it is *not* ∇f(λ); what is dropped shrinks with the product
             A_T … A_{T-K+1}. Block w0 gets zero unless K = T
    Beware   it favours what acts late in training: the sign of ∂f/∂η may turn. `decay` measures
             what a K drops: hgref.truncated(problem, lam, K=hgref.decay(problem, lam).K(1e-3))
    Source   Franceschi et al. 2017, Algorithm 1, cut short; the authors' public code has it
    """
    K = as_count("K", K, 1, problem.T)
    lam, layout = problem.point(lam)
    states = deque(problem.states(lam), maxlen=K + 1)  # s_{T-K} … s_T
    s_T = states.pop()
    back = ((t, states.pop()) for t in range(problem.T, problem.T - K, -1))
    return multipliers(problem, lam, layout, s_T, back)
