"""Steps of λ in logarithmic coordinates, with a record of the gradients."""

from __future__ import annotations

import numpy as np

from hgref.arguments import Array
from hgref.descent import Descent


class StepsInLog10:
    """Apply an update rule to log10 λ instead of λ, and record the gradients.

        ∂f/∂log10 λ_i = ln 10 · λ_i · ∂f/∂λ_i

    rule     the rule that updates log10 λ, such as outer.GradientDescent(0.3)
    longest  longer steps are shortened to this length, in the same direction
    grads    the gradients with respect to log10 λ so far, (m,) each
    Raises   as the rule does
    Cost     O(m)
    Beware   λ must be positive; use a new object for each run, as `grads` accumulates
    Source   the chain rule
    """

    def __init__(self, rule: Descent, longest: float = np.inf):
        self.rule, self.longest = rule, longest
        self.grads: list[Array] = []

    def start(self, lam: Array) -> Array:
        """The rule's memory before the first step."""
        return self.rule.start(np.log10(lam))

    def update(self, k: int, lam: Array, grad: Array, memory: Array) -> tuple[Array, Array]:
        """(λ_k, memory)."""
        self.grads.append(np.asarray(np.log(10) * lam * grad))
        x = np.log10(lam)
        moved, memory = self.rule.update(k, x, self.grads[-1], memory)
        step = moved - x
        return 10.0 ** (x + step / max(1, np.linalg.norm(step) / self.longest)), memory
