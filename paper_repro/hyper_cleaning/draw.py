"""Draw Table 1, Figure 1 and the picture of the digits from their JSON files alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from hgref.arguments import Array
from paper_repro.picture import save
from paper_repro.record import read_json
from paper_repro.table import columns, write_text
from paper_repro.table import markdown as markdown_table

COLUMNS = ("method", "test accuracy", "F1", "precision", "recall", "discarded")
DIGIT_COLUMNS = 8


def draw(paths: dict[str, Path]) -> list[Path]:
    """Write the table as Markdown and the two pictures, each beside its JSON file."""
    table, figure, picture = (paths[name] for name in ("table1", "figure1", "digits"))
    made = [write_text(table.with_suffix(".md"), markdown(read_json(table)))]
    made += save(figure1(read_json(figure)), figure, ("png", "pdf"))
    return made + save(digits(read_json(picture)), picture, ("png",))


# --- Table 1 ---


def table_rows(content: dict[str, Any]) -> list[list[str]]:
    """The cells as text; empty if a method has no such number."""
    digits = {"test accuracy": ".2f", "F1": ".3f", "precision": ".3f", "recall": ".3f"}
    return [
        ["" if row[c] is None else format(row[c], digits.get(c, "")) for c in COLUMNS]
        for row in content["rows"]
    ]


def terminal(content: dict[str, Any]) -> str:
    """The table in columns, for reading on a terminal."""
    return "\n".join(columns([COLUMNS, *table_rows(content)]))


def markdown(content: dict[str, Any]) -> str:
    """The table as Markdown, followed by its data and setting."""
    s, data = content["setting"], content["data"]
    return "\n".join(
        [
            "# Table 1: data hyper-cleaning",
            "",
            *markdown_table([COLUMNS, *table_rows(content)]),
            "",
            f"Data: {data['source']}; {s['train']} training examples ({data['wrong labels']} with "
            f"a wrong label), {s['valid']} validation, {s['test']} test; seed {s['seed']}.",
            f"T = {s['T']} steps of gradient descent, {s['hyper_iterations']} hyper-iterations of "
            f"projected Adam at {s['outer_rate']:g}; final models: {s['final_steps']} steps.",
            "Accuracies in percent. An example is discarded when its weight is below "
            f"{s['discard_below']:g}; F1, precision and recall are those of finding wrong labels.",
            "",
        ]
    )


# --- Figure 1 ---


def figure1(content: dict[str, Any]) -> Figure:
    """Over hyper-iterations: discarded examples (left axis) and accuracies (right axis) of DH-R."""
    c, wrong = content["curves"], content["data"]["wrong labels"]
    k = c["hyper-iteration"]
    figure = Figure(figsize=(6.4, 4.8), layout="constrained")
    counts = figure.add_subplot()
    accuracies = counts.twinx()
    counts.plot(k, c["TP"], color="#08519c", lw=2, label="TP: discarded, label wrong")
    counts.plot(k, c["FP"], color="#6baed6", lw=2, ls="--", label="FP: discarded, label right")
    for name, color, style in (("validation", "#7f2704", "-."), ("test", "#f16913", ":")):
        values = c[f"{name} accuracy"]
        accuracies.plot(k, values, color=color, lw=1.6, ls=style, label=f"{name} accuracy (right)")
    counts.axhline(wrong, color="0.6", lw=0.8, label=f"the {wrong} wrong labels")
    counts.set(xlim=(0, k[-1]), ylim=(0, 1.4 * wrong))
    counts.set(xlabel="Hyper-iterations", ylabel="Number of discarded examples")
    accuracies.set(ylabel="Accuracy (%)")
    s, R = content["setting"], content["R"]
    counts.set_title(
        f"DH-{R:g} throws out {c['TP'][-1]} of {wrong} wrong labels and {c['FP'][-1]} right ones\n"
        f"{content['data']['source']}, T = {s['T']}, {s['train']} training examples",
        fontsize=10,
    )
    note = (
        f"Accuracies here are those of w_T, T = {s['T']}; Table 1 has those of final models,\n"
        f"trained for {s['final_steps']} steps on the weighted examples and the validation set."
    )
    figure.legend(loc="outside lower center", ncols=2, fontsize=8.5, frameon=False, title=note,
                  title_fontsize=8)  # fmt: skip
    return figure


# --- the digits ---


def digits(content: dict[str, Any]) -> Figure:
    """Samples of the kept and of the discarded digits, each with its given label."""
    side, halves = content["side"], content["halves"]
    rows = max(1, *(-(-len(half["example"]) // DIGIT_COLUMNS) for half in halves.values()))
    figure = Figure(figsize=(11.5, 0.84 * rows + 1.1), layout="constrained")
    panels: Any = figure.subfigures(1, 2, wspace=0.02)
    panels[1].set_facecolor("0.9")
    for panel, name, title in zip(panels, halves, ("Kept", "Thrown out"), strict=True):
        half = halves[name]
        wrong = f"{half['with a wrong label']} of them with a wrong label"
        panel.suptitle(f"{title}: {half['of']} digits, {wrong}", fontsize=11, weight="bold")
        cells = panel.subplots(rows, DIGIT_COLUMNS, squeeze=False).flat
        for j, axes in enumerate(cells):
            axes.set_axis_off()
            if j < len(half["pixels"]):
                label, true = half["given label"][j], half["true label"][j]
                one_digit(axes, half["pixels"][j], side, label, true)
    figure.supxlabel(
        f"Under each digit stands the label it was given, boxed where that is wrong.   A random "
        f"sample of each.   DH-{content['R']:g}, {content['data']['source']}",
        fontsize=8.5, color="0.3",
    )  # fmt: skip
    return figure


def one_digit(axes: Any, pixels: str, side: int, given: int, true: int) -> None:
    image: Array = np.frombuffer(bytes.fromhex(pixels), dtype=np.uint8).reshape(side, side)
    axes.imshow(image, cmap="gray_r", vmin=0, vmax=255)
    box = {"facecolor": "#a50f15", "edgecolor": "none", "pad": 1.5}
    style = {"color": "white", "weight": "bold", "bbox": box} if given != true else {}
    axes.text(0.5, -0.08, f"{given}", transform=axes.transAxes, ha="center", va="top",
              fontsize=8.5, **style)  # fmt: skip
