"""Two mistakes at once: which pairs of the catalogue are worth a run, in which order.

One that changes the answer alone is made on every wrong gradient that is known already. Of two that
both need a run of their own, each alone was tried before: the pairs whose effects together come
nearest to the candidate are made first, as many as take STEPS steps, or LEAST pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from hgref.layout import Blocks
from hgref.verify.mistakes import CATALOGUE, Computation, Mistake, gradients
from hgref.verify.mistakes.computation import together, until_error
from hgref.verify.rounding import norm

STEPS, LEAST = 6000, 60  # steps of all pairs that need a run of their own; pairs

Progress = Callable[[Any], Iterable[Any]]  # such as tqdm.tqdm
Wrong = tuple[tuple[Mistake, ...], str, Blocks]  # the mistakes, which variant, the gradient


class Single(NamedTuple):
    """One mistake that was made alone."""

    mistake: Mistake
    variant: str
    computation: Computation
    gradient: Blocks


def singles(
    base: Computation, beside: bool = False, progress: Progress | None = None
) -> Iterator[Single]:
    """Every mistake of the catalogue, in all its variants, without those that fail.

    beside     another mistake: without the variants that are only tried alone
    progress   wraps the entries
    """
    for mistake in CATALOGUE if progress is None else progress(CATALOGUE):
        yield from made(mistake, base, beside)


def made(mistake: Mistake, base: Computation, beside: bool) -> Iterator[Single]:
    for variant, changed in until_error(mistake.change(base)):
        if not (beside and changed.alone):
            for K, blocks in until_error(gradients(changed)):
                yield Single(mistake, together(variant, K), changed, blocks)


def answers_alone(base: Computation, changed: Computation) -> bool:
    """Whether a mistake changed nothing but the answer."""
    return changed.changed(answer=base.answer, alone=base.alone) == base


def answered(base: Computation, tried: list[Single]) -> Iterator[Wrong]:
    """Mistakes in the answer, on top of all others; they need no run."""
    in_answer = list(dict.fromkeys(s.mistake for s in tried if answers_alone(base, s.computation)))
    for first in once(tried):
        for second in in_answer:
            if CATALOGUE.index(second) < CATALOGUE.index(first.mistake):
                for single in made(second, first.computation, beside=True):
                    variant = together(plain(first), single.variant)
                    yield (first.mistake, second), variant, single.gradient


def composed(
    base: Computation,
    tried: list[Single],
    true: Blocks,
    given: Blocks,
    progress: Progress | None = None,
) -> Iterator[Wrong]:
    """Two mistakes that both need a run, the most promising pairs first.

    progress   wraps the pairs
    """
    effects: dict[tuple[str, str], list[Blocks]] = {}
    for single in tried:
        effects.setdefault((single.mistake.name, plain(single)), []).append(single.gradient)
    pairs: list[tuple[float, int, Any]] = []
    for first in once(tried):
        if answers_alone(base, first.computation):
            continue
        mine = effects[first.mistake.name, plain(first)]
        for second in CATALOGUE[: CATALOGUE.index(first.mistake)]:
            for variant, changed in until_error(second.change(first.computation)):
                other = effects.get((second.name, variant), [])
                if not changed.alone and not answers_alone(first.computation, changed):
                    off = [distance(true, a, b, given) for a in mine for b in other]
                    made_by = ((first.mistake, second), together(plain(first), variant), changed)
                    pairs.append((min(off, default=1.0), len(pairs), made_by))
    best = sorted(pairs, key=lambda pair: pair[:2])[: max(STEPS // base.run.T, LEAST)]
    for _, _, (mistakes, variant, changed) in best if progress is None else progress(best):
        for K, blocks in until_error(gradients(changed)):
            yield mistakes, together(variant, K), blocks


def once(tried: list[Single]) -> list[Single]:
    """Each computation that may stand beside another, once: a truncation is tried with every K."""
    return list({s.computation: s for s in tried if not s.computation.alone}.values())


def plain(single: Single) -> str:
    """The variant, without the K of a truncation."""
    return "" if single.computation.every_K else single.variant


def distance(true: Blocks, one: Blocks, other: Blocks, given: Blocks) -> float:
    """How far the effects of two mistakes together are from the candidate, roughly.

    As a sum of changes, or as a product of factors, whichever is nearer; the mean over the blocks
    of the relative distance, at most 1 each.
    """
    off = []
    for name, block in given.items():
        with np.errstate(all="ignore"):
            guesses = (one[name] + other[name] - true[name], one[name] * other[name] / true[name])
        each = [norm(guess - block) / (norm(block) or 1.0) for guess in guesses]
        off.append(min([1.0, *(x for x in each if np.isfinite(x))]))
    return float(np.mean(off))
