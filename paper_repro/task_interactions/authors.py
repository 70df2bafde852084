"""The protocol of the authors' code, where it differs from what the paper tells.

The hyper-iteration is the one whose model classifies most validation examples correctly. Single
tasks are logistic models, one for each class, whose ρ comes from a grid. The final models are
trained on the training and validation examples.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

import hgref
from hgref.arguments import Array
from hgref.fast import cpu
from hgref.objectives import L2, Logistic
from hgref.outer import Minimization
from paper_repro.task_interactions.setting import Setting
from paper_repro.task_interactions.splits import Part, Split

GRID = np.linspace(0.0, 0.1, 50)  # values of ρ


class Singles(NamedTuple):
    """One logistic model for each of K classes.

    rho     (K,) the values whose models classify most validation examples correctly, each alone
    test    percentage of test examples whose class has the largest score, for the final models
    valid   the same for validation examples, for the models that have not seen them
    error   mean over the validation examples of the sum of the K logistic losses
    """

    test: float
    valid: float
    error: float
    rho: Array


def best(run: Minimization) -> Array:
    """The first λ_k of those whose model classifies most validation examples correctly."""
    return run.lam[np.argmax(run.records["validation accuracy"])]


def single_tasks(data: Split, setting: Setting) -> Singles:
    """SLT: for each class a logistic model with ρ ‖w‖², and ρ from the grid.

    Cost     51 trainings of T steps for each class
    Source   the authors' public code of April 2017
    """
    rho, scores = np.zeros(data.classes), []
    error, final = 0.0, []
    for k in range(data.classes):
        each = [trained(data.train, k, value, setting) for value in GRID]
        scored_by = [scored(data.valid, k, w) for w in each]
        right = [np.mean((z > 0) == (data.valid.y == k)) for z in scored_by]
        first = int(np.argmax(right))
        rho[k] = GRID[first]
        scores.append(scored_by[first])
        error += float(model(data.valid, k).value(setting.T, each[first], {}))
        final.append(scored(data.test, k, trained(data.joined, k, rho[k], setting)))
    return Singles(most(data.test, final), most(data.valid, scores), error, rho)


def model(part: Part, k: int) -> Logistic:
    return Logistic(part.X, (part.y == k).astype(int))


def trained(part: Part, k: int, rho: float, setting: Setting) -> Array:
    """The weights of the model of class k after T steps of momentum; the bias has no penalty."""
    N = part.X.shape[1]
    J = model(part, k) + L2(np.append(np.zeros(N, int), 1))
    problem = hgref.Problem(hgref.Momentum(J), model(part, k), setting.T)
    lam = problem.pack(eta=setting.eta, mu=setting.mu, l2=[2 * rho, 0.0])
    return cpu.last_state(problem, lam)[-problem.p :]


def scored(part: Part, k: int, w: Array) -> Array:
    """The score of class k for each example: above 0, the model says that it is of the class."""
    return model(part, k).predict(w)[:, 0]


def most(part: Part, scores: list[Array]) -> float:
    """Percentage of examples whose class has the largest score."""
    return 100 * float(np.mean(np.argmax(scores, axis=0) == part.y))
