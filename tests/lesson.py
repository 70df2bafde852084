"""A lesson run for a test, with answers to its exercises."""

from paper_repro.lessons.script import read, run, scripts

LONGEST = 150  # lines, prose included


def outputs(number, **answers):
    """The outputs of a lesson's cells, after its length is checked."""
    path = scripts()[number]
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST
    return list(run(read(path), answers))


def printed(number, **answers):
    """All that a lesson prints."""
    return "".join(output.text for output in outputs(number, **answers))
