"""Draw the pictures of the benchmark from their JSON files alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from paper_repro.benchmark.complexity import FEW
from paper_repro.picture import save
from paper_repro.record import read_json

# distinguishable in grey: lighter for tools that are slower by design, and hatched
BARS = {
    "jax": ("JAX", "#08519c", ""),
    "torch": ("torch", "#f16913", "///"),
    "readable": ("hgref, the readable layer", "#bdbdbd", ".."),
}
LINES = {
    "forward": ("#08519c", "o", "-"),
    "reverse": ("#d94801", "s", "--"),
    "checkpointed": ("#525252", "^", "-."),
}
PANELS = {
    "seconds against m": ("number of hyperparameters m", "seconds"),
    "megabytes against weights": ("number of weights p", "megabytes"),
}


def draw(paths: dict[str, Path]) -> list[Path]:
    """Write a picture beside each JSON file."""
    figures = {"benchmark": speed_ups, "complexity": panels}
    return [
        picture
        for name, path in paths.items()
        for picture in save(figures[name](read_json(path)), path)
    ]


# --- speed-up ---


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


# --- complexity ---


def panels(content: dict[str, Any]) -> Figure:
    """Seconds against m, megabytes against the number of weights; thin lines: predicted slopes."""
    figure = Figure(figsize=(9, 4.2), layout="constrained")
    for axes, (name, labels) in zip(figure.subplots(1, 2), PANELS.items(), strict=True):
        curve = content[name]
        for algorithm in curve["predicted"]:
            one_line(axes, curve, algorithm)
        axes.set(xscale="log", yscale="log", xlabel=labels[0], ylabel=labels[1])
        axes.set_xticks(curve["x"], [f"{x:,}".replace(",", " ") for x in curve["x"]])
        axes.set_xticks([], minor=True)
        axes.margins(y=0.2)
        axes.legend(fontsize=8.5, frameon=False, loc="upper left")
    n, N, classes, T = content["setting"]["curve"]
    made = content["made with"]
    figure.suptitle(
        f"Softmax regression by momentum, T = {T}; left: p = {classes * (N + 1)}, {n} examples; "
        f"right: m = 2, {FEW} examples\n"
        f"{made['processor']}, {made['threads']} threads, {content['date']}",
        fontsize=10,
    )
    return figure


def one_line(axes: Any, curve: dict[str, Any], name: str) -> None:
    """The measurements, and over the fitted points a line with the predicted exponent."""
    color, marker, style = LINES[name]
    x, y = np.array(curve["x"], float), np.array(curve[name])
    text = f"{name}: exponent {curve['slopes'][name]:.2f}, predicted {curve['predicted'][name]:g}"
    axes.plot(x, y, color=color, marker=marker, ls=style, lw=1.6, ms=5, label=text)
    fitted = x[len(x) // 2 :]
    line = y[-1] * (fitted / x[-1]) ** curve["predicted"][name]
    axes.plot(fitted, line, color="black", lw=0.7)
