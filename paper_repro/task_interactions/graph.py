"""The strongest relations between tasks as a graph: tasks on a circle, wide edges for large C."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform

from hgref.arguments import Array

EDGES = 2  # number of edges per task
MOST_EDGES = 40
MOST_TASKS = 20  # if there are more tasks, those without an edge are left out
WIDE = 9.0  # width of the strongest edge, in points; the others are as wide as their share of it
PALE = 0.72  # grey of an edge of width 0; the strongest is black
LABEL, LABEL_OF_MANY = 1.33, 1.13  # radius of the names; the circle has radius 1


class Edge(NamedTuple):
    """A pair of tasks j < k; share is C over the C of the strongest."""

    j: int
    k: int
    C: float
    share: float


def graph(
    ax: Axes, C: Array, names: list[str], pictures: list[Array] | None, order: list[int]
) -> None:
    """Draw the largest entries above the diagonal of C.

    C         (K, K), symmetric, ≥ 0
    names     of the K tasks
    pictures  of the K tasks, (side, side) or (side, side, 3) uint8, or None
    order     the tasks in their order on the circle
    """
    edges = strongest(C, min(EDGES * len(C), MOST_EDGES))
    shown = tasks_shown(edges, order)
    places = circle(shown)
    for edge in edges:
        ax.plot(*np.transpose([places[edge.j], places[edge.k]]), zorder=1, **style(edge.share))
    outside = LABEL if len(shown) <= MOST_TASKS else LABEL_OF_MANY
    for k in shown:
        node(ax, places[k], None if pictures is None else pictures[k])
        x, y = outside * places[k]
        if pictures is None or len(names[k]) > 1:  # the picture of a digit says which it is
            ax.text(x, y, names[k], ha="center", va="center", fontsize=9, zorder=3)
    legend(ax, edges, len(C), len(shown))
    end = outside + 0.2 if ax.texts else 1.2
    ax.set(xlim=(-end, end), ylim=(-end, end), aspect="equal")
    ax.axis("off")


# --- which edges and tasks to draw, and where ---


def strongest(C: Array, count: int) -> list[Edge]:
    """The pairs with the largest C > 0, weakest first, so that strong edges cover weak ones."""
    j, k = np.triu_indices(len(C), 1)
    best = np.argsort(-C[j, k], kind="stable")[:count][::-1]
    best = best[C[j, k][best] > 0]
    values = C[j, k][best]
    shares = values / values.max(initial=0.0)
    return [Edge(int(j[e]), int(k[e]), float(C[j[e], k[e]]), float(s))
            for e, s in zip(best, shares, strict=True)]  # fmt: skip


def tasks_shown(edges: list[Edge], order: list[int]) -> list[int]:
    """The tasks in their order; if there are many, only those with an edge."""
    if len(order) <= MOST_TASKS:
        return order
    related = {task for edge in edges for task in (edge.j, edge.k)}
    return [task for task in order if task in related]


def order_of(matrices: list[Array]) -> list[int]:
    """One order of the tasks for all matrices, with related tasks next to each other."""
    near = sum(C / max(C.max(), np.finfo(float).tiny) for C in matrices)
    apart = near.max() - near
    np.fill_diagonal(apart, 0)
    tree = linkage(squareform(apart, checks=False), "average", optimal_ordering=True)
    return [int(leaf) for leaf in leaves_list(tree)]


def circle(shown: list[int]) -> dict[int, Array]:
    """Task → its place on the circle, clockwise, with the first at the top."""
    angles = np.pi / 2 - 2 * np.pi * np.arange(len(shown)) / max(len(shown), 1)
    return {k: np.array([np.cos(a), np.sin(a)]) for k, a in zip(shown, angles, strict=True)}


# --- how to draw them ---


def style(share: float) -> dict[str, Any]:
    grey = str(PALE * (1 - share))
    return {"color": grey, "linewidth": WIDE * share, "solid_capstyle": "butt"}


def node(ax: Axes, place: Array, pixels: Array | None) -> None:
    if pixels is None:
        ax.plot(*place, "o", color="black", markeredgecolor="white", ms=7, zorder=2)
        return
    image = OffsetImage(pixels, zoom=30 / pixels.shape[0], cmap="gray_r")
    frame = {"edgecolor": "black", "linewidth": 0.6}
    ax.add_artist(AnnotationBbox(image, tuple(place), pad=0.1, bboxprops=frame, zorder=2))


def legend(ax: Axes, edges: list[Edge], K: int, shown: int) -> None:
    """A legend of edge widths: C of the strongest edge, of half and of a quarter of it."""
    if not edges:
        ax.text(0, 0, "no relations: C = 0", ha="center", va="center")
        return
    weak, strong = edges[0], edges[-1]
    shares = (0.25, 0.5, 1.0) if weak.C < strong.C else (1.0,)
    lines = [Line2D([], [], label=f"C = {share * strong.C:.2g}", **style(share))
             for share in shares]  # fmt: skip
    among = "" if shown == K else f", among {shown} of {K} classes"
    title = f"the {len(edges)} strongest of {K * (K - 1) // 2} pairs{among}"
    ax.legend(handles=lines, loc="lower center", ncols=3, frameon=False, fontsize=9,
              bbox_to_anchor=(0.5, -0.06), title=title, title_fontsize=9)  # fmt: skip
