"""Draw the pictures and write the table from their JSON files alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, NullFormatter

from paper_repro.picture import save
from paper_repro.record import read_json
from paper_repro.relatives.draw_limit import two_ways
from paper_repro.relatives.table import page, work
from paper_repro.table import write_text

Row = dict[str, Any]

STYLES = {  # family → color, marker, filled: distinguishable in grey, too
    "forward": ("#08519c", "o", True),
    "reverse": ("#d94801", "s", True),
    "checkpointed": ("#525252", "^", True),
    "reversible": ("#238b45", "D", True),
    "truncated": ("#88419d", "v", False),
    "implicit": ("#cb181d", "P", False),
}
# offsets of a label from its marker: points to the right and up, then the alignments
ABOVE, BELOW = (0, 8, "center", "bottom"), (0, -8, "center", "top")
RIGHT, LEFT = (8, 0, "left", "center"), (-8, 0, "right", "center")
TOP = {"forward": LEFT, "implicit": RIGHT, "truncated": RIGHT, "reversible": ABOVE}  # else below
BOTTOM = {  # others: to the right
    "reverse": LEFT,
    "checkpointed": (8, 5, "left", "center"),
    "truncated": ABOVE,
    "neumann": (-4, 8, "left", "bottom"),
    "fixed_point": (8, -6, "left", "top"),
}
TICKS = (1, 2, 5, 10, 20, 50, 100)


def draw(paths: dict[str, Path]) -> list[Path]:
    """Write both pictures and the table, each beside its JSON file."""
    path, limit = paths["relatives"], paths["relatives-limit"]
    content = read_json(path)
    table = write_text(path.with_suffix(".md"), page(content))
    return [*save(panels(content), path), table, *save(two_ways(read_json(limit)), limit)]


def panels(content: Row) -> Figure:
    """Against memory: the accuracy of each method (above), and its work (below)."""
    figure = Figure(figsize=(8.8, 9.6), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(1, 1.1))
    s, size = content["setting"], content["problem"]
    figure.suptitle(
        "One hypergradient by all of its relatives\n"
        f"softmax regression by momentum, μ = {s['mu']}, T = {s['T']}, {size['p']} weights, "
        f"m = {size['m']}",
        fontsize=11,
    )
    accuracy(above, content["rows"])
    price(below, content["rows"], s["T"])
    peaks = [row["peak bytes"] for row in content["rows"]]
    below.set(xscale="log", xlim=(0.72 * min(peaks), 1.5 * max(peaks)))
    below.xaxis.set_major_formatter(EngFormatter(unit="B"))
    below.xaxis.set_minor_formatter(NullFormatter())
    return figure


def marked(axes: Any, row: Row, y: float) -> str:
    """Draw the method's marker; returns its color."""
    color, marker, filled = STYLES[row["family"]]
    axes.plot(row["peak bytes"], y, color=color, marker=marker, ms=7.5, mew=1.5, ls="", zorder=3,
              mfc=color if filled else "white")  # fmt: skip
    return color


def label(axes: Any, row: Row, y: float, text: str, place: tuple[float, float, str, str]) -> None:
    right, up, ha, va = place
    axes.annotate(text, (row["peak bytes"], y), (right, up), textcoords="offset points", ha=ha,
                  va=va, fontsize=8, color=STYLES[row["family"]][0], linespacing=1.15)  # fmt: skip


# --- above ---


def accuracy(axes: Any, rows: list[Row]) -> None:
    """The error of the whole ∇f, and a bar up to the error of its worst block."""
    for row in rows:
        whole, worst = row["error"]["all"], max(row["error"].values())
        color = marked(axes, row, whole)
        axes.vlines(row["peak bytes"], whole, worst, color=color, lw=0.9, zorder=1)
        axes.plot(row["peak bytes"], worst, color=color, marker="_", ms=7, zorder=1)
        end = worst if row["family"] == "reversible" else whole
        label(axes, row, end, short(row, rows), TOP.get(row["family"], BELOW))
    axes.set(yscale="log", ylabel="error / ‖∇f‖ (truth: the complex step)", ylim=(1e-17, 20))
    axes.grid(axis="y", color="0.9", lw=0.6)
    axes.set_axisbelow(True)
    few = [row for row in rows if "slots" in row]
    label(axes, few[0], few[0]["error"]["all"], "slots:", (-7, -8, "right", "top"))
    axes.set_title(
        "Accuracy: exact ones differ by rounding; truncated and implicit ones are other gradients",
        loc="left", fontsize=10,
    )  # fmt: skip
    handles = [Line2D([], [], color="0.3", marker="o", ls="", label="∇f as a whole"),
               Line2D([], [], color="0.3", marker="_", ls="", ms=9,
                      label="its worst block of η, μ, weights, l2")]  # fmt: skip
    axes.legend(handles=handles, fontsize=8.5, frameon=False, loc="center right")


def short(row: Row, rows: list[Row]) -> str:
    """A short label; the panel below has a longer one at the same place."""
    family = row["family"]
    if family == "implicit":  # one label for all of them
        alike = [one["peak bytes"] for one in rows if one["family"] == family]
        return family if row["peak bytes"] == max(alike) else ""
    if family == "truncated":
        return f"truncated,\nK = {row['label']}"
    return row["label"] or family


# --- below ---


def price(axes: Any, rows: list[Row], T: int) -> None:
    """Gradients and products per step of the run; the labels also give the seconds."""
    for row in rows:
        y = work(row) / T
        marked(axes, row, y)
        place = BOTTOM.get(row["label"], BOTTOM.get(row["family"], RIGHT))
        label(axes, row, y, f"{name(row)}{row['seconds']['median']:.2g} s", place)
    kept = [row for row in rows if row["family"] == "checkpointed"]
    kept.sort(key=lambda row: row["peak bytes"])
    axes.plot([row["peak bytes"] for row in kept], [work(row) / T for row in kept], lw=0.8,
              color=STYLES["checkpointed"][0], ls=":", zorder=1)  # fmt: skip
    axes.set(yscale="log", xlabel="peak memory",
             ylabel="gradients of J and products with H, for each step")  # fmt: skip
    axes.set_yticks(TICKS, [str(tick) for tick in TICKS])
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_ylim(0.85, 1.35 * max(work(row) for row in rows) / T)
    axes.grid(axis="y", color="0.9", lw=0.6)
    axes.set_title(
        "Price: the fewer states are kept, the more steps are taken again (beside it: seconds)",
        loc="left", fontsize=10,
    )  # fmt: skip


def name(row: Row) -> str:
    """The name of the method in its label, before the seconds."""
    if "slots" in row:
        return f"{row['slots']} slots, "
    return {
        "checkpointed": "checkpointed, every √T, ",
        "truncated": f"truncated\nK = {row['label']}\n",
        "implicit": f"implicit, {row['label']}, ",
    }.get(row["family"], f"{row['family']}, ")
