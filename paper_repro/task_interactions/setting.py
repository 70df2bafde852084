"""The setting of the experiment, and its presets."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from hgref.arguments import as_count
from paper_repro.preset import Preset


@dataclass(frozen=True)
class Setting(Preset):
    """Numbers of examples and steps, rates, and the bound R of HMTL-S on ΣC.

    source, features    see paper_repro.data.tasks
    train, valid, test  numbers of examples of each class
    seeds               number of random splits, which are the same for all methods
    T                   steps of the inner training by momentum, with `eta` and `mu`
    hyper_iterations    projected Adam steps on C and ρ, of size `outer_rate`
    R                   bound on the sum of C's entries in HMTL-S
    seed                of the first split
    authors             the protocol of the authors' code; see authors.py
    converged           whether the hyper-iterations are many, which names the results apart
    """

    train: int
    valid: int
    test: int
    seeds: int
    T: int
    hyper_iterations: int
    eta: float = 0.05
    mu: float = 0.9
    outer_rate: float = 1e-3
    R: float = 0.1
    source: str = "auto"
    features: str = "auto"
    seed: int = 0
    authors: bool = False
    converged: bool = False

    @property
    def experiment(self) -> str:
        """The name of the results; a source that was asked for is a part of it."""
        asked = re.sub(r"[^a-z0-9]+", "-", Path(self.source).stem.lower())
        name = "task-interactions" + "-authors" * self.authors + "-converged" * self.converged
        return name if asked == "auto" else f"{name}-{asked}"

    @property
    def per_class(self) -> int:
        return self.train + self.valid + self.test

    def checked(self) -> Setting:
        as_count("seed", self.seed, 0)
        as_count("seeds", self.seeds, 2)
        for name in ("train", "valid", "test", "T", "hyper_iterations"):
            as_count(name, getattr(self, name), 1)
        if not self.R > 0:
            raise ValueError(f"R: expected a number above 0, found {self.R:g}")
        return self


# takes a minute or two on two cores; five examples of each class, as in the paper
DEFAULT = Setting(train=5, valid=5, test=290, seeds=40, T=200, hyper_iterations=60)

# steps and rates from the authors' code, which has five splits; the digits have 500 of each class
PAPER = Setting(
    train=5, valid=5, test=490, seeds=30, T=3000, hyper_iterations=250, eta=0.01, mu=0.9
)

# five splits, and the protocol of the authors' code
AUTHORS = PAPER.changed(seeds=5, authors=True)

# until E_val of HMTL no longer falls, on most splits
CONVERGED = DEFAULT.changed(seeds=20, hyper_iterations=1000, converged=True)

# takes seconds, to check that everything runs
SMALL = Setting(train=5, valid=5, test=40, seeds=3, T=40, hyper_iterations=8)

PRESETS = {
    "default": DEFAULT,
    "paper": PAPER,
    "authors": AUTHORS,
    "converged": CONVERGED,
    "small": SMALL,
}

# Fifty phones, with a hundred examples of each in half an hour of speech. A gradient costs ten
# times as much as with ten classes, so there are fewer steps and splits. A task has five times as
# many relations, so `outer_rate` is a fifth, and their sum moves equally far.
OF_PHONES = {
    "default": DEFAULT.changed(source="phones", test=90, seeds=6, T=100, outer_rate=2e-4),
    "paper": PAPER.changed(source="phones", test=90, seeds=5, outer_rate=2e-4),
    "authors": AUTHORS.changed(source="phones", test=90, outer_rate=2e-4),
    "converged": CONVERGED.changed(source="phones", test=90, seeds=6, T=100, outer_rate=2e-4),
    "small": SMALL.changed(source="phones"),
}
