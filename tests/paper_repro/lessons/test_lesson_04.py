"""Lesson 4: counts of products, bytes and steps; checkpoints by hand; one column for 100."""

import re

from lesson import outputs, printed

CHECKPOINTS = """
def mine(every=10):
    b = problem_1.unpack(lam_1)
    kept, s = {}, problem_1.start(b)
    for t in range(1, 41):
        if (t - 1) % every == 0:
            kept[t - 1] = s
        s = problem_1.step(t, s, b)
    alpha, total = problem_1.error_grad(40, s, b)[0], {}
    for first in sorted(kept, reverse=True)[:LEAVES]:
        states = [kept[first]]
        for t in range(first + 1, first + every):
            states.append(problem_1.step(t, states[-1], b))
        for t in range(first + every, first, -1):
            alpha, share = problem_1.dynamics.vjp(t, states.pop(), b, alpha)
            total = {name: total.get(name, 0) + share[name] for name in share}
    return total
answer_1 = mine()
"""
COLUMN = """
b = many.unpack(lam_many)
s, z = many.start(b), np.zeros((many.d, 1))
for t in range(1, 41):
    z = many.dynamics.jvp(t, s, b, z, {"l2": np.ones((100, 1))})
    s = many.step(t, s, b)
answer_2 = {"l2": (many.error_grad(40, s, b)[0] @ z)[0]}
"""


def test_the_counts_are_those_that_were_derived():
    run = outputs(4)
    text = "".join(output.text for output in run)
    assert sum(len(output.figures) for output in run) == 2
    rows = re.findall(r"m = +(\d+) +(\d+) +(\d+) +\d+ +(\d+) +(\d+)", text)
    assert len(rows) == 7
    for m, forward, _, reverse, _ in rows:
        assert (int(forward), int(reverse)) == (64 * int(m), 64)
    assert int(rows[0][2]) < int(rows[0][4]) < int(rows[-1][2])  # memory does cross
    counted, recursion = (re.search(name + r" +(.*)\n", text)[1].split() for name in
                          ("steps, counted", r"F\(64, n\), and s_T"))  # fmt: skip
    assert len(counted) == 9
    assert counted == recursion
    assert text.count("-> checkpointed") == 1
    assert text.endswith("Exercise 1: not answered yet.\nExercise 2: not answered yet.\n")


def test_right_answers():
    right = CHECKPOINTS.replace("[:LEAVES]", "")
    assert printed(4, answer_1=right, answer_2=COLUMN).count("hypergradient: right") == 2


def test_wrong_answers_are_recognised():
    stopped = CHECKPOINTS.replace("LEAVES", "1")  # at the last checkpoint
    jvp, step = (line for line in COLUMN.splitlines(keepends=True) if line.startswith("    "))
    late = COLUMN.replace(jvp + step, step + jvp)
    one, two = printed(4, answer_1=stopped, answer_2=late).split("Exercise ")[1:]
    assert "truncated (K = 10)" in one
    assert "WRONG in l2" in two
    assert "jacobians-at-s_t" in two
