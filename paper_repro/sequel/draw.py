"""Draw the three figures from their JSON files alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure

from paper_repro.picture import save
from paper_repro.record import read_json

STYLES = {  # solver → label, colour, marker: distinguishable in grey, too
    "cg": ("cg", "#08519c", "o"),
    "neumann": ("neumann, 30 of them to find L", "#d94801", "s"),
    "fixed_point": ("fixed_point", "#238b45", "^"),
    "truncated": ("truncated, the last K steps", "#6a51a3", "x"),
    "one-step": ("one-step", "#252525", "*"),
}


def draw(paths: dict[str, Path]) -> list[Path]:
    """Write a picture beside each JSON file."""
    made = {"sequel-discount": discount, "sequel-solvers": solvers, "sequel-directions": directions}
    return [one for n, path in paths.items() for one in save(made[n](read_json(path)), path)]


def discount(content: dict[str, Any]) -> Figure:
    """Left the paths of η, right the last error against γ."""
    figure = Figure(figsize=(9.4, 4.4), layout="constrained")
    paths, errors = figure.subplots(1, 2)
    curves, s = content["curves"], content["setting"]
    colours = colormaps["viridis"](np.linspace(0.9, 0.0, len(curves)))
    dashes = ("-", (0, (1, 1)), (0, (4, 2)), (0, (6, 2, 1, 2)))
    for j, (curve, colour) in enumerate(zip(curves, colours, strict=True)):
        paths.plot([0, *curve["t"]], curve["eta"], color=colour, ls=dashes[j % 4], lw=1.6,
                   label=f"γ = {curve['discount']:g}")  # fmt: skip
    paths.set(xlabel="step t", ylabel="η", title="Path of η, one run each", xlim=(0, s["T"]))
    paths.legend(fontsize=8.5, frameon=False)
    places = range(len(curves))
    each = [np.array(curve["last errors"]) for curve in curves]
    spread = [x.std(ddof=1) / np.sqrt(len(x)) for x in each]
    errors.errorbar(places, [x.mean() for x in each], spread, fmt="o", color="#08519c", capsize=3)
    errors.axhline(np.mean(content["without"]), color="0.5", ls="--", lw=1)
    errors.annotate(
        f"η = {s['eta']:g} throughout", (0, np.mean(content["without"])), (4, -4),
        textcoords="offset points", fontsize=8.5, color="0.35", va="top",
    )  # fmt: skip
    names = [f"{curve['discount']:g}" for curve in curves]
    names[0], names[-1] = f"{names[0]}\nHD", f"{names[-1]}\nRTHO"
    errors.set_xticks(places, names)
    errors.set(xlabel="discount γ", ylabel="validation error at the end")
    errors.set_title(f"Mean of {s['repeats']} runs, ± one standard error", fontsize=10)
    figure.suptitle(best_discount(content), fontsize=11)
    return figure


def best_discount(content: dict[str, Any]) -> str:
    """The message of the figure."""
    errors = {c["discount"]: np.array(c["last errors"]) for c in content["curves"]}
    best = min(errors, key=lambda gamma: float(errors[gamma].mean()))

    def ends(gamma: float) -> str:
        x = errors[gamma]
        return f"{x.mean():.3f} ± {x.std(ddof=1) / np.sqrt(len(x)):.3f}"

    return (
        f"Real time with a discount, Z = γ A Z + B: γ = {best:g} ends lowest, at {ends(best)};\n"
        f"RTHO (γ = 1) at {ends(max(errors))}, hypergradient descent (γ = 0) at {ends(min(errors))}"
    )


def solvers(content: dict[str, Any]) -> Figure:
    """Error against products."""
    figure = Figure(figsize=(7.2, 4.8), layout="constrained")
    axes = figure.add_subplot()
    for name, (label, colour, marker) in STYLES.items():
        curve = content["curves"][name]
        axes.plot(curve["products"], curve["error"], color=colour, marker=marker, lw=1.2, ms=6,
                  label=label)  # fmt: skip
    products = np.array(content["curves"]["truncated"]["products"], float)
    first = content["curves"]["truncated"]["error"][0]
    law = first * content["rate"] ** (products - products[0])
    axes.plot(products, law, color="0.5", ls=":", lw=1.2, label="rᵀ, r of .convergence.rate")
    axes.set(xscale="log", yscale="log", xlabel="products with H or A", ylim=(1e-15, 3))
    axes.set_ylabel("distance from the gradient in the limit, relative")
    axes.set_title(
        "One family: truncation, fixed point and Neumann are one series,\none-step its first term; "
        "conjugate gradients sum it faster",
        fontsize=10.5,
    )
    axes.grid(color="0.92", lw=0.6)
    axes.legend(fontsize=8.5, frameon=False)
    return figure


def directions(content: dict[str, Any]) -> Figure:
    """Mean squared error against the number of directions."""
    figure = Figure(figsize=(6.4, 4.4), layout="constrained")
    axes, rows, m = figure.add_subplot(), content["rows"], content["m"]
    k = np.array([row["k"] for row in rows], float)
    axes.plot(k, (m - 1) / k, color="0.4", ls="--", lw=1.2, label="(m − 1) / k")
    axes.errorbar(
        k, [row["mean"] for row in rows], [2 * row["standard error"] for row in rows], fmt="o",
        color="#08519c", capsize=3, label="measured, ± two standard errors",
    )  # fmt: skip
    axes.axhline(1, color="0.75", lw=1)
    axes.annotate("as wrong as 0", (k[0], 1), (0, 3), textcoords="offset points", fontsize=8.5,
                  color="0.35")  # fmt: skip
    axes.set(xscale="log", yscale="log", xlabel="directions k, each a column of Z",
             ylabel="mean ‖estimate − ∇f‖² / ‖∇f‖²")  # fmt: skip
    axes.set_title(
        f"Unbiased, but of variance (m − 1)/k: for m = {m} hyperparameters\na few directions say "
        "little, and the m columns of Z are exact",
        fontsize=10.5,
    )
    axes.legend(fontsize=8.5, frameon=False)
    return figure
