"""What differs between the paper, the authors' code, and the presets of this experiment."""

from __future__ import annotations

from paper_repro.phones.setting import DEFAULT, PAPER, Setting
from paper_repro.table import Rows


def net(s: Setting) -> str:
    return f"{len(s.hidden)} × {s.hidden[0]}"


SUM = "½ ‖·‖², a sum over the outputs: q times stronger"
LINEAR = "none"

ROWS: Rows = (
    (
        "speech", "TIMIT", "TIMIT", f"generated, {DEFAULT.minutes:g} minutes",
        "TIMIT or LibriSpeech where --data-dir has it, else generated",
    ),
    ("hidden layers", "4 × 2000", "4 × 2000, 4 × 400", net(DEFAULT), net(PAPER)),
    ("frames of context", "a window", "not in the code", f"{DEFAULT.context}", f"{PAPER.context}"),
    ("Δ", "200", "not in the code", f"{DEFAULT.every}", f"{PAPER.every}"),
    ("steps at most", "until it stops", "until it stops", f"{DEFAULT.T}", f"{PAPER.T}"),
    ("frames of a batch", "not told", "not in the code", f"{DEFAULT.batch}", f"{PAPER.batch}"),
    ("validation frames", "not told", "100000", f"{DEFAULT.valid}", f"{PAPER.valid}"),
    (
        "secondary target", "phone embedding of Badino, 300", "the same",
        f"PCA of phone windows, {DEFAULT.q}", f"PCA of phone windows, {PAPER.q}",
    ),
    ("secondary error", "squared", "½, a mean over frames and outputs", SUM, SUM),
    ("last layer of the second head", "not told", "rectified", LINEAR, LINEAR),
    (
        "η, μ, ρ of Vanilla; start of RTHO", "0.075, 0.5, 0", "the same",
        f"{DEFAULT.eta:g}, {DEFAULT.mu:g}, 0", f"{PAPER.eta:g}, {PAPER.mu:g}, 0",
    ),
    (
        "rate of Adam on λ", "not told", "0.005", f"{DEFAULT.outer_rate:g}",
        f"{PAPER.outer_rate:g}",
    ),
    (
        "early stop", "on validation accuracy", "every 200 updates, patience 10, 1 %",
        f"every {DEFAULT.every} steps, patience {DEFAULT.patience}, 1 %",
        f"every {PAPER.every} steps, patience {PAPER.patience}, 1 %",
    ),
    (
        "time of RS", "300 minutes, 1.8 times RTHO", "18000 s",
        f"{DEFAULT.budget:.3g} times RTHO", f"{PAPER.budget:.3g} times RTHO",
    ),
    ("weights of RTHO", "not told", "not known", "the last look", "the last look"),
)  # fmt: skip

# --authors is as here, but for this
AUTHORS = {
    "secondary error": "the same, in the unit of the authors' ρ: Adam's steps of it over q",
    "last layer of the second head": "rectified; but the targets here are below 0, too",
}
DEVIATIONS: Rows = (
    ("setting", "paper", "authors' code", "here", "--paper", "--authors"),
    *((*row, AUTHORS.get(row[0], row[3])) for row in ROWS),
)
