"""Mistakes in the table of mini-batches: in the run, or in the backward pass alone."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from hgref.arguments import Array
from hgref.at import At
from hgref.layout import Blocks
from hgref.objectives.data_loss import DataLoss
from hgref.objectives.objective import Objective
from hgref.verify.mistakes.computation import Computation, Wrongs
from hgref.verify.mistakes.edits import Edited, Scaled, each_term, has_batches, leaves
from hgref.verify.mistakes.mistake import Mistake

TABLES: dict[str, Callable[[Array], Any]] = {
    "one step later": lambda b: np.roll(b, -1, axis=0),
    "one step earlier": lambda b: np.roll(b, 1, axis=0),
    "in reverse order": lambda b: b[::-1],
    "all examples": lambda b: None,
    "always the last": lambda b: np.repeat(b[-1:], len(b), axis=0),
    "always the first": lambda b: np.repeat(b[:1], len(b), axis=0),
}


def on_other_tables(base: Computation) -> list[tuple[str, Callable[[Objective], Objective]]]:
    """(variant, edit of J), none where J has no mini-batches."""
    if not any(map(has_batches, leaves(base.J))):
        return []
    change = {variant: functools.partial(rebatched, table) for variant, table in TABLES.items()}
    return [(v, functools.partial(each_term, change=each)) for v, each in change.items()]


def rebatched(table: Callable[[Array], Any], term: Any) -> Objective:
    if not has_batches(term):
        return term
    return on_table(term, table(term.features.batches))


def on_table(term: DataLoss, table: Array | None) -> DataLoss:
    """The loss on other mini-batches; None: on all examples."""
    term = copy.copy(term)
    term.features = copy.copy(term.features)
    term.features.batches = table
    term.features.B = term.features.n if table is None else table.shape[1]
    return term


def other_batches(base: Computation) -> Wrongs:
    for variant, edit in on_other_tables(base):
        yield variant, base.differentiating_on(edit).changed(alone="always" in variant)
        products = functools.partial(OtherProducts, edit)
        alone = base.differentiating_on(products).changed(alone=True)
        yield f"{variant}, in the products with H and M alone", alone


class OtherProducts(Edited):
    """J whose products are those of another objective."""

    def __init__(self, edit: Callable[[Objective], Objective], exact: Objective):
        super().__init__(exact)
        self.other = edit(exact)

    def edit(self, t: int, w: Array, lam: Blocks, exact: At) -> At:
        return self.other.at(t, w, lam)._replace(value=exact.value)


def trained_on_other_batches(base: Computation) -> Wrongs:
    for variant, edit in on_other_tables(base):
        yield variant, base.training_on(edit(base.J)).changed(alone="always" in variant)


def batch_scaling(base: Computation) -> Wrongs:
    def change(term: Any) -> Objective:
        return Scaled(term, term.features.B / term.features.n) if has_batches(term) else term

    if any(map(has_batches, leaves(base.J))):
        yield "1/n in place of 1/B", base.training_on(each_term(base.J, change))


BATCHES = [
    Mistake(
        "batch-scaling",
        "a mini-batch was divided by the number of all examples",
        "the training loss is off by B/n",
        "1/n taken for 1/B",
        batch_scaling,
    ),
    Mistake(
        "trained-on-other-batches",
        "the run took the mini-batches in another order, or other ones",
        "the gradient is that of another run",
        "a loader that shuffles anew; an iterator that was advanced before the loop",
        trained_on_other_batches,
    ),
    Mistake(
        "other-batches",
        "the backward pass saw other mini-batches than the forward pass",
        "A_t and B_t belong to another training run",
        "RFHO, commit 'FIXED SERIOUS BUG'",
        other_batches,
    ),
]
