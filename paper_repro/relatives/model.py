"""The problem on which all methods are compared."""

from __future__ import annotations

import numpy as np

from hgref import GradientDescent, Momentum, Problem
from hgref.arguments import Array
from hgref.objectives import L2, Softmax
from hgref.objectives.objective import Objective
from paper_repro.benchmark.problems import labelled
from paper_repro.relatives.setting import Setting

SOURCE = "random numbers, labelled by a random linear model"


def training(setting: Setting) -> Objective:
    """J: softmax regression on few examples, each with a weight, and a penalty."""
    return softmax(setting, setting.examples, 0, example_weights=True) + L2()


def softmax(setting: Setting, n: int, number: int, **options: bool) -> Softmax:
    data = labelled(setting, n, setting.features, setting.classes, number)
    return Softmax(*data, setting.classes, **options)


def momentum(setting: Setting, J: Objective, eta: float, T: int) -> tuple[Problem, Array]:
    """(problem, λ) of T steps of momentum."""
    return posed(setting, Momentum(J), T, eta=eta, mu=setting.mu)


def descent(setting: Setting, J: Objective, eta: float, T: int) -> tuple[Problem, Array]:
    """(problem, λ) of T steps of gradient descent."""
    return posed(setting, GradientDescent(J), T, eta=eta)


def posed(
    setting: Setting, dynamics: GradientDescent | Momentum, T: int, **rates: float
) -> tuple[Problem, Array]:
    E = softmax(setting, setting.validation, 1)
    w0 = setting.w0 * np.random.default_rng((setting.seed, 4)).standard_normal(E.p)
    problem = Problem(dynamics, E, T, w0)
    weights = np.ones(setting.examples)
    return problem, problem.pack(**rates, weights=weights, l2=setting.l2)
