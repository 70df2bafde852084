"""The catalogue of known mistakes; each entry can make its mistake on a given problem."""

from hgref.verify.mistakes.adaptive import ADAPTIVE
from hgref.verify.mistakes.answer import ANSWER
from hgref.verify.mistakes.backward import BACKWARD
from hgref.verify.mistakes.batches import BATCHES
from hgref.verify.mistakes.computation import Computation, gradients
from hgref.verify.mistakes.error import ERROR
from hgref.verify.mistakes.implicit import IMPLICIT
from hgref.verify.mistakes.loss import LOSS
from hgref.verify.mistakes.mistake import Mistake
from hgref.verify.mistakes.optimizer import OPTIMIZER
from hgref.verify.mistakes.schedule import SCHEDULE

# what explains most and assumes least comes first: of two mistakes that fit, the first is named
CATALOGUE: list[Mistake] = [
    *ANSWER,
    *IMPLICIT,
    *OPTIMIZER,
    *ADAPTIVE,
    *LOSS,
    *ERROR,
    *BATCHES,
    *SCHEDULE,
    *BACKWARD,
]

__all__ = ["CATALOGUE", "Computation", "Mistake", "gradients"]
