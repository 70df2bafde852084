"""Draw Table 2, Figure 2 and the course of the outer loops from their JSON files alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from hgref.arguments import Array
from paper_repro.picture import save
from paper_repro.record import read_json
from paper_repro.table import columns, markdown, write_text
from paper_repro.task_interactions.graph import graph, order_of

LINES = {  # color, style: distinguishable in grey, too
    "SLT": ("#969696", "-"),
    "NMTL": ("#525252", ":"),
    "HMTL": ("#08519c", "-"),
    "HMTL-S": ("#d94801", "--"),
}
HIGHER = "HMTL has not converged: HMTL-S is lower, and has only a part of HMTL's set"
LOWER = "HMTL-S has only a part of HMTL's set, and does not get below HMTL"
TITLES = {"HMTL": "HMTL: C ≥ 0", "HMTL-S": "HMTL-S: C ≥ 0, ΣC ≤ R"}


def draw(paths: dict[str, Path]) -> list[Path]:
    """Write the table as Markdown, the graph of relations and E_val, each beside its JSON file."""
    table, figure, errors = paths["table2"], paths["figure2"], paths["errors"]
    content = read_json(table)
    lines = [*markdown(table_rows(content)), "", *notes(content)]
    made = [write_text(table.with_suffix(".md"), "\n".join([*lines, ""]))]
    made += save(figure2(read_json(figure)), figure, ("png", "pdf"))
    return made + save(course(read_json(errors)), errors)


def notes(content: dict[str, Any]) -> list[str]:
    """What the numbers of the table are."""
    setting = content["setting"]
    lines = [
        f"Data: {content['data']['source']}; {setting['seeds']} splits, "
        f"T = {setting['T']}, {setting['hyper_iterations']} hyper-iterations.",
        "± is the standard deviation over the splits. The gain is the mean of the differences on "
        "the same split, with Student's interval.",
    ]
    if setting.get("authors"):
        lines += ["With the authors' protocol, E_val of SLT is the sum of the logistic losses."]
    return lines


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
    """The table in columns."""
    return "\n".join(columns(table_rows(content)))


# --- the outer loops ---


def course(content: dict[str, Any]) -> Figure:
    """E_val over the hyper-iterations of each method."""
    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axes = figure.add_subplot()
    for name, path in content["E_val"].items():
        color, style = LINES[name]
        axes.plot(path, color=color, ls=style, lw=1.6, label=f"{name}: {path[-1]:.3f} at the end")
    axes.set(xlabel="hyper-iteration", ylabel="E_val", xlim=(0, None), xscale="symlog")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.legend(fontsize=9, frameon=False)
    wide, bounded = (content["E_val"][name][-1] for name in ("HMTL", "HMTL-S"))
    figure.suptitle(
        f"{HIGHER if wide > bounded else LOWER}\n"
        f"means of {content['setting']['seeds']} splits, {content['data']['source']}",
        fontsize=9.5,
    )
    return figure


# --- Figure 2 ---


def figure2(content: dict[str, Any]) -> Figure:
    """The strongest relations of HMTL and HMTL-S; larger C gives wider and darker edges."""
    figure = Figure(figsize=(11, 6), layout="constrained")
    matrices = {name: np.array(C) for name, C in content["C"].items()}
    order, shown = order_of([*matrices.values()]), pictures(content)
    axes = figure.subplots(1, len(matrices), squeeze=False)[0]
    for ax, (name, C) in zip(axes, matrices.items(), strict=True):
        graph(ax, C, content["data"]["classes"], shown, order)
        ax.set_title(TITLES[name])
    seeds, source = content["setting"]["seeds"], content["data"]["source"]
    figure.suptitle(
        f"The strongest relations between classes, mean of {seeds} splits\n{source}", fontsize=11
    )
    return figure


def pictures(content: dict[str, Any]) -> list[Array] | None:
    """The picture of each class, (side, side) or (side, side, 3); None if there are none."""
    if content["pictures"] is None:
        return None
    side = content["side"]
    pixels = [np.frombuffer(bytes.fromhex(one), np.uint8) for one in content["pictures"]]
    return [one.reshape((side, side) if one.size == side**2 else (side, side, 3)) for one in pixels]
