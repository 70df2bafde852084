"""The hypergradient, forwards, backwards and in real time."""

from hgref.hypergradient.checkpointed import checkpointed
from hgref.hypergradient.decay import Decay, decay
from hgref.hypergradient.forward import forward
from hgref.hypergradient.hessian import hessian, hessian_product
from hgref.hypergradient.implicit import Implicit, implicit
from hgref.hypergradient.realtime import RealTime, realtime
from hgref.hypergradient.realtime_truncated import realtime_truncated
from hgref.hypergradient.reverse import reverse
from hgref.hypergradient.reversible import Reversible, reversible
from hgref.hypergradient.truncated import truncated

__all__ = [
    "Decay",
    "Implicit",
    "RealTime",
    "Reversible",
    "checkpointed",
    "decay",
    "forward",
    "hessian",
    "hessian_product",
    "implicit",
    "realtime",
    "realtime_truncated",
    "reverse",
    "reversible",
    "truncated",
]
