"""The CPU layer: Numba loops for s_t, Z_t and α_t, and fused passes over the data.

| here                          | its readable twin                                               |
|-------------------------------|-----------------------------------------------------------------|
| forward, reverse, truncated,  | hgref.forward, hgref.reverse, hgref.truncated,                  |
| checkpointed, realtime        | hgref.checkpointed, hgref.realtime                              |
| last_state                    | the last of problem.states                                      |
| recursion.tangents, run, back | hypergradient/forward.py, problem.py, hypergradient/reverse.py  |
| coordinates                   | dynamics/                                                       |
| training                      | objectives/objective.py (Sum), penalties.py, quadratic.py       |
| coupling                      | objectives/task_coupling.py                                     |
| network                       | objectives/losses.py, activations.py, mlp.py, multi_task.py     |
| features                      | objectives/features.py, linear_model.py                         |

No derivative is written here: the laws of hgref.laws are compiled into these loops.
"""

from hgref import hypergradient as readable
from hgref.fast.cpu.checkpointed import checkpointed
from hgref.fast.cpu.forward import forward
from hgref.fast.cpu.realtime import realtime
from hgref.fast.cpu.recorded import last_state
from hgref.fast.cpu.reverse import reverse
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
