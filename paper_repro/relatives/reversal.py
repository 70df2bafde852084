"""The memory that reversible learning used, compared with theory."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from hgref import Hypergradient
from hgref.hypergradient.reversible import Reversible
from paper_repro.relatives.setting import Setting


def taken_back(setting: Setting, back: Reversible, reverse: Hypergradient) -> dict[str, Any]:
    """Numbers about `hgref.reversible`, which raises an error unless it recovers its states.

    back     its hypergradient
    reverse  the hypergradient by `hgref.reverse` on the same problem

    For 1/2 <= μ < 1 a product with μ loses one bit or none, on average 2(1−μ); the first one, with
    v_0 = 0, always loses one. "bits by chance" is the standard deviation of the mean if the other
    products were independent coin tosses.
    """
    p = back.s_T.size // 2
    products, bit = setting.T * p, 2 * (1 - setting.mu)
    bytes_of_bits = math.ceil(back.bits * products / 8)
    return {
        "bits": back.bits,
        "bits predicted": bit,
        "bits of the first step": (1 - bit) / setting.T,
        "bits by chance": math.sqrt(max(bit * (1 - bit), 0.0) / products),
        "least bits": math.log2(1 / setting.mu),
        "kept bytes": back.kept,
        "stored bytes": back.stored,
        "stored / kept": back.stored / back.kept,
        "checksums that agreed": (back.kept - bytes_of_bits) // 4,
        "distance to reverse": float(
            np.linalg.norm(back.grad - reverse.grad) / np.linalg.norm(reverse.grad)
        ),
    }
