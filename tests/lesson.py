"""A lesson run for a test, with answers to its exercises."""

import functools

from paper_repro.lessons.script import read, run, scripts

LONGEST = 182  # lines, prose included


@functools.lru_cache(maxsize=1)
def before_the_exercises(number):
    """(how many cells come before the first answer, their namespace, their outputs)."""
    path = scripts()[number]
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST
    cells = read(path)
    first = next(k for k, cell in enumerate(cells) if "answer_1 = None" in cell.source)
    namespace = {"__name__": "__main__"}
    return first, namespace, list(run(cells[:first], begun=(0, namespace)))


def outputs(number, **answers):
    """The outputs of a lesson's cells; those before the exercises are run once."""
    first, namespace, before = before_the_exercises(number)
    return [*before, *run(read(scripts()[number]), answers, (first, dict(namespace)))]


def printed(number, **answers):
    """All that a lesson prints."""
    return "".join(output.text for output in outputs(number, **answers))
