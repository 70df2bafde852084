"""Lesson 6: partial hypergradients, what RTHO's number is, and two gradients by hand."""

import re

import pytest
from lesson import outputs, printed

CARRIED = """
b = problem_1.unpack(lam)
s, Z = problem_1.start(b), np.zeros((problem_1.d, 2))
for t in range(1, 41):
    Z = problem_1.dynamics.jvp(t, s, b, Z, {"eta": np.eye(2)[0], "mu": np.eye(2)[1]})
    s = problem_1.step(t, s, b)
    if t % 5 == 0:
        answer_1 = problem_1.error_grad(t, s, b)[0] @ Z
"""
SCHEDULE = """
states = list(problem_2.states({"eta": eta, "mu": mu}))
a_v, a_w = np.split(problem_2.error_grad(60, states[60], {})[0], 2)
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
