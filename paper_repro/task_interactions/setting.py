"""What a run of the experiment depends on, and the three sizes it comes in."""

from __future__ import annotations

from dataclasses import dataclass

from hgref.arguments import as_count
from paper_repro.preset import Preset


@dataclass(frozen=True)
class Setting(Preset):
    """Numbers of examples and steps, rates, and the bound R of HMTL-S on ΣC.

    source, features    see paper_repro.data.tasks
    train, valid, test  examples of each class
    seeds               random splits; each method sees the same ones
    T                   steps of momentum inside, at the rates `eta` and `mu`
    hyper_iterations    projected Adam steps on C and ρ, of size `outer_rate`
    R                   bound on the sum of C's entries in HMTL-S
    seed                the first of the splits' seeds
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

    @property
    def experiment(self) -> str:
        """The name of the results: those of the phones stand beside those of the pictures."""
        return "task-interactions-phones" if self.source == "phones" else "task-interactions"

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


# a minute or two on two cores; five examples of each class, as in the paper
DEFAULT = Setting(train=5, valid=5, test=290, seeds=40, T=200, hyper_iterations=60)

# steps and rates as the authors' code has them; it has five splits
PAPER = Setting(
    train=5, valid=5, test=500, seeds=30, T=3000, hyper_iterations=250, eta=0.01, mu=0.9
)

# seconds: to see that everything runs
SMALL = Setting(train=5, valid=5, test=40, seeds=3, T=40, hyper_iterations=8)

PRESETS = {"default": DEFAULT, "paper": PAPER, "small": SMALL}

# Fifty phones, a hundred examples of each in half an hour of speech. A gradient costs ten times
# that of ten classes, so there are fewer steps and splits; a task has five times the relations,
# so that each moves a fifth as far for their sum to move as far
OF_PHONES = {
    "default": DEFAULT.changed(source="phones", test=90, seeds=6, T=100, outer_rate=2e-4),
    "paper": PAPER.changed(source="phones", test=90, seeds=5, outer_rate=2e-4),
    "small": SMALL.changed(source="phones"),
}
