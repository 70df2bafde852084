"""The setting of the experiment, and its presets."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hgref.arguments import as_count
from paper_repro.preset import Preset


@dataclass(frozen=True)
class Setting(Preset):
    """Numbers of examples and steps, rates, and the bounds R on Σλ.

    train, valid, test  numbers of examples; half of the training labels are made wrong
    T                   steps of the inner gradient descent, at the mean rate `rate`:
                        η = rate · n / R
    hyper_iterations    projected Adam steps on λ, of size `outer_rate`
    final_steps         training steps of each method's final model
    R                   bounds on Σλ, one run each; Figure 1 shows the first run
    seed                of the split, the wrong labels and the pictures
    discard_below       an example with a smaller λ_i counts as discarded
    centred             whether the models subtract the mean image; in the paper they do not
    images              source of the images, see paper_repro.data.images
    layer               of hgref, for the hypergradients: readable, cpu or cuda; the final models
                        are trained on the processor either way
    dtype               of the products with the pixels: float64, or float32 in the fast layers
    """

    train: int
    valid: int
    test: int
    T: int
    hyper_iterations: int
    outer_rate: float
    final_steps: int
    R: tuple[float, ...]
    rate: float = 0.1
    seed: int = 0
    discard_below: float = 1e-3
    centred: bool = True
    images: str = "auto"
    layer: str = "cpu"
    dtype: str = "float64"

    @property
    def needed(self) -> int:
        return self.train + self.valid + self.test

    def key(self, source: str) -> str:
        """The same for all R: each has a file of its own, so that they may be run one by one."""
        return Preset.key(replace(self, R=()), source)

    def checked(self) -> Setting:
        as_count("seed", self.seed, 0)
        for name in ("train", "valid", "test", "T", "hyper_iterations", "final_steps"):
            as_count(name, getattr(self, name), 1)
        for R in self.R:
            if not 0 < R <= self.train:
                raise ValueError(f"R: expected a number in (0, {self.train}], found {R:g}")
        if len(set(self.R)) < len(self.R) or not self.R:
            raise ValueError(f"R: expected different numbers, found {list(self.R)}")
        if self.layer == "readable" and self.dtype != "float64":
            raise ValueError(f"dtype: expected float64 with --layer readable, found {self.dtype}")
        return self


# takes minutes on two cores; as in the paper, R is 20, 30, 40 and 50 % of the training examples
DEFAULT = Setting(
    train=1500,
    valid=1500,
    test=2000,
    T=100,
    hyper_iterations=50,
    outer_rate=0.05,
    final_steps=2000,
    R=(300, 450, 600, 750),
)

# the paper's sizes; Adam's rate and the number of hyper-iterations from the authors' code
PAPER = Setting(
    train=5000,
    valid=5000,
    test=10000,
    T=4000,
    hyper_iterations=500,
    outer_rate=0.005,
    final_steps=4000,
    R=(1000, 1500, 2000, 2500),
    centred=False,
)

# takes seconds, to check that everything runs
SMALL = Setting(
    train=200,
    valid=200,
    test=400,
    T=30,
    hyper_iterations=12,
    outer_rate=0.1,
    final_steps=200,
    R=(60, 100),
)

PRESETS = {"default": DEFAULT, "paper": PAPER, "small": SMALL}
