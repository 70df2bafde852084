"""Compares plans with runs, measures the gain of workers, and plans two problems on paper."""

from __future__ import annotations

import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numba

from paper_repro.benchmark.compute import load
from paper_repro.record import surroundings, write_json
from paper_repro.scaling import on_paper, planned, shared
from paper_repro.scaling.engines import dask, engines
from paper_repro.scaling.problems import problems
from paper_repro.scaling.setting import Setting


def compute(setting: Setting, folder: Path, bar: Any) -> dict[str, Path]:
    """Run, time and weigh every way that fits; write the numbers.

    setting  sizes and rounds
    folder   for the result
    bar      a tqdm progress bar; its total is set here
    returns  {"scaling": its JSON file}
    Cost     rounds · some twenty hypergradients
    Beware   seconds are compared within one run alone: an interrupted run starts anew
    """
    started, before = time.perf_counter(), load()
    posed = problems(setting)
    rounds = setting.shared_rounds
    often = replace(setting, T=setting.shared_T, rounds=rounds, slow_rounds=rounds)
    columns = next(one.case for one in posed if one.name == "penalties").over(often.T)
    bar.reset(total=setting.rounds * len(posed) + often.rounds * len(shared.LAYERS))
    rows: list[planned.Row] = []
    with engines(setting.workers) as on:
        for one in posed:
            bar.set_description(one.name)
            rows += planned.rows(setting, one, on, bar.update)
        bar.set_description("workers")
        sent = shared.sent(often, columns, on.weighing)
        with dask(setting.workers) as cluster:  # last, or its loop would be weighed too
            executors = {"processes": on.processes, **cluster}
            gains = list(shared.rows(often, columns, executors, bar.update))
    content = {
        "experiment": "scaling",
        "data": {"source": "random numbers, labelled by a random linear model"},
        "setting": asdict(setting),
        "planned": rows,
        "shared": {"m": columns.columns.size, "rows": gains, "sent": sent},
        "on paper": on_paper.rows(),
        "made with": {
            **surroundings(),
            "threads": numba.get_num_threads(),
            "load before": before,
        },
        "wall seconds": round(time.perf_counter() - started, 1),
    }
    return {"scaling": write_json(folder / "scaling.json", content)}
