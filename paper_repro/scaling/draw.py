"""Draws scaling.json: the picture, and the page with all tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from hgref.planning.text import duration, size
from paper_repro.costs.draw import busy
from paper_repro.picture import save
from paper_repro.record import read_json
from paper_repro.table import columns, markdown, write_text

MARKS = ("o", "s", "^")  # a problem each
COLORS = {"forward": "#3182bd", "reverse": "#fdd0a2", "checkpointed": "black"}  # apart in grey
EDGE = "0.2"
TICKS = [digit * 10.0**power for power in range(-4, 5) for digit in (1, 2, 5)]
PROMISED = {"bytes": 0.15, "seconds": 0.3}  # relative; see hgref.plan


def draw(paths: dict[str, Path]) -> list[Path]:
    """Write the picture and the page, each beside the JSON file."""
    path = paths["scaling"]
    content = read_json(path)
    return [*save(panels(content), path), write_text(path.with_suffix(".md"), page(content))]


# --- the picture ---


def panels(content: dict[str, Any]) -> Figure:
    """Measured against planned: left bytes, right seconds."""
    figure = Figure(figsize=(9.4, 4.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    against(left, content, "bytes", 1e6, "megabytes")
    against(right, content, "seconds", 1, "seconds")
    bytes_, seconds_ = (farthest(content["planned"], what) for what in PROMISED)
    figure.suptitle(
        f"What hgref.plan says is at most {bytes_:.0f} % off in bytes, {seconds_:.0f} % in seconds",
        fontsize=11,
    )
    return figure


def farthest(rows: list[dict[str, Any]], what: str) -> float:
    """The largest deviation of a plan from what was measured, in percent."""
    return max(abs(apart(row["planned"][what], row["measured"][what])) for row in rows)


def against(axes: Any, content: dict[str, Any], what: str, unit: float, label: str) -> None:
    """The diagonal, the promised band about it, and a mark for each way of each problem."""
    rows = content["planned"]
    names = list(dict.fromkeys(row["problem"] for row in rows))
    numbers = [row[side][what] / unit for row in rows for side in ("planned", "measured")]
    ends = [0.7 * min(numbers), 1.5 * max(numbers)]
    share = PROMISED[what]
    axes.fill_between(
        ends, [x / (1 + share) for x in ends], [x / (1 - share) for x in ends], color="0.9", lw=0,
        label=f"within {100 * share:.0f} %",
    )  # fmt: skip
    axes.plot(ends, ends, color="0.5", lw=0.8)
    for row in rows:
        color = COLORS[row["way"].partition("(")[0]]
        axes.plot(
            row["planned"][what] / unit, row["measured"][what] / unit, ls="none", ms=7,
            marker=MARKS[names.index(row["problem"])], mec=EDGE,
            mfc="white" if "executor" in row["way"] else color,
        )  # fmt: skip
    axes.set(xscale="log", yscale="log")
    ticks = [x for x in TICKS if ends[0] < x < ends[1]]
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_ticks(ticks, [f"{x:g}" for x in ticks])
        axis.set_ticks([], minor=True)
    axes.set(xlim=ends, ylim=ends, xlabel=f"planned {label}", ylabel=f"measured {label}")
    legend(axes, names)


def legend(axes: Any, names: list[str]) -> None:
    """Marks are problems, fillings are algorithms; white ones ran on workers."""
    for mark, name in zip(MARKS, names, strict=False):
        axes.plot([], [], ls="none", marker=mark, color="0.3", label=name)
    for name, color in COLORS.items():
        axes.plot([], [], ls="none", marker="D", ms=6, mfc=color, mec=EDGE, label=name)
    axes.plot([], [], ls="none", marker="D", ms=6, mfc="white", mec=EDGE,
              label="forward on workers")  # fmt: skip
    axes.legend(fontsize=8, frameon=False, loc="upper left")


# --- the page ---


def planned_rows(content: dict[str, Any]) -> list[list[str]]:
    """Bytes and seconds of each way, planned and measured."""
    rows = [["problem", "way", "planned bytes", "measured", "", "planned time", "measured", ""]]
    for row in content["planned"]:
        before, after = row["planned"], row["measured"]
        way = row["way"].replace("problem, lam", "…").replace("executor=executor, ", "")
        cells = [row["problem"], way]
        for what, text in (("bytes", size), ("seconds", duration)):
            apart = off(before[what], after[what])
            cells += [text(before[what]), text(after[what]), apart]
        rows.append(cells)
    return rows


def off(planned: float, measured: float) -> str:
    return f"{apart(planned, measured):+.0f} %"


def apart(planned: float, measured: float) -> float:
    """How far the plan is from the measurement, in percent."""
    return 100 * (planned / measured - 1)


def shared_rows(content: dict[str, Any]) -> list[list[str]]:
    """The gain of workers, beside that of two processes that share nothing."""
    rows = [["layer", "workers", "seconds", "one process", "gain", "at most here", "difference"]]
    for row in content["shared"]["rows"]:
        numbers = (row["seconds"], row["seconds of one process"], row["gain"])
        most = row["of the machine"] * at_most(content) / content["setting"]["workers"]
        texts = [f"{number:.2f}" for number in (*numbers, most)]
        rows.append([row["layer"], row["workers"], *texts, f"{row['difference']:.0e}"])
    return rows


def at_most(content: dict[str, Any]) -> float:
    """Columns of one process over those of a worker, the training counted as one column."""
    m, workers = content["shared"]["m"], content["setting"]["workers"]
    return (1 + m) / (1 + m / workers)


def terminal(content: dict[str, Any]) -> str:
    """The two tables in columns."""
    lines = [*columns(planned_rows(content)), "", *columns(shared_rows(content))]
    return "\n".join([*lines, *busy(content["made with"]["load before"])])


def page(content: dict[str, Any]) -> str:
    """Both tables and the plans on paper."""
    made, s = content["made with"], content["setting"]
    shared, sent = content["shared"], content["shared"]["sent"]
    lines = [
        "# Before it is run, and on more than one core",
        "",
        "## What `hgref.plan` says, and what is measured",
        "",
        *markdown(planned_rows(content)),
        "",
        f"Every way that fits into its budget, by `hgref.fast.cpu` in float64 on "
        f"{made['threads']} threads of {made['processor']}; workers have one thread and are sent "
        f"the problem anew. Planned seconds: `timed=True`, a few steps multiplied up. Measured "
        f"ones: medians of {s['rounds']} rounds in which all took turns. Bytes: the peak of what "
        "Python and NumPy allocate.",
        "",
        "## Columns of Z on workers",
        "",
        *markdown(shared_rows(content)),
        "",
        f"m = {shared['m']} columns (η and {s['penalties']} penalties) of softmax regression on "
        f"{s['examples']} × {s['features']} numbers, T = {s['shared_T']}, {s['workers']} workers "
        f"and one process, one thread each; medians of {s['shared_rounds']} rounds in which all "
        "took turns. Difference: the largest relative one of a block of the gradient. One process "
        "carries m + 1 columns, a worker m/n + 1, since each runs the training itself: "
        f"{at_most(content):.2f} times fewer. At most here: that, times the share of a core that "
        "each of two processes gets on this machine if both run the whole and share nothing.",
        f"Sent to a worker: {sent['first call']:,} bytes at the first call, of which data and λ "
        f"are {sent['data and λ']:,}; {sent['second call']:,} at the second.",
        "",
        "## On paper",
    ]
    for one in content["on paper"]:
        lines += ["", f"### {one['title']}", "", *worked(one)]
    return "\n".join([*lines, *busy(made["load before"]), ""])


def worked(one: dict[str, Any]) -> list[str]:
    """The plan of a problem on paper."""
    best = f"Take `{one['best']}`." if one["best"] else "Nothing fits."
    return [
        f"{one['about'][0].upper()}{one['about'][1:]}. p = {one['weights']:,} weights, a state of "
        f"{one['state']:,} numbers, m = {one['m']}, T = {one['T']:,}. A process may take "
        f"{one['budget']}; products in float32.",
        "",
        "```text",
        one["plan"],
        "```",
        "",
        best,
    ]
