"""The libraries that run the vectors, in the order of the table."""

from __future__ import annotations

from typing import NamedTuple

ADAPTERS = "paper_repro.peers.adapters"


class Library(NamedTuple):
    """One row of the table.

    title     its name in the table
    adapter   the module that runs a vector through it: hypergradient(pose) → Answer
    packages  the distributions that must be installed; their versions are recorded
    install   the command that installs them
    """

    title: str
    adapter: str
    packages: tuple[str, ...]
    install: str = 'python -m pip install -e ".[peers]"'


LIBRARIES: dict[str, Library] = {
    "torch-func": Library("torch.func", f"{ADAPTERS}.torch_func", ("torch",)),
    "torch-optim": Library("torch.optim", f"{ADAPTERS}.torch_optim", ("torch",)),
    "higher": Library("higher", f"{ADAPTERS}.higher", ("higher", "torch")),
    "torchopt": Library("TorchOpt", f"{ADAPTERS}.torchopt", ("torchopt", "torch")),
    "betty": Library(
        "Betty",
        f"{ADAPTERS}.betty",
        ("betty-ml", "torch"),
        "python -m pip install --ignore-requires-python betty-ml==0.2.1",
    ),
    "hypergrad": Library("hypergrad", f"{ADAPTERS}.hypergrad", ("hypergrad", "torch")),
    "optax": Library("optax", f"{ADAPTERS}.optax", ("optax", "jax")),
    "jaxopt": Library("jaxopt", f"{ADAPTERS}.jaxopt", ("jaxopt", "optax", "jax")),
    "autograd": Library("autograd", f"{ADAPTERS}.autograd", ("autograd",)),
}

# libraries that we examined but that have no row, and why
NOT_POSED = {
    "FAR-HO, RFHO, sparse-ho": "not on PyPI; the first two are written for TensorFlow 1",
    "BOML": "PyPI has pre-releases alone, for TensorFlow 1, which pip does not install here",
    "hypertorch": "PyPI has another package of this name, about hypergraphs; that of "
    "Grazzi et al. is not there",
    "learn2learn 0.2.0": "its one source archive does not compile under Python 3.11 or newer: "
    "longintrepr.h is missing",
    "gradhpo 0.1.3": "its algorithms (T1-T2, greedy, HyperDistill, first-order, one step) are "
    "approximations by design, none of them the gradient of T steps",
    "gradient-descent-the-ultimate-optimizer 1.0": "differentiates through one step by design: "
    "each step detaches weights and moments",
    "theseus-ai 0.2.3": "its inner problems are solved by Gauss-Newton and its like, none of which "
    "is the dynamics of a vector",
    "boat-torch 1.1.1": "wants NumPy below 2 beside the other libraries' 2; not installed here",
}
