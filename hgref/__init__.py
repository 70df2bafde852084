"""hgref: exact hypergradients, in code that reads like the equations.

Training is a dynamical system s_t = Φ_t(s_{t-1}, λ); hgref computes the gradient of the validation
error f(λ) = E(s_T(λ)) with respect to the hyperparameters λ, forwards, backwards and in real time.
"""

from hgref import constraints, jacobians, objectives, outer, verify, witness
from hgref.dynamics import Adam, GradientDescent, Momentum, Recurrent
from hgref.hypergradient import checkpointed, forward, realtime, reverse, reversible, truncated
from hgref.outer import as_scipy
from hgref.plan import plan
from hgref.problem import Diverged, Hypergradient, Problem
from hgref.verify import assert_hypergradient, check, check_fn, diagnose

__version__ = "0.1.0"

__all__ = [
    "Adam",
    "Diverged",
    "GradientDescent",
    "Hypergradient",
    "Momentum",
    "Problem",
    "Recurrent",
    "as_scipy",
    "assert_hypergradient",
    "check",
    "check_fn",
    "checkpointed",
    "constraints",
    "diagnose",
    "forward",
    "jacobians",
    "objectives",
    "outer",
    "plan",
    "realtime",
    "reverse",
    "reversible",
    "truncated",
    "verify",
    "witness",
]
