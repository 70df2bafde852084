"""Lesson 6: partial hypergradients, what RTHO's number is, and two gradients by hand."""

import re

import pytest
from lesson import outputs, printed

CARRIED = """
run = problem_1.at(lam)
s, Z = run.start(), np.zeros((problem_1.d, 2))
for t in range(1, 41):
    step = run.at(t, s)
    s, Z = step.value, step.jvp(Z, {"eta": np.eye(2)[0], "mu": np.eye(2)[1]})
    if t % 5 == 0:
        answer_1 = run.error_grad(t, s)[0] @ Z
"""
SCHEDULE = """
run = problem_2.at({"eta": eta, "mu": mu})
states = list(run.states())
a_v, a_w = np.split(run.error_grad(60, states[60])[0], 2)
answer_2 = {"eta": np.zeros(60), "mu": np.zeros(60)}
for t in range(60, 0, -1):
    (v, w), g = np.split(states[t - 1], 2), J_2.grad(t, np.split(states[t - 1], 2)[1], {})
    a_v = a_v - eta[t - 1] * a_w
    answer_2["eta"][t - 1] = -a_w @ (mu[t - 1] * v + g)
    answer_2["mu"][t - 1] = a_v @ v
    a_v, a_w = mu[t - 1] * a_v, a_w + J_2.grad_vjp(t, w, {}, a_v)[0]
"""


def test_rtho_is_exact_for_its_schedule_and_biased_by_the_rate():
    run = outputs(6)
    text = "".join(output.text for output in run)
    assert sum(len(output.figures) for output in run) == 2
    assert float(re.search(r"agree to (\S+)", text)[1]) < 1e-13
    assert "by hand as by hgref: True" in text
    rows = [list(map(float, row.split())) for row in re.findall(r"^rate \S+ (.*)$", text, re.M)]
    assert len(rows) == 3
    for rtho, schedule, today, bias, _ in rows:
        assert rtho == pytest.approx(schedule, abs=2e-5)
        assert bias == pytest.approx(rtho - today, abs=2e-5)
    assert rows[0][-1] == pytest.approx(rows[1][-1], rel=0.05)  # proportional, while it is small
    still, realtime, truncated, many = (float(e) for e in re.findall(r"E = (\d\.\d+)", text))
    assert max(realtime, truncated, many) < 0.7 * still
    assert text.endswith("Exercise 1: not answered yet.\nExercise 2: not answered yet.\n")


def test_right_answers():
    assert printed(6, answer_1=CARRIED, answer_2=SCHEDULE).count("hypergradient: right") == 2


def test_wrong_answers_are_recognised():
    reset = CARRIED + "        Z = 0 * Z\n"
    stale = SCHEDULE.replace("a_v - eta[t - 1]", "a_v - eta[0]")
    one, two = printed(6, answer_1=reset, answer_2=stale).split("Exercise ")[1:]
    assert "WRONG in eta, mu" in one
    assert "truncated (K = 5)" in one
    assert "WRONG in eta, mu" in two
    assert "stale-rate" in two
