"""Mistakes in the validation error: its terms, its data, the weights at which it is taken."""

from __future__ import annotations

import functools

import numpy as np

from hgref.arguments import Array
from hgref.objectives.data_loss import DataLoss
from hgref.objectives.objective import Sum
from hgref.objectives.penalties import L2
from hgref.verify.mistakes.batches import on_table
from hgref.verify.mistakes.computation import Computation, Wrongs, only
from hgref.verify.mistakes.edits import Scaled, data_losses, leaves
from hgref.verify.mistakes.loss import size, split_penalties
from hgref.verify.mistakes.mistake import Mistake


def penalty_in_E(base: Computation) -> Wrongs:
    penalties = [term for term in leaves(base.J) if isinstance(term, L2)]
    if penalties and not split_penalties(base.run.E)[1]:
        yield "", base.training(E=Sum(base.run.E, *penalties))
    rest = [term for term in base.run.E.terms() if not isinstance(term, L2)]
    if rest and len(rest) < len(list(base.run.E.terms())):
        yield "left out, where E has it", base.training(E=Sum(*rest))


def error_on_training_data(base: Computation) -> Wrongs:
    """On it alone, or on both sets together: their sum, their mean, or all examples pooled."""
    terms = data_losses(base.J)
    E = base.run.E
    if len(terms) != 1:
        return
    plain = on_table(terms[0], None)  # all of the data
    plain.example_weights = False
    yield "", base.training(E=plain)
    shares = {"both, added": (1.0, 1.0), "the mean of both": (0.5, 0.5)}
    if isinstance(E, DataLoss):
        n, nv = plain.features.n, size(E)
        shares["both sets pooled"] = (nv / (n + nv), n / (n + nv))
    for variant, (c, d) in shares.items():
        both = base.training(E=Sum(Scaled(E, c), Scaled(plain, d)))
        yield variant, both.changed(alone=True)
    if terms[0].features.batches is None:
        yield "both, added, with the penalty", base.training(E=Sum(E, base.J)).changed(alone=True)


# --- the weights at which E is taken ---


def averaged_weights(base: Computation) -> Wrongs:
    yield "the mean of w_1 … w_T", base.evaluating(lambda T: np.append(0.0, np.full(T, 1 / T)))
    yield "the mean of w_0 … w_T", base.evaluating(lambda T: np.full(T + 1, 1 / (T + 1)))
    for beta in decays(base):
        moving = functools.partial(moving_mean, beta)
        moved = base.evaluating(moving).changed(alone=True)
        yield f"a moving mean from w_0, {beta:.6g}", moved


def decays(base: Computation) -> list[float]:
    """The β with which a moving mean gives the target's derivative along one direction."""
    along = base.shared.along(base.run)
    if along is None:
        return [0.9, 0.99]
    if sum(np.size(block) for block in along.target.values()) < 2:
        return []  # one number would fit any other
    from scipy.optimize import brentq  # only where it is needed: an import of seconds

    off = lambda beta: along.off(moving_mean(beta, base.run.T))  # noqa: E731
    grid = 1 - np.logspace(0, -4, 80)[1:]
    signs = np.sign([off(beta) for beta in grid])
    between = np.flatnonzero(signs[1:] * signs[:-1] < 0)
    return [float(brentq(off, grid[j], grid[j + 1], xtol=1e-15)) for j in between]


def moving_mean(beta: float, T: int) -> Array:
    """The shares of w̄_T = β w̄_{T-1} + (1 − β) w_T, w̄_0 = w_0."""
    shares = (1 - beta) * beta ** np.arange(T, -1.0, -1.0)
    shares[0] = beta**T
    return shares


def stale_error(base: Computation) -> Wrongs:
    yield "", base.changed(error=lambda T: only(T - 1, T))


ERROR = [
    Mistake(
        "penalty-in-E",
        "the training penalty was added to the validation error as well, or the reverse",
        "E depends on λ directly, and on w once more",
        "one loss function used for both",
        penalty_in_E,
    ),
    Mistake(
        "E-on-training-data",
        "the validation error was computed on the training data",
        "the gradient is that of the training loss",
        "swapped arguments",
        error_on_training_data,
    ),
    Mistake(
        "averaged-weights",
        "the validation error was taken at averaged weights",
        "all late steps act on it directly, not the last alone",
        "Polyak averages, exponential moving averages, stochastic weight averaging",
        averaged_weights,
    ),
    Mistake(
        "stale-error-gradient",
        "∇E was taken at s_{T-1}, before the last step",
        "α_T belongs to another state than the one that is evaluated",
        "a validation gradient that was computed before the last update",
        stale_error,
    ),
]
