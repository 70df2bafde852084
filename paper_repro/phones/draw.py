"""Table 3 and Figure 3, out of their JSON files and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from paper_repro.picture import save
from paper_repro.record import read_json
from paper_repro.table import columns, markdown, write_text

STYLES: dict[str, dict[str, Any]] = {
    "Vanilla": {"color": "0.55", "linestyle": ":", "linewidth": 1.8},
    "RS": {"color": "0.55", "linestyle": "--"},
    "RTHO": {"color": "#0a4a8f", "linestyle": "-", "linewidth": 1.8},
    "RTHO-NT": {"color": "#c8641e", "linestyle": "-.", "linewidth": 1.8},
}
PANELS = {
    "accuracy": "validation frame accuracy, %",
    "eta": "η, learning rate",
    "mu": "μ, momentum",
    "rho": "ρ, weight of the secondary task",
}


def draw(paths: dict[str, Path]) -> list[Path]:
    """Write the table as Markdown and the paths of λ, each beside its JSON file."""
    table, figure = paths["table3"], paths["figure3"]
    made = [write_text(table.with_suffix(".md"), "\n".join([*lines(read_json(table)), ""]))]
    return made + save(figure3(read_json(figure)), figure, ("png", "pdf"))


def lines(content: dict[str, Any]) -> list[str]:
    return markdown(table_rows(content))


def terminal(content: dict[str, Any]) -> str:
    return "\n".join(columns(table_rows(content)))


def table_rows(content: dict[str, Any]) -> list[list[str]]:
    head = [
        "method",
        "test accuracy",
        "validation",
        "seconds",
        "steps",
        "runs",
        "η, μ, ρ at the end",
    ]
    rows = [head]
    for row in content["rows"]:
        end = row["end"]
        rows.append([
            row["method"],
            f"{row['test accuracy']:.2f}",
            f"{row['validation accuracy']:.2f}",
            f"{row['seconds']:.0f}",
            str(row["steps"]),
            str(row["trials"]),
            f"{end['eta']:.3f}, {end['mu']:.3f}, {end['rho']:.3f}",
        ])  # fmt: skip
    return rows


def figure3(content: dict[str, Any]) -> Figure:
    """Accuracy, η, μ and ρ over the epochs of training; of random search its best run."""
    figure = Figure(figsize=(10, 6.4), layout="constrained")
    for ax, (what, label) in zip(figure.subplots(2, 2).flat, PANELS.items(), strict=True):
        panel(ax, what, content["curves"])
        ax.set(xlabel="epochs", ylabel=label)
        ax.grid(alpha=0.3)
    figure.axes[0].legend(fontsize=9)
    figure.suptitle(f"Phone states, hyperparameters in real time\n{content['data']['source']}",
                    fontsize=11)  # fmt: skip
    return figure


def panel(ax: Axes, what: str, curves: dict[str, Any]) -> None:
    for name, style in STYLES.items():
        curve = curves[name]
        ax.plot(curve["epoch"], curve[what], label=name, **style)
