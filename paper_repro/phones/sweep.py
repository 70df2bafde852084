"""Table 3 over many seeds.

All seeds use the speech of the first seed, just as the recordings of TIMIT are the same for
everyone. The seed changes the start of the network, its mini-batches, the validation frames and
the draws of random search. So a difference between methods holds for this corpus.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from paper_repro.data.root import data_root
from paper_repro.data.speech.phones import Phones, load_phones
from paper_repro.digest import origin
from paper_repro.phones.compute import trained
from paper_repro.phones.methods import Losses, warm_up
from paper_repro.phones.setting import Setting
from paper_repro.phones.two_heads import testing, training, validation
from paper_repro.sweep import over_seeds
from paper_repro.sweep.over_seeds import Compared, Found
from paper_repro.sweep.task import Method, Row, Task

WHAT = Compared(
    "phones", "Vanilla", "test accuracy",
    ("validation accuracy", "seconds", "steps"),
)  # fmt: skip

FIXED = frozenset({"outer_rate", "budget", "authors"})
IN_REAL_TIME = frozenset({"patience", "better", "budget"})
FROM_NOTHING = IN_REAL_TIME | {"eta", "mu"}


def load(setting: Setting, data_dir: Path | None) -> Phones:
    """The speech for all seeds, which is that of the first."""
    from tqdm import tqdm

    with tqdm(total=1, desc="speech", leave=False) as bar:
        return load_phones(
            setting.source, data_root(data_dir), minutes=setting.minutes, context=setting.context,
            q=setting.q, seed=setting.seed, bar=bar,
        )  # fmt: skip


def methods(setting: Setting) -> Iterator[Method]:
    """The methods of Table 3, and what of RTHO's gain is due to ρ, and to η and μ.

    RTHO determines the seconds of random search, and the rates of the Vanilla that has them.
    """
    yield Method("Vanilla", FIXED)
    yield Method("RTHO", IN_REAL_TIME)
    yield Method("RTHO-NT", FROM_NOTHING)
    yield Method("RTHO, one task", IN_REAL_TIME | {"authors"})
    yield Method("Vanilla, rates of RTHO", IN_REAL_TIME, needs="RTHO")
    yield Method("RS", frozenset({"eta", "mu", "outer_rate"}), needs="RTHO")


def run(phones: Phones, task: Task, needed: Row | None) -> Row:
    """The result of a method.

    Beware   the number of runs of random search depends on the speed and load of the machine, so
             its rows may differ between two sweeps
    """
    setting: Any = task.setting
    J, E, test = (part(phones, setting) for part in (training, validation, testing))
    losses = Losses(J, E, test, setting)
    warm_up(losses)
    return trained(task.method, losses, needed, None, lambda row, share: None)


def finish(
    found: Found, phones: Phones, setting: Setting, folder: Path, beside: Row
) -> tuple[list[Path], str]:
    """Write the means over the seeds; returns the files, and the table for a terminal."""
    return over_seeds.finish(WHAT, found, origin(phones), setting, folder, beside)
