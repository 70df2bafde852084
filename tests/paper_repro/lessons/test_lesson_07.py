"""Lesson 7: the weight of an example, the projection, wrong labels thrown out; two by hand."""

import re

import pytest
from lesson import outputs, printed

pytest.importorskip("mlxtend")

WHOLE = """
w = [np.zeros(3)]
for t in range(1, T + 1):
    w.append(w[-1] - eta / 12 * A[:12].T @ (weights * (A[:12] @ w[-1] - b[:12])))
alpha, total = A[12:].T @ (A[12:] @ w[T] - b[12:]) / 8, np.zeros(12)
for t in range(T, 0, -1):
    total -= eta / 12 * (A[:12] @ alpha) * (A[:12] @ w[t - 1] - b[:12])
    alpha = alpha - eta / 12 * A[:12].T @ (weights * (A[:12] @ alpha))
answer_1 = {"weights": total}
"""
BATCHES = """
w, B = [np.zeros(3)], 4
for t in range(1, T + 1):
    i = batches[t - 1]
    w.append(w[-1] - eta / B * A[i].T @ (weights[i] * (A[i] @ w[-1] - b[i])))
alpha, total = A[12:].T @ (A[12:] @ w[T] - b[12:]) / 8, np.zeros(12)
for t in range(T, 0, -1):
    i = batches[t - 1]
    total[i] -= eta / B * (A[i] @ alpha) * (A[i] @ w[t - 1] - b[i])
    alpha = alpha - eta / B * A[i].T @ (weights[i] * (A[i] @ alpha))
answer_2 = {"weights": total}
"""


def test_witnesses_agree_and_wrong_labels_go():
    run = outputs(7)
    text = "".join(output.text for output in run)
    assert sum(len(output.figures) for output in run) == 3
    reverse, witness, by_hand, capped = (
        [float(x) for x in re.search(name + r" +\[(.*)\]", text)[1].split()] for name in
        ("reverse", "complex step", "by hand", "CappedBox"))  # fmt: skip
    assert reverse == pytest.approx(witness, rel=1e-6)
    assert by_hand == pytest.approx(capped, rel=1e-7)
    assert re.search(r"of [1-9]\d{3} others in Λ 0 are nearer", text)
    out, found, wrong = map(
        int, re.search(r"(\d+) thrown out, (\d+) .* (\d+) wrong", text).groups()
    )
    assert 2 * found / (out + wrong) > 0.85  # F1
    before, after = (float(x) for x in re.findall(r"([\d.]+)%", text))
    assert after > before + 5
    assert text.endswith("Exercise 1: not answered yet.\nExercise 2: not answered yet.\n")


def test_right_answers():
    assert printed(7, answer_1=WHOLE, answer_2=BATCHES).count("hypergradient: right") == 2


def test_wrong_answers_are_recognised():
    still = WHOLE.replace("    alpha = alpha - ", "    unused = alpha - ")
    scaled = BATCHES.replace("B = [np.zeros(3)], 4", "B = [np.zeros(3)], 12")
    one, two = printed(7, answer_1=still, answer_2=scaled).split("Exercise ")[1:]
    assert "WRONG in weights" in one
    assert "first-order" in one
    assert "WRONG in weights" in two
    assert "batch-scaling (1/n in place of 1/B)" in two
