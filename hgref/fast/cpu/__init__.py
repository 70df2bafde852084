"""The CPU layer: compiled passes over the data, and loops over the weights, under the algorithms.

| here                          | its readable twin                                               |
|-------------------------------|-----------------------------------------------------------------|
| forward, reverse, truncated,  | hgref.forward, hgref.reverse, hgref.truncated,                  |
| checkpointed, realtime        | hgref.checkpointed, hgref.realtime                              |
| stretches                     | hgref.run: many steps as one map                                |
| dynamics, ../loops            | dynamics/coordinatewise.py                                      |
| linear, heads, products       | objectives/linear_model.py, losses.py, features.py              |
| network                       | objectives/mlp.py, multi_task.py, rows shared between threads   |
| small                         | all of these in one compiled function                           |

No derivative is written here: the laws of hgref.laws are compiled into these loops.
"""

from hgref import hypergradient as readable
from hgref.fast.cpu.checkpointed import checkpointed
from hgref.fast.cpu.forward import forward
from hgref.fast.cpu.realtime import realtime
from hgref.fast.cpu.reverse import last_state, reverse
from hgref.fast.cpu.truncated import truncated

TWINS = {
    forward: readable.forward,
    reverse: readable.reverse,
    truncated: readable.truncated,
    checkpointed: readable.checkpointed,
    realtime: readable.realtime,
}

__all__ = [
    "TWINS", "checkpointed", "forward", "last_state", "realtime", "reverse", "truncated",
]  # fmt: skip
