"""The problems that are timed: random data, with hyperparameters at which training converges.

The data are standard normal and labelled by a random linear model. The eigenvalues of the Hessian
are therefore of order one, and one step size suits problems of every size.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse

import hgref
from hgref.arguments import Array
from hgref.layout import Blocks, Layout
from hgref.objectives import L2, MLP, Softmax
from hgref.problem import Problem
from paper_repro.benchmark.setting import Seeded, Setting


@dataclass(frozen=True, eq=False)
class Case:
    """One hypergradient to compute.

    problem, lam  the problem, and the point λ of ∇f(λ)
    wrt           None: all of ∇f, by reverse; names: only these blocks, by forward
    """

    problem: Problem
    lam: Array
    wrt: tuple[str, ...] | None = None

    @property
    def blocks(self) -> Blocks:
        return self.problem.read(self.lam).lam

    def over(self, T: int) -> Case:
        """The same case with T steps; only for problems without mini-batches."""
        p = self.problem
        return replace(self, problem=Problem(p.dynamics, p.E, T, p.w0, p.learn_w0))

    @property
    def columns(self) -> Layout:
        """The layout of the blocks in the answer."""
        layout = self.problem.read(self.lam).layout
        return layout if self.wrt is None else layout.select(self.wrt)


class Labelled(NamedTuple):
    X: Any
    y: Array


def labelled(setting: Seeded, n: int, N: int, classes: int, seed: int = 0) -> Labelled:
    """n random examples with N features, labelled by a random linear model with noise."""
    model = np.random.default_rng((setting.seed, 0)).standard_normal((N, classes))
    random = np.random.default_rng((setting.seed, 1, seed))
    X = random.standard_normal((n, N))
    scores = X @ model / np.sqrt(N) + random.standard_normal((n, classes)) / 2
    return Labelled(X, scores.argmax(axis=1))


def two_sets(setting: Setting) -> tuple[Labelled, Labelled]:
    """Training and validation examples, equally many."""
    sizes = setting.examples, setting.features, setting.classes
    return labelled(setting, *sizes, 0), labelled(setting, *sizes, 1)


def thinned(setting: Setting, data: Labelled, seed: int) -> Labelled:
    """The same data with most entries set to zero, stored as CSR."""
    random = np.random.default_rng((setting.seed, 2, seed))
    kept = random.random(data.X.shape) < setting.density
    return data._replace(X=scipy.sparse.csr_matrix(data.X * kept))


# --- P1: REVERSE-HG, data hyper-cleaning ---


def cleaning(setting: Setting, train: Labelled, valid: Labelled, T: int) -> Case:
    """Softmax regression with a weight for each example, by gradient descent."""
    J = Softmax(*train, setting.classes, example_weights=True)
    E = Softmax(*valid, setting.classes)
    problem = Problem(hgref.GradientDescent(J), E, T)
    weights = np.random.default_rng((setting.seed, 3)).uniform(0.5, 1, len(train.y))
    return Case(problem, problem.pack(eta=0.5, weights=weights))


def cleaning_dense(setting: Setting) -> Case:
    return cleaning(setting, *two_sets(setting), setting.T)


def cleaning_long(setting: Setting) -> Case:
    """P1 with the number of steps at which memory is measured."""
    return cleaning(setting, *two_sets(setting), setting.memory_T)


def cleaning_sparse(setting: Setting) -> Case:
    train, valid = (thinned(setting, data, j) for j, data in enumerate(two_sets(setting)))
    return cleaning(setting, train, valid, setting.T)


# --- P2: FORWARD-HG on the same model ---


def rates(setting: Setting, wrt: tuple[str, ...] = ("eta", "mu")) -> Case:
    """Softmax regression by momentum, with a penalty on the weights of each class: m = 2."""
    train, valid = two_sets(setting)
    J, E = (Softmax(*data, setting.classes) for data in (train, valid))
    groups = np.tile(np.arange(setting.classes), (setting.features, 1)).T  # W, row by row
    penalty = L2(groups=np.concatenate([groups.ravel(), np.arange(setting.classes)]))
    problem = Problem(hgref.Momentum(J + penalty), E, setting.forward_T)
    l2 = np.geomspace(1e-3, 1e-2, setting.classes)
    return Case(problem, problem.pack(eta=0.2, mu=0.8, l2=l2), wrt)


def rates_and_penalties(setting: Setting) -> Case:
    """The same problem, differentiated also with respect to the penalties: m = 2 + classes."""
    return rates(setting, ("eta", "mu", "l2"))


# --- P3: little data, many steps ---


def small(setting: Setting, wrt: tuple[str, ...] | None = None) -> Case:
    """Softmax regression by Adam on little data, with a weight for each example.

    η is small, so that training has not converged at the end. After convergence nothing depends on
    the rates any more, and their hypergradients would be too close to 0 to compare.
    """
    sizes = setting.few_examples, setting.few_features, setting.few_classes
    train, valid = (labelled(setting, *sizes, j) for j in range(2))
    J = Softmax(*train, setting.few_classes, example_weights=True)
    E = Softmax(*valid, setting.few_classes)
    problem = Problem(hgref.Adam(J, convention="torch"), E, setting.few_T)
    weights = np.random.default_rng((setting.seed, 3)).uniform(0.5, 1, len(train.y))
    lam = problem.pack(eta=0.001, beta1=0.9, beta2=0.99, eps=1e-4, weights=weights)
    return Case(problem, lam, wrt)


def small_forward(setting: Setting) -> Case:
    return small(setting, ("eta", "beta1", "beta2", "eps"))


# --- P4: a network on mini-batches ---


def network(setting: Setting) -> Case:
    """A perceptron with one hidden layer, by momentum; λ is its penalty and its rates."""
    train, valid = two_sets(setting)
    random = np.random.default_rng((setting.seed, 4))
    table = random.integers(0, setting.examples, (setting.network_T, setting.batch))
    shape: dict[str, Any] = {"hidden": [setting.hidden], "classes": setting.classes}
    J = MLP(*train, **shape, batches=table)
    problem = Problem(
        hgref.Momentum(J + L2()), MLP(*valid, **shape), setting.network_T, J.start(setting.seed)
    )
    return Case(problem, problem.pack(eta=0.05, mu=0.9, l2=1e-3))


# --- all of them ---


class Timed(NamedTuple):
    """A problem of the benchmark: its title, its precisions, its contenders besides `fast`."""

    title: str
    build: Callable[[Setting], Case]
    dtypes: tuple[str, ...]
    others: tuple[str, ...]
    threads: int | None = None  # None: as many as the benchmark uses

    def names(self, peers: bool) -> list[str]:
        """Its contenders, `fast` first; with or without the peers."""
        return ["fast", *(name for name in self.others if peers or own(name))]


def own(name: str) -> bool:
    """Whether a contender needs neither JAX nor torch."""
    return name.split()[0] not in ("jax", "torch")


BOTH, PEERS = ("float64", "float32"), ("jax", "torch")
PRODUCTS = ("products whole", "products in blocks")

PROBLEMS = {
    "P1 dense": Timed(
        "reverse: hyper-cleaning, dense", cleaning_dense, BOTH,
        ("jax", "jax checkpointed", "torch", "readable", *PRODUCTS),
    ),
    "P1 sparse": Timed(
        "reverse: hyper-cleaning, sparse", cleaning_sparse, BOTH, (*PEERS, "readable")
    ),
    "P2 rates": Timed("forward: two rates", rates, BOTH[:1], (*PEERS, "readable")),
    "P2 penalties": Timed(
        "forward: rates and penalties", rates_and_penalties, BOTH[:1], (*PEERS, "readable")
    ),
    "P3 reverse": Timed("reverse: small, Adam", small, BOTH[:1], (*PEERS, "readable"), threads=1),
    "P3 forward": Timed(
        "forward: small, Adam", small_forward, BOTH[:1], (*PEERS, "readable"), threads=1
    ),
    "P4": Timed("reverse: network, batches", network, BOTH, (*PEERS, "readable")),
}  # fmt: skip
