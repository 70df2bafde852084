"""Draw Table 3 and Figure 3 from their JSON files alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from paper_repro.picture import save
from paper_repro.record import read_json
from paper_repro.table import columns, markdown, write_text

STYLES: dict[str, dict[str, Any]] = {
    "Vanilla": {"color": "0.15", "linestyle": ":", "linewidth": 1.8},
    "RS": {"color": "0.65", "linestyle": "--"},
    "RTHO": {"color": "#0a4a8f", "linestyle": "-", "linewidth": 1.8},
    "RTHO-NT": {"color": "#c8641e", "linestyle": "-.", "linewidth": 1.8},
}
MOVING = ("RTHO", "RTHO-NT")
PANELS = {
    "accuracy": "validation frame accuracy, %",
    "eta": "η, learning rate",
    "mu": "μ, momentum",
    "rho": "ρ, weight of the secondary task",
}


def draw(paths: dict[str, Path]) -> list[Path]:
    """Write the table as Markdown and the paths of λ, each beside its JSON file."""
    table, figure = paths["table3"], paths["figure3"]
    made = [write_text(table.with_suffix(".md"), page(read_json(table)))]
    return made + save(figure3(read_json(figure)), figure, ("png", "pdf"))


# --- Table 3 ---

HEAD = ("method", "test accuracy", "validation", "seconds", "runs", "steps", "ended", "η, μ, ρ")


def terminal(content: dict[str, Any]) -> str:
    """The table in columns, for reading on a terminal."""
    return "\n".join(columns([HEAD, *table_rows(content)]))


def table_rows(content: dict[str, Any]) -> list[list[str]]:
    """The cells as text."""
    return [
        [
            row["method"],
            f"{row['test accuracy']:.2f}",
            f"{row['validation accuracy']:.2f}",
            f"{row['seconds']:.{0 if row['seconds'] >= 10 else 1}f}",
            str(row["runs"]),
            str(row["steps"]),
            row["ended"],
            rates(row["end"]),
        ]
        for row in content["rows"]
    ]


def rates(lam: dict[str, float]) -> str:
    return ", ".join(f"{lam[name]:.3g}" for name in ("eta", "mu", "rho"))


def page(content: dict[str, Any]) -> str:
    """The table as Markdown, followed by its data and setting."""
    s, data = content["setting"], content["data"]
    train, valid, test = data["frames"]
    widths = ", ".join(map(str, s["hidden"]))
    return "\n".join([
        "# Table 3: phone classification",
        "",
        *markdown([HEAD, *table_rows(content)]),
        "",
        f"Data: {data['source']}; {train} training frames, {valid} validation, {test} test, "
        f"{data['states']} states; seed {s['seed']}. Accuracies in percent of the frames; of "
        f"validation {data['validation frames looked at']}, drawn at random, are looked at.",
        f"Hidden layers: {widths}; {data['weights']} weights; mini-batches of {s['batch']}; "
        f"Δ = {s['every']}, at most {s['T']} steps; Adam on λ at {s['outer_rate']:g}.",
        "One training run for each method but RS, which makes as many as fit into "
        f"{s['budget']:.3g} times the seconds of RTHO: steps, end and rates are those of its best.",
        "Vanilla and RS count with the weights of the look with the best validation accuracy, "
        f"until {s['patience']} looks are no better by {100 * s['better']:g} %; RTHO and RTHO-NT "
        "with the weights of the last look, when η has decayed or the steps are over. η, μ, ρ are "
        "those of the last steps.",
        "",
    ])  # fmt: skip


# --- Figure 3 ---


def figure3(content: dict[str, Any]) -> Figure:
    """Accuracy, η, μ and ρ over the epochs; for random search those of its best run."""
    figure = Figure(figsize=(10, 6.4), layout="constrained")
    curves = content["curves"]
    for ax, (what, label) in zip(figure.subplots(2, 2).flat, PANELS.items(), strict=True):
        for name, style in STYLES.items():
            ax.plot(curves[name]["epoch"], curves[name][what], label=named(name, curves), **style)
        for name in MOVING:
            ax.plot(curves[name]["epoch"][-1:], curves[name][what][-1:], "o", ms=5,
                    color=STYLES[name]["color"])  # fmt: skip
        ax.set(xlabel="epochs", ylabel=label)
        ax.grid(alpha=0.3)
        if what == "rho":
            fit_to_moving(ax, curves)
    lines = figure.axes[0].get_lines()[: len(STYLES)]
    figure.legend(handles=lines, loc="outside lower center", ncols=len(lines), fontsize=9)
    ends = "; ".join(ended(name, curves) for name in MOVING)
    figure.suptitle(f"Hyperparameters learnt while the network trains: {ends}\n"
                    f"{content['data']['source']}", fontsize=11)  # fmt: skip
    return figure


def ended(name: str, curves: dict[str, Any]) -> str:
    """Whether η had decayed at the last look, at which a dot stands."""
    eta = curves[name]["eta"][-1:]
    if not eta:
        return f"{name} diverged at once"
    return (
        f"{name} ends as η reaches 0" if eta == [0] else f"{name} was cut off at η = {eta[0]:.2g}"
    )


def named(name: str, curves: dict[str, Any]) -> str:
    """The label of a method; for random search it includes the number of runs."""
    runs = curves[name]["runs"]
    return name if runs == 1 else f"{name}, best of {runs} runs"


def fit_to_moving(ax: Axes, curves: dict[str, Any]) -> None:
    """Scale the axis to the ρ that are learnt; if that of random search is off scale, write it."""
    top = max((rho for name in MOVING for rho in curves[name]["rho"]), default=0.0)
    fixed = max(curves["RS"]["rho"], default=0.0)
    if 0 < 3 * top < fixed:
        ax.set_ylim(-0.05 * top, 1.3 * top)
        ax.annotate(f"RS: ρ = {fixed:.2g}, above", (0.98, 0.95), xycoords="axes fraction",
                    ha="right", va="top", fontsize=9)  # fmt: skip
