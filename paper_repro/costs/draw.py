"""Draw the picture and the table of the costs from their JSON file alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from paper_repro.benchmark.table import BUSY
from paper_repro.costs.compute import ALGORITHMS
from paper_repro.picture import save
from paper_repro.record import read_json
from paper_repro.table import columns, markdown, write_text

LINES = {  # color, marker, style: distinguishable in grey, too
    "forward": ("#08519c", "o", "-"),
    "reverse": ("#d94801", "s", "--"),
    "checkpointed": ("#525252", "^", "-."),
}


def draw(paths: dict[str, Path]) -> list[Path]:
    """Write the picture and the table, each beside the JSON file."""
    path = paths["costs"]
    content = read_json(path)
    return [*save(panels(content), path), write_text(path.with_suffix(".md"), page(content))]


# --- the picture ---


def panels(content: dict[str, Any]) -> Figure:
    """Left: seconds against m. Right: megabytes against the weights, a line for each T."""
    figure = Figure(figsize=(9.4, 4.9), layout="constrained")
    left, right = figure.subplots(1, 2)
    seconds(left, content)
    megabytes(right, content["megabytes against weights"])
    s = content["setting"]
    figure.suptitle(
        "Forward's time grows with m, and reverse's memory with T\n"
        "hgref's readable layer, softmax regression by momentum, on one thread",
        fontsize=11,
    )
    left.set_title(
        f"Time: {s['examples']} examples, {s['classes'] * (s['features'] + 1)} weights, "
        f"T = {s['T']}", fontsize=9.5,
    )  # fmt: skip
    right.set_title("Memory: m = 2, the problem's own data not counted", fontsize=9.5)
    return figure


def seconds(axes: Any, content: dict[str, Any]) -> None:
    """The least seconds, and the line fitted to those of forward."""
    curve = content["seconds against m"]
    fit = content["fits"]["forward seconds against m"]
    for name in ALGORITHMS:
        color, marker, style = LINES[name]
        axes.plot(curve["x"], curve[name], color=color, marker=marker, ls=style, lw=1.6, ms=5,
                  label=name)  # fmt: skip
    ends = np.array([0, curve["x"][-1]])
    axes.plot(ends, fit["intercept"] + fit["slope"] * ends, color="black", lw=0.7,
              label=f"a line through forward, R² = {fit['R2']:.4f}")  # fmt: skip
    axes.set(
        xlabel="number of hyperparameters m",
        ylabel="seconds (the least of all rounds)",
        xlim=(0, None),
    )
    axes.set_ylim(0, 1.35 * max(max(curve[name]) for name in ALGORITHMS))  # room for the legend
    axes.legend(fontsize=8.5, frameon=False, loc="upper left")


def megabytes(axes: Any, curves: list[dict[str, Any]]) -> None:
    """One line for each algorithm and T; filled marks and thick lines show the largest T."""
    for one in curves:
        last = one is curves[-1]
        for name in ALGORITHMS:
            color, marker, style = LINES[name]
            axes.plot(one["x"], one[name], color=color, marker=marker, ls=style, ms=5,
                      lw=1.6 if last else 0.8, mfc=color if last else "white",
                      label=name if last else None)  # fmt: skip
    tell_the_steps(axes, curves)
    axes.set(xscale="log", yscale="log", xlabel="number of weights p", ylabel="megabytes (10⁶ B)")
    axes.set_xticks(curves[-1]["x"], [f"{x:,}".replace(",", " ") for x in curves[-1]["x"]])
    axes.set_xticks([], minor=True)
    axes.set_xlim(0.7 * curves[-1]["x"][0], 2.2 * curves[-1]["x"][-1])  # room for the T
    axes.margins(y=0.16)
    axes.legend(fontsize=8.5, frameon=False, loc="upper left")


def tell_the_steps(axes: Any, curves: list[dict[str, Any]]) -> None:
    """Write T at the end of each reverse line; the forward lines coincide for all T."""
    for one in curves:
        at = (one["x"][-1], one["reverse"][-1])
        axes.annotate(f"T = {one['T']}", at, (6, 0), textcoords="offset points", va="center",
                      fontsize=8, color=LINES["reverse"][0])  # fmt: skip
    at = (curves[-1]["x"][-1], curves[-1]["forward"][-1])
    axes.annotate("every T", at, (6, 0), textcoords="offset points", va="center", fontsize=8,
                  color=LINES["forward"][0])  # fmt: skip


# --- the table ---


def table_rows(content: dict[str, Any]) -> list[list[str]]:
    """The predictions of section 4 beside what was found."""
    fits, rows = content["fits"], [["", "predicted", "found"]]
    time = fits["forward seconds against m"]
    rows.append(["forward seconds against m", "linear: R² = 1", f"R² = {time['R2']:.4f}"])
    exponent = "1 where m outweighs the rest"
    rows.append(["forward exponent of m, larger half", exponent, f"{time['exponent']:.2f}"])
    columns_alone = f"{time['exponent of the columns']:.2f}"
    rows.append(["forward exponent of the columns, beside a run with one", "1", columns_alone])
    for name, fit in fits.items():
        if "deviation %" in fit:
            found = f"{fit['deviation %']:.1f} % at most from the median"
            rows.append([name, "flat", found])
        if "predicted slope" in fit:
            found = f"R² = {fit['R2']:.4f}, slope {fit['slope']:.2f}"
            rows.append([name, f"linear: R² = 1, slope {fit['predicted slope']:g}", found])
    return rows


def terminal(content: dict[str, Any]) -> str:
    """The table in columns."""
    return "\n".join([*columns(table_rows(content)), *busy(content["made with"]["load before"])])


def page(content: dict[str, Any]) -> str:
    """The table as Markdown, followed by what was measured and how."""
    s, made, kept = content["setting"], content["made with"], content["bytes of a weight"]
    lines = [
        "# Costs of forward and reverse",
        "",
        *markdown(table_rows(content), numbers=False),
        "",
        f"Measured on hgref's readable layer, one thread, {made['processor']}: softmax "
        f"regression by momentum with m penalties. Seconds: {s['examples']} examples, "
        f"{s['classes'] * (s['features'] + 1)} weights, T = {s['T']}, the least of {s['rounds']} "
        "rounds in which all took turns. Megabytes: the most that arrays and Python's own objects "
        f"took, for p = {s['weights'][0]} … {s['weights'][-1]} and T = {s['steps'][0]} … "
        f"{s['steps'][-1]}, with one penalty; forward carries η and the penalty.",
        "",
        f"A state of momentum is a velocity and a weight in float64: {kept['state']:g} bytes a "
        f"weight. A linearised step has the gradient beside them: {kept['linearised step']:g}. "
        "reverse keeps T linearised steps, checkpointed √T of them and √T states; slopes are in "
        "bytes for each weight and step, or root of the number of steps.",
        *busy(made["load before"]),
        "",
    ]
    return "\n".join(lines)


def busy(load: float | None) -> list[str]:
    """A warning if other programs kept the machine busy before the timings started."""
    if (load or 0) <= BUSY:
        return []
    return ["", f"Beware: {load} programs wanted a core in the minute before: seconds are rough."]
