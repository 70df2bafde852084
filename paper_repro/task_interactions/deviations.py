"""What differs between the paper, the authors' code, and the presets of this experiment."""

from __future__ import annotations

from paper_repro.table import Rows
from paper_repro.task_interactions.setting import DEFAULT, PAPER, Setting


def momentum(s: Setting) -> str:
    return f"{s.eta:g}, {s.mu:g}"


LAST = "the last; the model on training data alone"
SLT = "one softmax model, ρ_k by hypergradient"

DEVIATIONS: Rows = (
    ("setting", "paper", "authors' code", "here", "--paper"),
    (
        "data", "CIFAR-10 and CIFAR-100", "the same",
        "CIFAR where --data-dir has it, else digits", "the same as here",
    ),
    (
        "features", "last layer of a pretrained CNN", "the same", "EfficientNet-Lite0",
        "EfficientNet-Lite0",
    ),
    (
        "random splits", "5", "5, balanced", f"{DEFAULT.seeds}, balanced",
        f"{PAPER.seeds}, balanced",
    ),
    ("steps T", "not told", "3000", f"{DEFAULT.T}", f"{PAPER.T}"),
    ("η, μ", "not told", "0.01, 0.9; learned too by default", momentum(DEFAULT), momentum(PAPER)),
    (
        "hyper-iterations", "not told", "250", f"{DEFAULT.hyper_iterations}",
        f"{PAPER.hyper_iterations}",
    ),
    (
        "rate of Adam on C, ρ", "not told", "0.001", f"{DEFAULT.outer_rate:g}",
        f"{PAPER.outer_rate:g}",
    ),
    (
        "hyper-iteration used", "not told",
        "best validation accuracy; the model on training and validation data", LAST, LAST,
    ),
    (
        "SLT", "ρ of each task on validation data",
        "a logistic model of each class, 50 values of ρ in [0, 0.1]", SLT, SLT,
    ),
    (
        "NMTL", "a, ρ learned", "a grid, chosen by training accuracy (code of April 2017)",
        "a, ρ by hypergradient", "a, ρ by hypergradient",
    ),
    (
        "HMTL-S", "Σ C ≤ R", "none", f"Σ C ≤ R = {DEFAULT.R:g}", f"Σ C ≤ R = {PAPER.R:g}",
    ),
)  # fmt: skip
