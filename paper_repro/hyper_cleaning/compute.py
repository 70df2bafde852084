"""Compute the numbers of Table 1, Figure 1 and the picture of the digits."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from hgref.arguments import Array
from hgref.outer import Minimization
from paper_repro.data.images import Images
from paper_repro.digest import origin
from paper_repro.hyper_cleaning.corruption import Corrupted, corrupt
from paper_repro.hyper_cleaning.methods import accuracy, clean, discarded, final_model, last_state
from paper_repro.hyper_cleaning.setting import Setting
from paper_repro.record import remembered, surroundings, write_json

SHOWN = 40  # digits in each half of the picture
BASELINES = ("Oracle", "Baseline")

Row = dict[str, Any]


def compute(
    images: Images, setting: Setting, folder: Path, bar: Any, name: str = "hyper-cleaning"
) -> dict[str, Path]:
    """Run the experiment; write the numbers of its table, its figure and its picture.

    images   the source of the examples
    setting  sizes, rates, R
    folder   for the results; its subfolder `.partial` holds the progress of an interrupted run,
             from which the next one continues
    bar      a tqdm progress bar; its total is set here
    name     with which the names of the files begin
    returns  name → JSON file: table1, figure1, digits
    Cost     len(R) · hyper_iterations hypergradients, and len(R) + 2 final models
    Source   Franceschi et al. 2017, section 5.1
    """
    started = time.perf_counter()
    data = corrupt(images, setting)
    halfway = folder / ".partial" / f"hyper-cleaning-{setting.key(images.name)}"
    resumed = halfway.exists()
    bar.reset(total=(setting.hyper_iterations + 1) * len(setting.R) + 2)

    rows = list(baselines(data, setting, halfway, bar))
    runs = {}
    for R in setting.R:
        bar.set_description(f"DH-{R:g}")
        file = halfway / f"DH-{R:g}.npz"
        runs[R] = clean(data, setting, R, file, lambda ks: ticking(ks, setting, bar))
        make = partial(cleaned, data, setting, R, weights_of(runs[R]))
        rows.append(row_of(halfway / f"DH-{R:g}.json", make, bar))

    about = {
        "experiment": "hyper-cleaning",
        "data": {**origin(images), "wrong labels": data.wrong.sum()},
        "setting": asdict(setting),
        "made with": surroundings(),
        "wall seconds": round(time.perf_counter() - started, 1),
        "resumed": resumed,
    }
    R = setting.R[0]
    contents = {
        "table1": {**about, "rows": rows},
        "figure1": {**about, "R": R, "curves": curves(data, setting, R, runs[R])},
        "digits": {**about, "R": R, **digits(images, data, setting, weights_of(runs[R]))},
    }
    paths = {n: write_json(folder / f"{name}-{n}.json", c) for n, c in contents.items()}
    shutil.rmtree(halfway, ignore_errors=True)
    return paths


def ticking(iterations: Iterable[int], setting: Setting, bar: Any) -> Iterator[int]:
    """Yield the remaining iterations and move the bar; first move it past those already done."""
    todo = list(iterations)
    bar.update(setting.hyper_iterations - len(todo))
    for k in todo:
        yield k
        bar.update()


def row_of(file: Path, make: Callable[[], Row], bar: Any) -> Row:
    """A row of the table, from its file or made."""
    found = remembered(file, make, bar.write)
    bar.update()
    return found


def weights_of(run: Minimization) -> Array:
    """λ_i of each example at the end."""
    return run.layout.split(run.last)["weights"]


# --- Table 1 ---


def baselines(data: Corrupted, setting: Setting, halfway: Path, bar: Any) -> Iterator[Row]:
    """The rows of Oracle and Baseline; the cleaned models should lie between them."""
    for method in BASELINES:
        bar.set_description(method)
        make = partial(baseline, data, setting, method)
        yield row_of(halfway / f"{method}.json", make, bar)


def baseline(data: Corrupted, setting: Setting, method: str) -> Row:
    """Oracle, on D_val ∪ (D_tr \\ D_f), or Baseline, on D_val ∪ D_tr: all weights are 1 or 0."""
    w = (~data.wrong).astype(float) if method == "Oracle" else np.ones(setting.train)
    test = accuracy(data, data.test, final_model(data, setting, w))
    nothing = dict.fromkeys(("F1", "precision", "recall", "discarded"))
    return {"method": method, "test accuracy": test, **nothing}


def cleaned(data: Corrupted, setting: Setting, R: float, w: Array) -> Row:
    """DH-R: the final model on D_tr weighted by λ, and how well λ found the wrong labels."""
    out = discarded(setting, w)
    found = np.count_nonzero(out & data.wrong)
    return {
        "method": f"DH-{R:g}",
        "test accuracy": accuracy(data, data.test, final_model(data, setting, w)),
        "F1": 2 * found / (out.sum() + data.wrong.sum()),
        "precision": found / max(out.sum(), 1),
        "recall": found / data.wrong.sum(),
        "discarded": out.sum(),
    }


# --- Figure 1 ---


def curves(data: Corrupted, setting: Setting, R: float, run: Minimization) -> dict[str, Any]:
    """For k = 0 … K: discarded examples with wrong (TP) and right (FP) labels, and accuracies."""
    out = discarded(setting, run.lam[:, run.layout.slices["weights"]])
    last = last_state(data, setting, run.last)
    parts = {"validation accuracy": data.valid, "test accuracy": data.test}
    return {
        "hyper-iteration": np.arange(len(run.lam)),
        "TP": (out & data.wrong).sum(axis=1),
        "FP": (out & ~data.wrong).sum(axis=1),
        **{n: [*run.records[n], accuracy(data, part, last)] for n, part in parts.items()},
        "validation error": run.f,
    }


# --- the picture of the digits ---


def digits(images: Images, data: Corrupted, setting: Setting, weights: Array) -> dict[str, Any]:
    """Random samples of kept and discarded digits: pixels, given and true labels, λ_i."""
    rng = np.random.default_rng(setting.seed)
    out = discarded(setting, weights)
    halves = {}
    for name, half in (("kept", ~out), ("discarded", out)):
        chosen = np.sort(rng.permutation(np.flatnonzero(half))[:SHOWN])
        halves[name] = {
            "of": half.sum(),
            "with a wrong label": (half & data.wrong).sum(),
            "example": chosen,
            "given label": data.train.y[chosen],
            "true label": data.truth[chosen],
            "lambda": weights[chosen],
            "pixels": [
                bytes(np.rint(255 * x).astype(np.uint8)).hex() for x in data.train.X[chosen]
            ],
        }
    return {"side": images.side, "halves": halves}
