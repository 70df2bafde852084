"""REVERSE-HG stopped after K steps."""

from __future__ import annotations

from typing import Any

from hgref.arguments import as_count
from hgref.hypergradient.reverse import multipliers
from hgref.hypergradient.tape import taped
from hgref.problem import Hypergradient, Problem


def truncated(problem: Problem, lam: Any, K: int) -> Hypergradient:
    """The last K terms of REVERSE-HG's sum; K = T is `reverse`, bit for bit.

        Σ_{t = T-K+1 … T} α_t B_t  (+ ∂E/∂λ),   α_t as in                      eq. (8), (9), (10)

    lam      (m,) the point λ, or a mapping of names
    K        number of steps to go back, 1 … T
    returns  Hypergradient: f scalar, grad (m,), s_T (d,)
    Raises   ValueError for K < 1 or K > T and for a bad λ, Diverged
    Cost     T steps and K vjps; memory as `reverse` with K in place of T
    Exact    only for K = T: otherwise it is *not* ∇f(λ); the dropped terms shrink with the product
             A_T … A_{T-K+1}. Block w0 is zero unless K = T
    Beware   it favours what acts late in training: ∂f/∂η may have the wrong sign. `decay` measures
             what each K drops: hgref.truncated(problem, lam, K=hgref.decay(problem, lam).K(1e-3))
    Source   Franceschi et al. 2017, Algorithm 1, cut short; the authors' public code has it

    Example
        >>> J = hgref.objectives.Quadratic(np.eye(2), [1.0, -2.0])
        >>> problem = hgref.Problem(hgref.GradientDescent(J), J, T=10)
        >>> lam = problem.pack(eta=0.1)
        >>> [hgref.truncated(problem, lam, K=K).grad.round(3).tolist() for K in (2, 10)]
        [[-1.351], [-6.754]]
    """
    K = as_count("K", K, 1, problem.T)
    run = problem.at(lam)
    return multipliers(run, *taped(run, run.start(), 1, run.T, K))
