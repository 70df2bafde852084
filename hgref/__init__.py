"""hgref: exact hypergradients, in code that reads like the equations.

Training is a dynamical system s_t = Φ_t(s_{t-1}, λ); hgref computes the gradient of the validation
error f(λ) = E(s_T(λ)) with respect to the hyperparameters λ, forwards, backwards and in real time.
"""

from typing import TYPE_CHECKING, Any

from hgref import constraints, dynamics, objectives, outer, transforms, verify
from hgref.at import At
from hgref.dynamics import *  # noqa: F403
from hgref.hypergradient import (
    checkpointed,
    decay,
    forward,
    hessian,
    hessian_product,
    implicit,
    realtime,
    realtime_truncated,
    reverse,
    reversible,
    truncated,
)
from hgref.outer import as_scipy
from hgref.problem import Hypergradient, Problem
from hgref.run import Diverged
from hgref.verify import (
    assert_hypergradient,
    check,
    check_dynamics,
    check_fn,
    check_hessian,
    check_objective,
    diagnose,
    jacobians,
    locate,
    witness,
)

if TYPE_CHECKING:
    from hgref.planning.plan import plan

__version__ = "0.1.0"

__all__ = [
    *dynamics.__all__,
    "At",
    "Diverged",
    "Hypergradient",
    "Problem",
    "as_scipy",
    "assert_hypergradient",
    "check",
    "check_dynamics",
    "check_fn",
    "check_hessian",
    "check_objective",
    "checkpointed",
    "constraints",
    "decay",
    "diagnose",
    "dynamics",
    "forward",
    "hessian",
    "hessian_product",
    "implicit",
    "jacobians",
    "locate",
    "objectives",
    "outer",
    "plan",
    "realtime",
    "realtime_truncated",
    "reverse",
    "reversible",
    "transforms",
    "truncated",
    "verify",
    "witness",
]


def __getattr__(name: str) -> Any:
    """`hgref.plan` on first use: it reads the sizes of hgref.fast, which imports Numba."""
    if name == "plan":
        from hgref.planning.plan import plan

        return plan
    raise AttributeError(f"module 'hgref' has no attribute {name!r}")
