"""Table 2 and Figure 2, out of their JSON files and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.offsetbox import AnnotationBbox, OffsetImage

from hgref.arguments import Array
from paper_repro.picture import save
from paper_repro.record import read_json
from paper_repro.table import columns, markdown, write_text

EDGES = 2  # for each task, about: the strongest relations are drawn
WIDEST = 9.0  # points
TITLES = {"HMTL": "HMTL: C ≥ 0", "HMTL-S": "HMTL-S: C ≥ 0, ΣC ≤ R"}


def draw(paths: dict[str, Path]) -> list[Path]:
    """Write the table as Markdown and the graph of relations, each beside its JSON file."""
    table, figure = paths["table2"], paths["figure2"]
    lines = markdown(table_rows(read_json(table)))
    made = [write_text(table.with_suffix(".md"), "\n".join([*lines, ""]))]
    return made + save(figure2(read_json(figure)), figure, ("png", "pdf"))


def table_rows(content: dict[str, Any]) -> list[list[str]]:
    rows = [["method", "test accuracy", "gain over SLT, same split", "95 % interval", "E_val"]]
    for row in content["rows"]:
        low, high = row["95 % interval"]
        own = row["method"] == "SLT"
        rows.append([
            row["method"],
            f"{row['test accuracy']:.2f} ± {row['deviation']:.2f}",
            "" if own else f"{row['gain over SLT']:+.2f}",
            "" if own else f"{low:+.2f} … {high:+.2f}",
            f"{row['validation error']:.3f}",
        ])  # fmt: skip
    return rows


def terminal(content: dict[str, Any]) -> str:
    """The table in columns, and the strongest relations in words."""
    return "\n".join(columns(table_rows(content)))


def strongest(C: Array, classes: list[str], count: int) -> list[tuple[float, str, str]]:
    """The largest entries above the diagonal: (C_jk, class j, class k)."""
    j, k = np.triu_indices(len(C), 1)
    order = np.argsort(-C[j, k])[:count]
    return [(C[j[e], k[e]], classes[j[e]], classes[k[e]]) for e in order if C[j[e], k[e]] > 0]


# --- Figure 2 ---


def figure2(content: dict[str, Any]) -> Figure:
    """For HMTL and HMTL-S the tasks on a circle; an edge's width is the mean of C_jk."""
    figure = Figure(figsize=(11, 5.6), layout="constrained")
    axes = figure.subplots(1, len(content["C"]), squeeze=False)[0]
    for ax, (name, C) in zip(axes, content["C"].items(), strict=True):
        graph(ax, np.array(C), content)
        ax.set_title(TITLES[name])
    seeds, source = content["setting"]["seeds"], content["data"]["source"]
    figure.suptitle(f"Relations between classes, mean of {seeds} splits\n{source}", fontsize=11)
    return figure


def graph(ax: Axes, C: Array, content: dict[str, Any]) -> None:
    classes = content["data"]["classes"]
    places = circle(order(C))
    edges = strongest_pairs(C, EDGES * len(C))
    top = max((C[j, k] for j, k in edges), default=1.0)
    for j, k in edges:
        share = C[j, k] / top
        ax.plot(*places[[j, k]].T, color=str(0.75 - 0.75 * share), lw=max(0.4, WIDEST * share),
                solid_capstyle="round", zorder=1)  # fmt: skip
    for k, name in enumerate(classes):
        node(ax, places[k], name, picture(content, k))
    ax.text(0, -1.52, f"widest edge: C = {top:.2g}", ha="center", fontsize=9)
    ax.set(xlim=(-1.6, 1.6), ylim=(-1.62, 1.5), aspect="equal")
    ax.axis("off")


def strongest_pairs(C: Array, count: int) -> list[tuple[int, int]]:
    """The pairs j < k with the largest C_jk > 0, the weakest first: it is drawn below."""
    j, k = np.triu_indices(len(C), 1)
    best = np.argsort(-C[j, k])[:count][::-1]
    return [(int(j[e]), int(k[e])) for e in best if C[j[e], k[e]] > 0]


def order(C: Array) -> list[int]:
    """The tasks so that related ones are neighbours: each next one the most related to the last."""
    left, path = set(range(1, len(C))), [0]
    while left:
        path.append(max(left, key=lambda k: (C[path[-1], k], -k)))
        left.remove(path[-1])
    return path


def circle(path: list[int]) -> Array:
    """(K, 2) places on a circle, in the order of the path."""
    angles = np.pi / 2 - 2 * np.pi * np.argsort(path) / len(path)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def node(ax: Axes, place: Array, name: str, pixels: Array | None) -> None:
    if pixels is None:
        ax.plot(*place, "o", color="black", ms=7, zorder=2)
    else:
        image = OffsetImage(pixels, zoom=30 / pixels.shape[0], cmap="gray_r")
        frame = {"edgecolor": "black", "linewidth": 0.6}
        ax.add_artist(AnnotationBbox(image, tuple(place), pad=0.1, bboxprops=frame, zorder=2))
    ax.text(*(1.33 * place), name, ha="center", va="center", fontsize=9, zorder=3)


def picture(content: dict[str, Any], k: int) -> Array | None:
    """(side, side) or (side, side, 3) of class k."""
    if content["pictures"] is None:
        return None
    side, data = content["side"], bytes.fromhex(content["pictures"][k])
    pixels = np.frombuffer(data, np.uint8).reshape(side, side, -1)
    return pixels[..., 0] if pixels.shape[2] == 1 else pixels
