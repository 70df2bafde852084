"""Draw the picture of the benchmark from its JSON file alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from paper_repro.picture import save
from paper_repro.record import read_json

# distinguishable in grey: lighter for tools that are slower by design, and hatched
BARS = {
    "jax": ("JAX", "#08519c", ""),
    "torch": ("torch", "#f16913", "///"),
    "readable": ("hgref, the readable layer", "#bdbdbd", ".."),
}


def draw(paths: dict[str, Path]) -> list[Path]:
    """Write the picture beside the JSON file."""
    path = paths["benchmark"]
    return save(speed_ups(read_json(path)), path)


def speed_ups(content: dict[str, Any]) -> Figure:
    """The time of each contender divided by that of the fast layer, for each problem."""
    problems, made = content["problems"], content["made with"]
    present = [name for name in BARS if any(name in one["contenders"] for one in problems)]
    thick = 0.8 / max(len(present), 1)
    height = 1.6 + len(problems) * (0.24 + 0.2 * len(present))
    figure = Figure(figsize=(8, height), layout="constrained")
    axes = figure.add_subplot()
    for j, name in enumerate(present):
        one_set_of_bars(axes, problems, name, (j - (len(present) - 1) / 2) * thick, thick)
    axes.axvline(1, color="black", lw=1)
    axes.set_xscale("log")
    axes.set_yticks(range(len(problems)), [label(one) for one in problems], fontsize=9)
    axes.invert_yaxis()
    low, high = axes.get_xlim()
    axes.set_xlim(min(low, 0.5), 1.5 * high)  # room for the numbers
    axes.xaxis.set_major_formatter(lambda x, _: f"{x:g}")
    axes.xaxis.set_minor_formatter(lambda x, _: "")
    axes.set_xlabel(
        "time of the same hypergradient / time of hgref.fast.cpu;  bars: medians, lines: all"
    )
    axes.set_title(f"{made['processor']}, {made['threads']} threads, {content['date']}", fontsize=9)
    figure.legend(loc="outside upper center", ncols=len(BARS), fontsize=9, frameon=False)
    return figure


def one_set_of_bars(axes: Any, problems: Any, name: str, shift: float, thick: float) -> None:
    """The bars of one contender, starting at 1, with the range over its rounds."""
    title, color, hatch = BARS[name]
    rows = [(y, one["contenders"]) for y, one in enumerate(problems) if name in one["contenders"]]
    y = np.array([y for y, _ in rows]) + shift
    times = np.array([[c[name][k] for k in ("median", "least", "most")] for _, c in rows])
    median, least, most = (times / [[c["fast"]["median"]] for _, c in rows]).T
    axes.barh(
        y, median - 1, thick, left=1, color=color, hatch=hatch, edgecolor="white", label=title
    )
    axes.hlines(y, least, most, color="black", lw=0.8)
    for where, end, value in zip(y, np.maximum(most, 1), median, strict=True):
        axes.annotate(f"{value:.2g}" if value < 10 else f"{value:.0f}", (end, where), (3, 0),
                      textcoords="offset points", va="center", fontsize=8)  # fmt: skip


def label(one: dict[str, Any]) -> str:
    alone = ", 1 thread" if one["threads"] == 1 else ""
    return f"{one['problem']}, {one['dtype']}{alone}\n{one['title']}"
