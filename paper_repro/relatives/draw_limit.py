"""Draw how reverse and implicit gradients converge to their limit as T grows."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

POINTS = {  # measurement → label, color, marker: distinguishable in grey, too
    "reverse to implicit": ("‖reverse − implicit‖, both after T steps", "#d94801", "s"),
    "implicit to limit": ("‖implicit − limit‖", "#08519c", "o"),
}
LAWS = {  # a distance that falls as T^power r^T → power, style, label
    "reverse to implicit": (1, (0, (6, 3)), "predicted slope: T rᵀ"),
    "implicit to limit": (0, (0, (1, 1.5)), "predicted slope: rᵀ"),
}


def two_ways(content: dict[str, Any]) -> Figure:
    """Distances against T with the predicted rates: gradient descent (left), momentum (right)."""
    figure = Figure(figsize=(9.4, 5.2), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    s = content["setting"]
    figure.suptitle(
        "The implicit gradient is the limit of reverse: both come to it at the rate r that "
        ".convergence.rate tells\n"
        f"softmax regression, penalty {s['l2']:g}; each T is a run of its own",
        fontsize=11,
    )
    for axes, curve in zip(panels, content["curves"], strict=True):
        distances(axes, curve, content["limit"]["norm"])
        mu = f", μ = {s['mu']:g}" if curve["dynamics"] == "momentum" else ""
        axes.set_title(
            f"{curve['dynamics']}, η = {curve['eta']:g}{mu}: r = {curve['rate']:.4f}", fontsize=10
        )
    panels[0].set_ylabel("distance / ‖∇f in the limit‖")
    figure.legend(
        *panels[0].get_legend_handles_labels(),
        loc="outside lower center",
        ncols=3,
        fontsize=9,
        frameon=False,
    )
    return figure


def distances(axes: Any, curve: dict[str, Any], size: float) -> None:
    """One dynamics: the points, and the predicted laws through the last of them."""
    T, r = np.array(curve["T"]), curve["rate"]
    t = np.linspace(T[0], T[-1], 200)
    for name, (power, style, label) in LAWS.items():
        law = (t / T[-1]) ** power * r ** (t - T[-1])
        axes.plot(t, curve[name][-1] / size * law, color="black", ls=style, lw=1.1, label=label)
    for name, (label, color, marker) in POINTS.items():
        axes.plot(T, np.array(curve[name]) / size, color=color, marker=marker, ls="", ms=6,
                  label=label)  # fmt: skip
    axes.set(yscale="log", xlabel="number of steps T", xlim=(0, 1.06 * T[-1]))
    axes.grid(axis="y", color="0.9", lw=0.6)
