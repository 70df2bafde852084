"""The perceptron on coarse digits as a training problem, and f at a point of the plane."""

from __future__ import annotations

import numpy as np

import hgref
from hgref.arguments import Array
from hgref.fast import cpu
from hgref.objectives import L2, MLP
from hgref.problem import Problem
from paper_repro.data.images import CLASSES, Images
from paper_repro.surface.setting import Point, Setting


def training_problem(images: Images, setting: Setting) -> Problem:
    """Gradient descent on a penalised perceptron; E is the validation error without the penalty.

    returns  a problem with two hyperparameters, eta and l2
    Raises   ValueError if there are fewer images than the setting needs
    """
    needed = setting.train + setting.valid
    if len(images.y) < needed:
        raise ValueError(
            f"{images.name}: expected at least {needed} images ({setting.train} training, "
            f"{setting.valid} validation), found {len(images.y)}"
        )
    order = np.random.default_rng(setting.seed).permutation(len(images.y))
    train, valid = order[: setting.train], order[setting.train : needed]
    X, y = coarse(images, setting.side) / 255, images.y
    centre = X[train].mean(axis=0)
    J, E = (
        MLP(X[rows], y[rows], (setting.hidden,), classes=CLASSES, centre=centre)
        for rows in (train, valid)
    )
    return Problem(hgref.GradientDescent(J + L2()), E, setting.T, J.start(setting.seed))


def coarse(images: Images, side: int) -> Array:
    """Average squares of pixels, and crop pixels at the edges that fill no square; (n, side²).

    side     pixels per side afterwards; smaller images are not changed
    """
    block = block_of(images, side)
    kept = images.side // block
    X = images.X.reshape(-1, images.side, images.side)[:, : kept * block, : kept * block]
    return X.reshape(-1, kept, block, kept, block).mean(axis=(2, 4)).reshape(len(X), -1)


def block_of(images: Images, side: int) -> int:
    """The side of the squares that are averaged to one pixel."""
    return max(1, images.side // side)


def lam_at(problem: Problem, point: Point) -> Array:
    """λ at a point of the plane."""
    return problem.pack(l2=10.0 ** point[0], eta=10.0 ** point[1])


def f_or_nan(problem: Problem, point: Point) -> float:
    """f(λ) at a point of the plane; NaN where training diverges."""
    return value(problem, lam_at(problem, point))


def value(problem: Problem, lam: Array) -> float:
    """f(λ); NaN where training diverges."""
    try:
        s_T = cpu.last_state(problem, lam)
        return float(problem.error(problem.T, s_T, problem.unpack(lam)))
    except hgref.Diverged:
        return float("nan")
