"""The CUDA layer: the recursions as kernels for NVIDIA GPUs.

| here                           | its readable twin                                              |
|--------------------------------|----------------------------------------------------------------|
| forward, reverse,              | hgref.forward, hgref.reverse,                                  |
| checkpointed, realtime         | hgref.checkpointed, hgref.realtime                             |
| recursion.tangents, run, back  | hypergradient/forward.py, problem.py, hypergradient/reverse.py |
| loops                          | dynamics/coordinatewise.py                                     |
| passes, owned                  | objectives/linear_model.py, features.py                        |
| head, layers                   | objectives/losses.py, activations.py, mlp.py, multi_task.py    |
| coupling                       | objectives/task_coupling.py                                    |

Covers any dynamics with a law, for one dense data loss, L2 penalties and relations between tasks;
other problems raise TypeError. No derivative is written here: the laws of hgref.laws are compiled
as device functions.
"""

from hgref import hypergradient as readable
from hgref.fast.cuda.device import require_device

require_device()

from hgref.fast.cuda.checkpointed import checkpointed  # noqa: E402
from hgref.fast.cuda.forward import forward  # noqa: E402
from hgref.fast.cuda.realtime import realtime  # noqa: E402
from hgref.fast.cuda.reverse import reverse  # noqa: E402

TWINS = {
    forward: readable.forward,
    reverse: readable.reverse,
    checkpointed: readable.checkpointed,
    realtime: readable.realtime,
}

__all__ = ["TWINS", "checkpointed", "forward", "realtime", "reverse"]
