"""The numbers of a table over seeds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hgref.arguments import Array
from paper_repro.interval import interval
from paper_repro.preset import Preset
from paper_repro.record import read_json, surroundings, write_json
from paper_repro.sweep.draw import draw, terminal
from paper_repro.sweep.task import Row

Found = Mapping[tuple[str, int], Row]  # (method, seed) → result


class Compared(NamedTuple):
    """What is compared over the seeds of an experiment.

    experiment  its name
    reference   the method that the others are compared with, on the same seed
    measure     the number that is compared
    beside      other numbers to show, where a method has them
    """

    experiment: str
    reference: str
    measure: str
    beside: tuple[str, ...]


def finish(
    what: Compared, found: Found, data: Row, setting: Preset, folder: Path, beside: Row
) -> tuple[list[Path], str]:
    """Write the numbers, the table and the figure: the files, and the table for a terminal."""
    path = compute(what, found, data, setting, folder, beside)
    return [path, *draw(path)], terminal(read_json(path))


def compute(
    what: Compared, found: Found, data: Row, setting: Preset, folder: Path, beside: Row
) -> Path:
    """Write means over seeds, and paired differences from the reference method.

    data     the name of the data and their checksum, see `digest.origin`
    beside   what else the file says about the run
    returns  NAME-seeds.json
    """
    methods, seeds = list(dict.fromkeys(m for m, _ in found)), sorted({s for _, s in found})
    each = {
        method: {
            number: [found[method, seed][number] for seed in seeds]
            for number in (what.measure, *what.beside)
        }
        for method in methods
    }
    reference = np.array(each[what.reference][what.measure])
    content = {
        **what._asdict(),
        "seeds": seeds,
        "data": data,
        "setting": asdict(setting),
        "made with": surroundings(),
        **beside,
        "rows": [row(method, each[method], what.measure, reference) for method in methods],
    }
    return write_json(folder / f"{what.experiment}-seeds.json", content)


def row(method: str, numbers: Mapping[str, list[Any]], measure: str, reference: Array) -> Row:
    """Mean and standard error of the measure, its paired gain, means of the other numbers."""
    x = np.array(numbers[measure])
    mean, half = interval(x)
    gain, half_gain = interval(x - reference)
    return {
        "method": method,
        **{what: None if None in each else np.mean(each) for what, each in numbers.items()},
        "standard error": x.std(ddof=1) / np.sqrt(len(x)),
        "seeds": len(x),
        "95 % interval of the mean": [mean - half, mean + half],
        "gain": gain,
        "95 % interval": [gain - half_gain, gain + half_gain],
        "each": dict(numbers),
    }
