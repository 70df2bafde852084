"""The table and the figure over seeds, from their JSON file alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from paper_repro.picture import save
from paper_repro.record import read_json
from paper_repro.table import columns, markdown, write_text

Content = dict[str, Any]


def draw(path: Path) -> list[Path]:
    """Write the table as Markdown and the figure, beside the JSON file."""
    content = read_json(path)
    made = [write_text(path.with_suffix(".md"), page(content))]
    return made + save(figure(content), path)


# --- the table ---


def table_rows(content: Content) -> list[list[str]]:
    measure, reference = content["measure"], content["reference"]
    head = ["method", measure, "seeds", f"gain over {reference}, same seed", "95 % interval"]
    return [[*head, *content["beside"]], *(cells(row, content) for row in content["rows"])]


def cells(row: Content, content: Content) -> list[str]:
    own = row["method"] == content["reference"]
    return [
        row["method"],
        f"{row[content['measure']]:.2f} ± {row['standard error']:.2f}",
        str(row["seeds"]),
        "" if own else f"{row['gain']:+.2f}",
        "" if own else between(row["95 % interval"]),
        *("" if row.get(what) is None else f"{row[what]:.4g}" for what in content["beside"]),
    ]


def between(ends: list[float]) -> str:
    return f"{ends[0]:+.2f} … {ends[1]:+.2f}"


def terminal(content: Content) -> str:
    """The table in columns."""
    return "\n".join(columns(table_rows(content)))


def page(content: Content) -> str:
    """The table as Markdown; below it the data and the seeds."""
    first, last = content["seeds"][0], content["seeds"][-1]
    return "\n".join([
        f"# {content['experiment']}: {len(content['seeds'])} seeds",
        "",
        *markdown(table_rows(content)),
        "",
        f"Data: {content['data']['source']}; seeds {first} … {last}. Means ± standard error; the "
        f"other columns are means. The gain is the mean of the paired differences in "
        f"{content['measure']}, with Student's interval.",
        "",
    ])  # fmt: skip


# --- the figure ---


def figure(content: Content) -> Figure:
    """A dot for each seed, a column for each method, and the mean with its interval."""
    rows, measure = from_the_reference(content), content["measure"]
    made = Figure(figsize=(2.2 + 1.25 * len(rows), 4.8), layout="constrained")
    ax = made.add_subplot()
    each = np.array([row["each"][measure] for row in rows])
    ax.plot(np.arange(len(rows)), each, color="0.85", linewidth=0.7, zorder=1)
    for j, row in enumerate(rows):
        column(ax, j, row, measure)
    ax.set_xticks(range(len(rows)), [tick(row, content) for row in rows])
    ax.set_xlabel(
        f"under a method: its gain over {content['reference']} on the same seed ± 95 % interval"
    )
    ax.set(ylabel=f"{measure}, %", xlim=(-0.5, len(rows) - 0.5))
    ax.grid(axis="y", alpha=0.3)
    ax.legend(*ax.get_legend_handles_labels(), fontsize=8.5, frameon=False, ncols=3,
              loc="lower center", bbox_to_anchor=(0.5, 1.0))  # fmt: skip
    made.suptitle(f"{message(content)}\n{content['experiment']}, {content['data']['source']}",
                  fontsize=10)  # fmt: skip
    return made


def from_the_reference(content: Content) -> list[Content]:
    """The rows from the reference on; those before it come last."""
    rows = content["rows"]
    first = [row["method"] for row in rows].index(content["reference"])
    return [*rows[first:], *rows[:first]]


def message(content: Content) -> str:
    """How many methods gain over the reference, by intervals that do not reach 0."""
    rows = [row for row in content["rows"] if row["method"] != content["reference"]]
    gain = sum(row["95 % interval"][0] > 0 for row in rows)
    lose = sum(row["95 % interval"][1] < 0 for row in rows)
    return (
        f"Of {len(rows)} methods {gain} gain over {content['reference']}, {lose} lose, "
        f"{len(rows) - gain - lose} undecided, over {len(content['seeds'])} seeds"
    )


def column(ax: Axes, j: int, row: Content, measure: str) -> None:
    """The seeds of a method as dots; right of them the mean as a diamond with its interval."""
    first: dict[str, Any] = {"label": "a seed"} if j == 0 else {}
    each = row["each"][measure]
    ax.plot([j] * len(each), each, "o", color="0.45", markerfacecolor="none", ms=4.5, **first)
    low, high = row["95 % interval of the mean"]
    mean = row[measure]
    ax.errorbar(j + 0.2, mean, [[mean - low], [high - mean]], fmt="D", color="black", ms=5,
                capsize=4, linewidth=1.4, zorder=3,
                label="mean, its 95 % interval" if j == 0 else None)  # fmt: skip
    if j == 0:
        ax.plot([], [], color="0.75", linewidth=0.7, label="the same seed")


def tick(row: Content, content: Content) -> str:
    """The method, and below it its gain over the reference."""
    if row["method"] == content["reference"]:
        return f"{row['method']}\nreference"
    low, high = row["95 % interval"]
    return f"{row['method']}\n{row['gain']:+.2f} ± {(high - low) / 2:.2f}"
