"""What differs between the paper, the authors' code, and the presets of this experiment."""

from __future__ import annotations

from paper_repro.hyper_cleaning.setting import DEFAULT, PAPER, Setting
from paper_repro.table import Rows


def sizes(s: Setting) -> str:
    return f"{s.train}, {s.valid}, {s.test}"


def bounds(s: Setting) -> str:
    return ", ".join(f"{R:g}" for R in s.R)


def pixels(s: Setting) -> str:
    return "the mean image is subtracted" if s.centred else "as they are"


DEVIATIONS: Rows = (
    ("setting", "paper", "authors' code", "here", "--paper"),
    (
        "images", "MNIST", "MNIST", "5000 digits of MNIST, which all seeds share",
        "MNIST, or Fashion-MNIST where there is none",
    ),
    (
        "training, validation, test examples", "5000, 5000, 10000", "5000, 5000, 10000",
        sizes(DEFAULT), sizes(PAPER),
    ),
    ("pixels", "as they are", "as they are", pixels(DEFAULT), pixels(PAPER)),
    ("steps T", "4000", "500, 1000, 2000, 4000", f"{DEFAULT.T}", f"{PAPER.T}"),
    (
        "hyper-iterations", "500", "30, 500, 2000",
        f"{DEFAULT.hyper_iterations}", f"{PAPER.hyper_iterations}",
    ),
    (
        "rate of Adam on λ", "not told", "0.005, 0.01",
        f"{DEFAULT.outer_rate:g}", f"{PAPER.outer_rate:g}",
    ),
    ("η", "not told", "0.1 N_tr / R", "0.1 N_tr / R", "0.1 N_tr / R"),
    ("R", "1000, 1500, 2000, 2500", "the same", bounds(DEFAULT), bounds(PAPER)),
    ("discarded if", "not told", "λ < 0.001", "λ < 0.001", "λ < 0.001"),
    (
        "final model", "on D_tr weighted by λ, and D_val", "the same, D_val with weight max λ",
        f"the same, {DEFAULT.final_steps} steps", f"the same, {PAPER.final_steps} steps",
    ),
    (
        "stops", "after the hyper-iterations", "after the hyper-iterations",
        "after the hyper-iterations", "after the hyper-iterations",
    ),
)  # fmt: skip
