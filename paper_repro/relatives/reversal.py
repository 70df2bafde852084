"""What it took to run the training backwards, beside what theory says."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from hgref import Hypergradient
from hgref.hypergradient.reversible import Reversible
from paper_repro.relatives.setting import Setting


def taken_back(setting: Setting, back: Reversible, reverse: Hypergradient) -> dict[str, Any]:
    """Numbers of `hgref.reversible`, which has raised an error unless its states were recovered.

    back     its hypergradient
    reverse  that of `hgref.reverse` on the same problem

    A product forgets one bit or none, as for 1/2 <= μ < 1: with 2(1−μ) in the mean, and the first
    step's product with v_0 = 0 always one. By chance: the standard deviation of that mean, were
    the others tosses of a coin.
    """
    p = back.s_T.size // 2
    products, bit = setting.T * p, 2 * (1 - setting.mu)
    bits = math.ceil(back.bits * products / 8)  # bytes of them
    return {
        "bits": back.bits,
        "bits predicted": bit,
        "bits of the first step": (1 - bit) / setting.T,
        "bits by chance": math.sqrt(max(bit * (1 - bit), 0.0) / products),
        "least bits": math.log2(1 / setting.mu),
        "kept bytes": back.kept,
        "stored bytes": back.stored,
        "stored / kept": back.stored / back.kept,
        "checksums that agreed": (back.kept - bits) // 4,
        "distance to reverse": float(
            np.linalg.norm(back.grad - reverse.grad) / np.linalg.norm(reverse.grad)
        ),
    }
