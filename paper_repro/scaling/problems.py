"""The problems of this experiment."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

import hgref
from hgref.objectives import L2, MLP, Softmax
from hgref.problem import Problem
from paper_repro.benchmark.problems import Case, Labelled, labelled
from paper_repro.scaling.setting import Setting


class Posed(NamedTuple):
    """A problem, and the budget of its plan; forward carries the columns of `case.wrt`."""

    name: str
    case: Case
    budget: str


def problems(setting: Setting) -> list[Posed]:
    """The three of them."""
    sizes = setting.examples, setting.features, setting.classes
    train, valid = (labelled(setting, *sizes, j) for j in range(2))
    made = {
        "a weight for each example": weights,
        "penalties": penalties,
        "a network": network,
    }
    each = zip(made.items(), setting.budgets, strict=True)
    return [Posed(name, pose(setting, train, valid), budget) for (name, pose), budget in each]


def weights(setting: Setting, train: Labelled, valid: Labelled) -> Case:
    """Hyper-cleaning: gradient descent, a weight for each example; forward has η alone."""
    J, E = Softmax(*train, setting.classes, example_weights=True), Softmax(*valid, setting.classes)
    problem = Problem(hgref.GradientDescent(J), E, setting.T)
    return Case(problem, problem.pack(eta=0.5, weights=np.ones(setting.examples)), ("eta",))


def penalties(setting: Setting, train: Labelled, valid: Labelled) -> Case:
    """The model of hyper-cleaning by gradient descent: η, and a penalty for each stripe of X."""
    J, E = (Softmax(*data, setting.classes) for data in (train, valid))
    last = setting.penalties - 1
    stripes = np.tile(np.arange(setting.features) * last // setting.features, setting.classes)
    groups = np.concatenate([stripes, np.full(setting.classes, last)])  # W row by row, then b
    problem = Problem(hgref.GradientDescent(J + L2(groups)), E, setting.T)
    l2 = np.geomspace(1e-3, 1e-2, setting.penalties)
    return Case(problem, problem.pack(eta=0.5, l2=l2), ("eta", "l2"))


def network(setting: Setting, train: Labelled, valid: Labelled) -> Case:
    """A hidden layer, by momentum on mini-batches: m = 3."""
    rng = np.random.default_rng((setting.seed, 4))
    table = rng.integers(0, setting.examples, (setting.network_T, setting.batch))
    shape: dict[str, Any] = {"hidden": [setting.hidden], "classes": setting.classes}
    J, E = MLP(*train, **shape, batches=table), MLP(*valid, **shape)
    dynamics = hgref.Momentum(J + L2())
    problem = Problem(dynamics, E, setting.network_T, J.start(setting.seed))
    return Case(problem, problem.pack(eta=0.05, mu=0.9, l2=1e-3), ("eta", "mu", "l2"))
