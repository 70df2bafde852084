"""The hypergradient, forwards, backwards and in real time."""

from hgref.hypergradient.checkpointed import checkpointed
from hgref.hypergradient.forward import forward
from hgref.hypergradient.realtime import RealTime, realtime
from hgref.hypergradient.reverse import reverse
from hgref.hypergradient.reversible import Reversible, reversible
from hgref.hypergradient.truncated import truncated

__all__ = [
    "RealTime",
    "Reversible",
    "checkpointed",
    "forward",
    "realtime",
    "reverse",
    "reversible",
    "truncated",
]
