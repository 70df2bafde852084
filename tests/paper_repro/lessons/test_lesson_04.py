"""Lesson 4: counts of products, bytes and steps; checkpoints by hand; one column for 100."""

import re

from lesson import outputs, printed

from paper_repro.lessons.script import solutions

CHECKPOINTS, COLUMN = solutions(4).values()


def test_the_counts_are_those_that_were_derived():
    run = outputs(4)
    text = "".join(output.text for output in run)
    assert sum(len(output.figures) for output in run) == 2
    rows = re.findall(r"m = +(\d+) +(\d+) +(\d+) +\d+ +(\d+) +(\d+)", text)
    assert len(rows) == 7
    for m, forward, _, reverse, _ in rows:
        assert (int(forward), int(reverse)) == (64 * int(m), 64)
    assert int(rows[0][2]) < int(rows[0][4]) < int(rows[-1][2])  # memory does cross
    counted, recursion, linearised = (
        re.search(name + r" +(.*)\n", text)[1].split()
        for name in ("plain steps, counted", r"F\(64, n\)", "linearised, counted")
    )
    assert len(counted) == 9
    assert counted == recursion
    assert linearised == ["64"] * 9
    assert text.count("-> checkpointed") == 1
    assert text.endswith("Exercise 1: not answered yet.\nExercise 2: not answered yet.\n")


def test_right_answers():
    assert printed(4, **solutions(4)).count("hypergradient: right") == 2


def test_wrong_answers_are_recognised():
    stopped = CHECKPOINTS.replace("reverse=True)", "reverse=True)[:1]")  # at the last checkpoint
    late = COLUMN.replace("run.at(t, s)", "run.at(t, run.step(t, s))")
    late = late.replace("step.value", "run.step(t, s)")
    one, two = printed(4, answer_1=stopped, answer_2=late).split("Exercise ")[1:]
    assert "truncated (K = 10)" in one
    assert "WRONG in l2" in two
    assert "jacobians-at-s_t" in two
