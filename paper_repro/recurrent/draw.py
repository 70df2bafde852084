"""Draw the two recursions from their JSON file alone."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure

from paper_repro.picture import save
from paper_repro.record import read_json
from paper_repro.table import columns

FORWARDS = {"color": "#08519c", "marker": "o", "ls": "-"}  # distinguishable in grey, too
BACKWARDS = {"color": "#d94801", "marker": "s", "ls": "--"}
STYLES = ("-", "--", ":")  # of the three blocks of weights
ROOM = 0.2  # above and below the curves


def draw(paths: dict[str, Path]) -> list[Path]:
    """Write the picture beside the JSON file."""
    path = paths["recurrent"]
    return save(panels(read_json(path)), path)


def panels(content: dict[str, Any]) -> Figure:
    """Over t: ‖Z_t‖ by block (top), |α_t| by unit (middle), both shares of ∇f (bottom)."""
    figure = Figure(figsize=(9.0, 7.8), layout="constrained")
    top, middle, bottom = figure.subplots(3, 1, sharex=True, height_ratios=(1.1, 1, 1.5))
    s = content["setting"]
    figure.suptitle(
        "Two roads to one gradient: RTRL fills Z forwards, BPTT fills α backwards\n"
        f"a recurrent network of {s['hidden']} units that shall hold its first input for "
        f"T = {s['T']} steps, before training",
        fontsize=11,
    )
    forwards(top, content)
    backwards(figure, middle, content)
    meeting(bottom, content)
    return figure


def forwards(axes: Any, content: dict[str, Any]) -> None:
    """The norm of the columns of Z_t of each block of weights."""
    norms, first = np.array(content["norms of the columns of Z"]), 0
    for (name, shape), style in zip(content["blocks"].items(), STYLES, strict=True):
        last = first + math.prod(shape)
        of_block = np.linalg.norm(norms[:, first:last], axis=1)
        axes.plot(of_block, color=FORWARDS["color"], lw=1.6, ls=style,
                  label=f"{name}: {last - first} columns")  # fmt: skip
        first = last
    axes.set(ylabel="‖dsₜ/dλ‖", ylim=(0, None))
    axes.legend(fontsize=9, frameon=False, loc="upper left")
    axes.set_title(
        f"RTRL (FORWARD-HG)  →   Zₜ = Aₜ Zₜ₋₁ + Bₜ from Z₀ = 0: {content['setting']['hidden']} × "
        f"{norms.shape[1]} numbers, no state kept",
        loc="left", fontsize=10,
    )  # fmt: skip


def backwards(figure: Figure, axes: Any, content: dict[str, Any]) -> None:
    """A row for each unit: |α_t|, the sensitivity of E to that unit at step t."""
    alpha = np.abs(content["alpha"]).T
    shaded = image(axes, alpha)
    units = np.arange(len(alpha))
    axes.set_yticks(units + 0.5, [str(j + 1) for j in units], fontsize=8)
    axes.set(ylabel="unit", ylim=(len(alpha), 0))
    axes.set_title(
        f"αₜ = αₜ₊₁ Aₜ₊₁ from ∇E, which sees unit 1 alone: {len(alpha)} numbers, "
        f"{content['setting']['T']} states kept   ←  BPTT (REVERSE-HG)",
        loc="right", fontsize=10,
    )  # fmt: skip
    figure.colorbar(shaded, ax=axes, label="|αₜ|", pad=0.01)


def image(axes: Any, rows: Any) -> Any:
    """Shade rows (…, T+1), centred on t; 0 is white, and a root scale shows small values."""
    edges = np.arange(rows.shape[1] + 1) - 0.5
    norm = PowerNorm(0.5, vmin=0, vmax=rows.max() or 1.0)
    return axes.pcolormesh(edges, np.arange(len(rows) + 1), rows, cmap="Greys", norm=norm)


def meeting(axes: Any, content: dict[str, Any]) -> None:
    """Along ∇f: the terms α_t B_t, their sums up to t and after t, which always add up to ∇f."""
    to, later = np.array(content["forwards"]), np.array(content["backwards"])
    t, terms = np.arange(len(to)), content["terms along the gradient"]
    some = {"markevery": max(1, len(t) // 15), "ms": 4.5, "lw": 1.6}
    axes.plot(t, to, **FORWARDS, **some, label="steps 1 … t: αₜZₜ")
    axes.plot(t, later, **BACKWARDS, **some, label="steps t+1 … T: the later terms of Σ αₜBₜ")
    axes.plot(t, to + later, color="black", ls=":", lw=1.4, label="both together: ∇f at every t")
    axes.bar(t[1:], terms, width=0.7, color="0.75", edgecolor="0.35", lw=0.6,
             label="one term αₜBₜ of BPTT's sum")  # fmt: skip
    axes.axhline(0, color="black", lw=0.6)
    axes.set(xlabel="step t", ylabel="share of ∇f", xlim=(-0.5, len(t) - 0.5))
    low, high = min(0.0, *terms, *to, *later), max(1.0, *terms, *to, *later)
    axes.set_ylim(low - ROOM / 2, high + ROOM)
    for x, side, words in (
        (t[0], "left", "BPTT arrives: Σ αₜBₜ"),
        (t[-1], "right", "RTRL arrives: ∇E Zₜ at t = T"),
    ):
        axes.annotate(words, (x, high), (0, 6), textcoords="offset points", ha=side, fontsize=9)
    axes.legend(fontsize=9, frameon=False, ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.2))


def terminal(content: dict[str, Any]) -> str:
    """The distances between the gradients, as a table."""
    rows = [["distance / ‖∇f‖", ""], *([n, f"{x:.1e}"] for n, x in content["apart"].items())]
    return "\n".join(columns(rows))
