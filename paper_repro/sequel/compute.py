"""Compute the numbers of the three figures."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from paper_repro.record import surroundings, write_json
from paper_repro.sequel.directions import directions
from paper_repro.sequel.discount import discount
from paper_repro.sequel.setting import Setting
from paper_repro.sequel.solvers import solvers

Row = dict[str, Any]


def compute(setting: Setting, folder: Path, bar: Any) -> dict[str, Path]:
    """Run the three experiments; write the numbers of their figures.

    setting  sizes, rates, discounts
    folder   for the results
    bar      a tqdm progress bar; its total is set here
    returns  {"sequel-discount": …, "sequel-solvers": …, "sequel-directions": …}, JSON files
    Cost     discounts · repeats runs in real time; a few implicit gradients; estimates of
             ∇f along so many directions
    Source   Donini, Franceschi et al. 2020 (discount); the sources of `hgref.implicit`;
             Baydin et al. 2022 (directions)
    """
    bar.reset(total=setting.ticks)
    parts: dict[str, Callable[[Setting, Any], Row]] = {
        "discount": discount, "solvers": solvers, "directions": directions,
    }  # fmt: skip
    return {
        f"sequel-{name}": write_json(folder / f"sequel-{name}.json", content(make, setting, bar))
        for name, make in parts.items()
    }


def content(make: Callable[[Setting, Any], Row], setting: Setting, bar: Any) -> Row:
    """The numbers, with the fields that every result has."""
    started = time.perf_counter()
    bar.set_description(make.__name__)
    return {
        "experiment": "sequel",
        "data": {"source": "random numbers, labelled by a random linear model"},
        "setting": asdict(setting),
        **make(setting, bar),
        "made with": surroundings(),
        "wall seconds": round(time.perf_counter() - started, 1),
    }
