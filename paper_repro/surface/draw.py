"""Draw the surface from its JSON file alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from hgref.arguments import Array
from paper_repro.data.images import CLASSES
from paper_repro.picture import save
from paper_repro.record import read_json

WAYS = {  # color, marker, style of the path from each start: distinguishable in grey, too
    0: ("#b30000", "o", "-"),
    1: ("#08306b", "s", "--"),
    2: ("#00441b", "D", "-."),
}
APART = 0.25  # least distance between two arrows, in decades
ARROW = 0.09  # length of the longest arrow, as a share of the panel's width
STEEP = 1.0  # change of f per decade at which arrows reach full length, so that cliffs fit
LEVELS = 14
MARGIN = 0.05  # around what is enlarged, in decades
HIGHEST = 1.15 * np.log(CLASSES)  # largest error drawn: a little above that of guessing
SHADES = LinearSegmentedColormap.from_list("shades", ["1.0", "0.45"])  # light behind dark lines


def draw(paths: dict[str, Path]) -> list[Path]:
    """Write the picture beside the JSON file."""
    path = paths["surface"]
    return save(panels(read_json(path)), path)


def panels(content: dict[str, Any]) -> Figure:
    """The surface with the paths (below), and the validation error along them (above)."""
    figure = Figure(figsize=(10, 7.4), layout="constrained")
    axes = figure.subplots(2, 2, height_ratios=(1, 2.3), sharey="row")
    titles = ("Full hypergradients (REVERSE-HG)", "In real time (RTHO)")
    for column, (name, title) in enumerate(zip(("reverse", "realtime"), titles, strict=True)):
        errors(axes[0, column], content, name)
        axes[0, column].set_title(title, fontsize=11)
        shaded = surface(axes[1, column], content)
        for way, one in enumerate(content[name]):
            path(axes[1, column], one, way)
    closer(axes[1, 1], content)
    axes[0, 0].set_ylabel("validation error")
    axes[1, 0].set_ylabel("log₁₀ η  (learning rate)")
    figure.colorbar(shaded, ax=list(axes[1]), label="f(λ): validation error after T steps",
                    format="%.2f", shrink=0.9)  # fmt: skip
    s = content["setting"]
    figure.suptitle(
        f"Down one valley: in {s['hyper_iterations']} whole runs, or during a single one\n"
        f"a network of {content['weights']} weights on {s['train']} digits "
        f"({content['data']['source']}), T = {s['T']}; "
        "arrows: −∇f, their length ∝ √‖∇f‖",
        fontsize=10.5,
    )  # fmt: skip
    return figure


# --- above ---


def errors(axes: Any, content: dict[str, Any], name: str) -> None:
    """f(λ_k) over hyper-iterations, or E(s_t) over the steps of the real-time run."""
    count, label = ("k", "hyper-iteration k") if name == "reverse" else ("t", "training step t")
    for way, one in enumerate(content[name]):
        color, marker, style = WAYS[way]
        axes.plot(one[count], one["f"], color=color, ls=style, lw=1.6, marker=marker, ms=4,
                  markevery=max(1, len(one["f"]) // 10), label=f"start {way + 1}")  # fmt: skip
    low = lowest(content)
    high = max(max(one["f"]) for one in [*content["reverse"], *content["realtime"]])
    high = min(high, HIGHEST)  # a run that jumps over a cliff leaves the panel for a while
    axes.axhline(low, color="0.4", lw=0.8, ls=":")
    axes.annotate("the grid's smallest f(λ)", (1, low), (-4, -3), fontsize=8, color="0.3",
                  xycoords=("axes fraction", "data"), textcoords="offset points", ha="right",
                  va="top")  # fmt: skip
    axes.set(xlabel=label, xlim=(0, one[count][-1]), ylim=(low - 0.2 * (high - low), high + 0.05))
    axes.legend(fontsize=8.5, frameon=False, loc="upper right")


def lowest(content: dict[str, Any]) -> float:
    return float(np.nanmin(grid(content)))


# --- below ---


def grid(content: dict[str, Any]) -> Array:
    """f by (η, L2); NaN where training diverged."""
    return np.array([[np.nan if f is None else f for f in row] for row in content["f"]])


def surface(axes: Any, content: dict[str, Any]) -> Any:
    """Shades and contours of f up to `HIGHEST`; hatched where training diverged."""
    x, y, f = np.array(content["log10 l2"]), np.array(content["log10 eta"]), grid(content)
    axes.set(xlabel="log₁₀ L2  (penalty on the weights)", xlim=(x[0], x[-1]), ylim=(y[0], y[-1]))
    axes.add_patch(Rectangle((0, 0), 1, 1, transform=axes.transAxes, hatch="xxx", fc="white",
                             ec="0.55", lw=0, zorder=0))  # fmt: skip
    levels = np.linspace(lowest(content), HIGHEST, LEVELS)
    seen = np.ma.masked_invalid(f)
    shaded = axes.contourf(x, y, seen, levels=levels, cmap=SHADES, extend="max")
    axes.contour(x, y, seen, levels=levels, colors="0.45", linewidths=0.5)
    if np.isnan(f).any():
        box = {"facecolor": "white", "edgecolor": "none", "pad": 2}
        axes.annotate("diverged", (x[-1], y[np.isnan(f).any(axis=1)].mean()), (-6, 0), bbox=box,
                      textcoords="offset points", ha="right", va="center", fontsize=9)  # fmt: skip
    return shaded


def closer(axes: Any, content: dict[str, Any]) -> None:
    """Where the paths in real time from starts 2 and 3 end, enlarged."""
    paths = [np.array(one["point"]) for one in content["realtime"]]
    near = np.concatenate([points[-len(points) // 3 :] for points in paths[1:]])
    low, high = near.min(axis=0) - MARGIN, near.max(axis=0) + MARGIN
    inset = axes.inset_axes((0.6, 0.06, 0.38, 0.2))
    surface(inset, content)
    for way, points in enumerate(paths):
        color, marker, style = WAYS[way]
        inset.plot(*points.T, color=color, ls=style, lw=1, marker=marker, ms=2.5)
        inset.plot(*points[-1], color=color, marker="*", ms=14, mec="white", mew=0.8, zorder=5)
    inset.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), xlabel="", ylabel="")
    inset.tick_params(labelsize=7, pad=1)
    axes.indicate_inset_zoom(inset, edgecolor="black", alpha=0.3)


def path(axes: Any, one: dict[str, Any], way: int) -> None:
    """The path of λ_k, and some of the negative hypergradients along it."""
    color, marker, style = WAYS[way]
    points, downhill = np.array(one["point"]), np.array(one["downhill"])
    axes.plot(*points.T, color=color, ls=style, lw=1, marker=marker, ms=2.5)
    some = spaced(points[: len(downhill)])
    length = np.linalg.norm(downhill[some], axis=1, keepdims=True)
    arrows = downhill[some] / length * np.sqrt(np.minimum(length / STEEP, 1))
    axes.quiver(*points[some].T, *arrows.T, color=color, angles="xy", units="width",
                scale=1 / ARROW, width=0.0055, headwidth=4, zorder=4)  # fmt: skip
    axes.plot(*points[0], color=color, marker=marker, ms=9, mfc="white", mew=1.8, zorder=5)
    axes.plot(*points[-1], color=color, marker="*", ms=14, mec="white", mew=0.8, zorder=5)
    axes.annotate(f"start {way + 1}", points[0], (9, -11), textcoords="offset points",
                  fontsize=9, color=color)  # fmt: skip


def spaced(points: Array) -> Array:
    """Indices of points that are more than `APART` from one another, starting with the first."""
    chosen = [0]
    for k, point in enumerate(points):
        if np.linalg.norm(point - points[chosen], axis=1).min() > APART:
            chosen.append(k)
    return np.array(chosen)
