"""The data hyper-cleaner, and the final models by which the methods are compared."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import scipy.sparse

import hgref
from hgref.arguments import Array
from hgref.constraints import Box, CappedBox, Product
from hgref.fast import cpu
from hgref.objectives import Softmax
from hgref.outer import Adam, Minimization, minimize
from paper_repro.data.images import CLASSES
from paper_repro.hyper_cleaning.corruption import Corrupted, Part
from paper_repro.hyper_cleaning.setting import Setting
from paper_repro.layer import layer_of


def clean(
    data: Corrupted,
    setting: Setting,
    R: float,
    file: Path | None = None,
    progress: Callable[[Iterable[int]], Iterable[int]] | None = None,
) -> Minimization:
    """DH-R: min E_val(w_T) over λ in Λ = {0 ≤ λ_i ≤ 1, Σλ_i ≤ R}, by REVERSE-HG.  eq. (PHO)

    data      D_tr with its wrong labels, D_val
    R         bound on Σλ; λ starts at R/n, and η = rate · n / R makes the mean rate `rate`
    file      where the run is saved, and from which it continues; None: it is not saved
    progress  wraps the hyper-iterations
    returns   the path of λ (η is fixed), with the accuracies of w_T along it
    Cost      hyper_iterations times T steps forward and backward
    Source    Franceschi et al. 2017, section 5.1; start and η: the authors' public code
    """
    problem = cleaning_problem(data, setting)
    eta = setting.rate * setting.train / R
    constraints = Product(eta=Box(eta, eta), weights=CappedBox(R))  # the first box fixes η

    def judge(k: int, lam: Array, g: hgref.Hypergradient) -> dict[str, float]:
        return {
            "validation accuracy": accuracy(data, data.valid, g.s_T),
            "test accuracy": accuracy(data, data.test, g.s_T),
        }

    return minimize(
        problem,
        problem.pack(eta=eta, weights=np.full(setting.train, R / setting.train)),
        hypergradient=reverse_of(setting),
        outer=Adam(setting.outer_rate),
        project=constraints.project,
        iterations=setting.hyper_iterations,
        callback=judge,
        file=file,
        progress=progress,
    )


def reverse_of(setting: Setting) -> Callable[..., hgref.Hypergradient]:
    """REVERSE-HG in the layer of the setting."""
    reverse = layer_of(setting.layer).reverse
    real = {} if setting.layer == "readable" else {"dtype": setting.dtype}
    tape = {"recompute": False} if setting.layer == "cpu" else {}
    return functools.partial(reverse, **real, **tape)


def cleaning_problem(data: Corrupted, setting: Setting) -> hgref.Problem:
    """Gradient descent on the weighted training error; E is the validation error."""
    J = softmax(data, data.train, example_weights=True, sparse=setting.layer == "cpu")
    return hgref.Problem(hgref.GradientDescent(J), softmax(data, data.valid), setting.T)


def last_state(data: Corrupted, setting: Setting, lam: Array) -> Array:
    """w_T(λ), (p,)."""
    return trained(cleaning_problem(data, setting), lam, setting)


def discarded(setting: Setting, weights: Array) -> Array:
    """Which examples have λ_i < `discard_below` and count as discarded."""
    return weights < setting.discard_below


def final_model(data: Corrupted, setting: Setting, weights: Array) -> Array:
    """w (p,) of a softmax regression on D_tr, weighted by λ, together with D_val.

    weights  (n,) λ; examples with weight 0 are left out, those of D_val get the largest weight
    Source   the authors' public code; trained for `final_steps` at the mean rate `rate`
    """
    kept = weights > 0
    both = Part(
        np.concatenate([data.train.X[kept], data.valid.X]),
        np.concatenate([data.train.y[kept], data.valid.y]),
    )
    weights = np.concatenate([weights[kept], np.full(setting.valid, weights.max())])
    J = softmax(data, both, example_weights=True, sparse=setting.layer != "readable")
    problem = hgref.Problem(hgref.GradientDescent(J), J, setting.final_steps)
    eta = setting.rate * len(weights) / weights.sum()
    return trained(problem, problem.pack(eta=eta, weights=weights), setting)


def trained(problem: hgref.Problem, lam: Array, setting: Setting) -> Array:
    """w_T(λ), (p,)."""
    if setting.layer != "readable":
        return cpu.last_state(problem, lam, dtype=setting.dtype)
    for s in problem.states(problem.unpack(lam)):  # noqa: B007 - s is used after the loop
        pass
    return s


def accuracy(data: Corrupted, part: Part, w: Array) -> float:
    """Percentage of a part that the model w (p,) classifies correctly."""
    prediction = softmax(data, part).predict(w).argmax(axis=1)
    return 100 * float(np.count_nonzero(prediction == part.y)) / len(part.y)


def softmax(
    data: Corrupted, part: Part, example_weights: bool = False, sparse: bool = False
) -> Softmax:
    """The model on a part; with sparse=True hgref.fast.cpu skips blank pixels, four in five."""
    X = scipy.sparse.csr_matrix(part.X) if sparse else part.X
    return Softmax(X, part.y, CLASSES, example_weights=example_weights, centre=data.mean)
