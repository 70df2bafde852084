"""What differs between the paper, the authors' code, and the presets of this experiment."""

from __future__ import annotations

from paper_repro.table import Rows
from paper_repro.task_interactions.setting import AUTHORS, DEFAULT, PAPER, Setting


def momentum(s: Setting) -> str:
    return f"{s.eta:g}, {s.mu:g}"


LAST = "the last; the model on training data alone"
BEST = "best validation accuracy; the model on training and validation data"
SLT = "one softmax model, ρ_k by hypergradient"
GRID = "a logistic model of each class, 50 values of ρ in [0, 0.1]"
NMTL = "a, ρ by hypergradient"

DEVIATIONS: Rows = (
    ("setting", "paper", "authors' code", "here", "--paper", "--authors"),
    (
        "data", "CIFAR-10 and CIFAR-100", "the same",
        "CIFAR where --data-dir has it, else digits", "the same as here", "the same as here",
    ),
    (
        "features", "last layer of a pretrained CNN", "the same", "EfficientNet-Lite0",
        "EfficientNet-Lite0", "EfficientNet-Lite0",
    ),
    (
        "random splits", "5", "5, balanced", f"{DEFAULT.seeds}, balanced",
        f"{PAPER.seeds}, balanced", f"{AUTHORS.seeds}, balanced",
    ),
    ("steps T", "not told", "3000", f"{DEFAULT.T}", f"{PAPER.T}", f"{AUTHORS.T}"),
    (
        "η, μ", "not told", "0.01, 0.9; learned too by default", momentum(DEFAULT),
        momentum(PAPER), momentum(AUTHORS),
    ),
    (
        "hyper-iterations", "not told", "250", f"{DEFAULT.hyper_iterations}",
        f"{PAPER.hyper_iterations}", f"{AUTHORS.hyper_iterations}",
    ),
    (
        "rate of Adam on C, ρ", "not told", "0.001", f"{DEFAULT.outer_rate:g}",
        f"{PAPER.outer_rate:g}", f"{AUTHORS.outer_rate:g}",
    ),
    ("hyper-iteration used", "not told", BEST, LAST, LAST, BEST),
    ("SLT", "ρ of each task on validation data", GRID, SLT, SLT, GRID),
    (
        "NMTL", "a, ρ learned", "a grid, chosen by training accuracy (code of April 2017)",
        NMTL, NMTL, NMTL,
    ),
    (
        "HMTL-S", "Σ C ≤ R", "none", f"Σ C ≤ R = {DEFAULT.R:g}", f"Σ C ≤ R = {PAPER.R:g}",
        f"Σ C ≤ R = {AUTHORS.R:g}",
    ),
)  # fmt: skip
