"""The report's claims about the libraries, each with a script that demonstrates it.

A script uses only the library and NumPy, and judges by a closed form or by finite differences. It
exits with 1 if the library is wrong, and with 0 if it is right.
"""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path
from typing import Any, NamedTuple

SCRIPTS = Path(__file__).parent / "reproducers"
MOMENTA = ("momentum-*", "nesterov-*", "dampened-*")


class LibraryClaim(NamedTuple):
    """A claim about a library.

    library   its key in LIBRARIES
    right     whether the claim says that the library is right
    says      the claim, as a sentence
    explains  patterns of the vectors whose verdicts it explains
    verdicts  the verdicts that it explains on these vectors
    """

    library: str
    right: bool
    says: str
    explains: tuple[str, ...] = ()
    verdicts: tuple[str, ...] = ()


ZERO = "where a gradient is exactly 0, autodiff of √u gives 0 · ∞ = NaN; the step has a slope there"

CLAIMS: dict[str, LibraryClaim] = {
    "torch_func_zero_gradient": LibraryClaim(
        "torch-func",
        False,
        f"{ZERO}. The formula is the user's own: torch.func applies the chain rule to it",
        ("*-softmax",),
        ("NaN",),
    ),
    "torch_optim_sgd_momentum": LibraryClaim(
        "torch-optim",
        False,
        "SGD with momentum and differentiable=True copies the first gradient into its buffer "
        "detached: all that flows through it is lost",
        MOMENTA,
        ("wrong",),
    ),
    "torch_optim_sgd_rate": LibraryClaim(
        "torch-optim",
        False,
        "SGD with momentum and a tensor lr changes in place what autograd saved: no derivative by "
        "lr from the second step on",
        ("momentum-*", "dampened-*"),
        ("crashed",),
    ),
    "torch_optim_rms_rate": LibraryClaim(
        "torch-optim",
        False,
        "RMSprop and Adagrad document lr as a tensor, and hand it to addcdiv_, which takes a "
        "number: no derivative by lr",
        ("rmsprop-torch-*", "adagrad-torch-*"),
        ("crashed",),
    ),
    "torch_optim_zero_gradient": LibraryClaim("torch-optim", False, ZERO, ("*-softmax",), ("NaN",)),
    "torch_optim_adam": LibraryClaim(
        "torch-optim", True, "Adam's derivatives by lr and by both betas, given as tensors"
    ),
    "torch_optim_adam_float32": LibraryClaim(
        "torch-optim",
        False,
        "Adam with differentiable=True and betas as floats corrects the bias in float32, whatever "
        "the type of the weights",
    ),
    "higher_adam_beta2": LibraryClaim(
        "higher",
        False,
        "Adam takes math.sqrt of a tensor, which cuts the path from beta2 through the bias "
        "correction",
        ("adam-torch-*",),
        ("wrong",),
    ),
    "higher_adam_eps": LibraryClaim(
        "higher",
        False,
        "Adam's eps stands where TensorFlow 1 has it: other steps than the torch.optim.Adam that "
        "it was made from",
        ("adam-torch-*",),
        ("wrong",),
    ),
    "higher_zero_gradient": LibraryClaim(
        "higher", True, "Adam, RMSprop and Adagrad where a gradient is exactly 0: its mask works"
    ),
    "torchopt_adam_convention": LibraryClaim(
        "torchopt", True, "adam takes the steps of torch.optim.Adam, up to single precision"
    ),
    "torchopt_adam_float32": LibraryClaim(
        "torchopt",
        False,
        "adam and adamw correct the bias in float32, whatever the type of the weights, unless "
        "torch's default type is float64",
        ("adam-*", "adamw-*"),
        ("float32",),
    ),
    "torchopt_zero_gradient": LibraryClaim("torchopt", False, ZERO, ("*-softmax",), ("NaN",)),
    "torchopt_dampening": LibraryClaim(
        "torchopt",
        False,
        "sgd remembers outside its state that it has made a first step: used for a second "
        "training, it dampens the first gradient too",
    ),
    "betty_iterative": LibraryClaim(
        "betty",
        False,
        "IterativeProblem cannot be initialised: it reads the parameters from an optimizer that "
        "is patched already and has them no more",
        ("*",),
        ("crashed",),
    ),
    "betty_cg": LibraryClaim(
        "betty",
        False,
        "conjugate gradient takes its directions from the old residual (mended in the repository "
        "since, in no release): n iterations on a quadratic are not exact",
    ),
    "betty_cg_alpha": LibraryClaim(
        "betty",
        False,
        "conjugate gradient with cg_alpha other than 1 divides the step by it, but not the "
        "residual's: not exact even on a multiple of the identity, where cg_alpha = 1 is",
    ),
    "betty_neumann": LibraryClaim(
        "betty", True, "the Neumann series converges to the exact gradient"
    ),
    "hypergrad_sgd_momentum": LibraryClaim(
        "hypergrad",
        False,
        "diff_sgd with momentum copies the first gradient into its buffer detached, as torch does",
        MOMENTA,
        ("wrong",),
    ),
    "hypergrad_cg": LibraryClaim(
        "hypergrad",
        False,
        "conjugate_gradient takes its directions from the old residual: n iterations on a "
        "quadratic are not exact",
    ),
    "hypergrad_neumann": LibraryClaim(
        "hypergrad", True, "the Neumann series converges to the exact gradient"
    ),
    "optax_zero_gradient": LibraryClaim("optax", False, ZERO, ("*-softmax",), ("NaN",)),
    "optax_adagrad_zero_gradient": LibraryClaim(
        "optax",
        False,
        "adagrad from initial_accumulator_value = 0 has a where() whose slope at a gradient of 0 "
        "is 0, the step's is not",
    ),
    "jaxopt_zero_gradient": LibraryClaim("jaxopt", False, ZERO, ("*-softmax",), ("NaN",)),
    "jaxopt_unrolled": LibraryClaim(
        "jaxopt", True, "GradientDescent unrolled gives the gradient after T steps, not the limit's"
    ),
    "jaxopt_implicit": LibraryClaim(
        "jaxopt", True, "GradientDescent with implicit_diff, converged, gives the limit's gradient"
    ),
    "autograd_zero_gradient": LibraryClaim("autograd", False, ZERO, ("*-softmax",), ("NaN",)),
}


def reproducers_of(library: str, vector: str, verdict: str) -> list[str]:
    """The scripts that show why the library got this verdict on this vector."""
    return [
        name
        for name, claim in CLAIMS.items()
        if claim.library == library
        and verdict in claim.verdicts
        and any(fnmatch(vector, pattern) for pattern in claim.explains)
    ]


def verdict_of(claim: LibraryClaim) -> str:
    """The claim in one word: right, NaN or wrong."""
    if claim.right:
        return "right"
    return "NaN" if "NaN" in claim.verdicts else "wrong"


def said_by(found: dict[str, Any], name: str) -> bool:
    """Whether the script of this name ran and confirmed its claim."""
    return name in found and bool(found[name]["shown"])
