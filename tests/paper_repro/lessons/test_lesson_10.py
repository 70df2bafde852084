"""Lesson 10: a training run in balls, proven digits, and exercises in balls and fractions."""

import re
import sys

import pytest
from lesson import before_the_exercises, outputs, printed

BALLS = """
with precision(100):
    Hb, bb, eta, mu = balls(H), balls(b), flint.arb(0.25), flint.arb(0.75)
    path = [(balls(np.zeros(2)), balls(np.zeros(2)))]
    for _ in range(6):
        v, w = path[-1]
        path.append(hgref.laws.momentum_step(v, w, Hb @ w - bb, eta, mu, 1, 0, 0))
    b_v, b_w, total = 0 * w, path[6][1], np.array([0, 0])
    for v, w in path[5::-1]:
        cotangents = hgref.laws.momentum_vjp(v, w, Hb @ w - bb, eta, mu, 1, 0, 0, b_v, b_w)
        b_v, b_w, b_g, b_eta, b_mu = cotangents
        b_w, total = b_w + b_g @ Hb, total + np.array([b_eta.sum(), b_mu.sum()])
answer_1 = [float(x.mid()) for x in total]
"""
FRACTIONS = """
exact = np.vectorize(Fraction, otypes=[object])
eta, l2, zero = Fraction(1, 4), Fraction(1, 8), exact(np.zeros(2))
slopes = []
for deta, dl2 in ((1, 0), (0, 1)):
    w, dw = zero, zero
    for _ in range(6):
        g = exact(H) @ w + l2 * w - exact(b)
        dg = exact(H) @ dw + l2 * dw + w * dl2
        w, dw = hgref.laws.gd_step(w, g, eta), hgref.laws.gd_jvp(g, eta, dw, dg, deta)
    slopes.append(float(w @ dw))
answer_2 = slopes
"""


def test_it_runs_and_proves_its_digits():
    pytest.importorskip("flint")
    run = outputs(10)
    text = "".join(output.text for output in run)
    assert sum(len(output.figures) for output in run) == 2
    assert "Fraction  23/100" in text
    shipped, again = (
        re.search(rf"^{name} +(.*)$", text, re.M)[1] for name in ("shipped", "once more")
    )
    assert shipped == again
    assert "expected 30 proven digits, found fewer" in text
    assert "forward and reverse overlap: True" in text
    differences = re.search(r"by differences (\S+)", text)[1]
    proven = re.findall(r"∂f/∂\w+ +(\S+): error (\S+) ≤ (\S+)", text)
    assert differences == proven[0][0]
    assert [float(error) <= float(tolerance) for _, error, tolerance in proven] == [True] * 3
    assert text.endswith("Exercise 1: not answered yet.\nExercise 2: not answered yet.\n")


def test_right_answers():
    pytest.importorskip("flint")
    assert printed(10, answer_1=BALLS, answer_2=FRACTIONS).count("hypergradient: right") == 2


def test_wrong_answers_are_recognised():
    pytest.importorskip("flint")
    forgetful = BALLS.replace("eta, mu, 1, 0, 0, b_v, b_w)", "eta, mu, 1, 0, 0, 0 * b_v, b_w)")
    detached = FRACTIONS.replace(" + w * dl2", "")
    one, two = printed(10, answer_1=forgetful, answer_2=detached).split("Exercise ")[1:]
    assert "WRONG in eta, mu" in one
    assert "accessory-state-detached (v)" in one
    assert "WRONG in l2" in two
    assert "mixed-term-dropped" in two


def test_without_flint_it_says_how_to_install_it(monkeypatch):
    before_the_exercises.cache_clear()
    monkeypatch.setitem(sys.modules, "flint", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install -e"):
        outputs(10)
