"""Turns, summaries and refusals, on functions that take no time."""

from dataclasses import replace

import numpy as np
import pytest

from hgref.layout import Layout
from paper_repro.benchmark import timing
from paper_repro.benchmark.timing import difference, in_turn, refuse_different, summary

PAIR = Layout({"eta": (), "weights": (2,)})


def test_all_take_turns_and_the_slow_ones_stop_early(setting, monkeypatch):
    said, ticks = [], []
    monkeypatch.setattr(timing, "one", lambda run, pause: run())
    runs = {"quick": lambda: said.append("q") or 1.0, "slow": lambda: said.append("s") or 9.0}
    few = replace(setting, rounds=4, slow_rounds=2, slow=5.0)
    seconds = in_turn(runs, few, lambda: ticks.append(1))
    assert "".join(said) == "qsqsqq"
    assert {name: len(s) for name, s in seconds.items()} == {"quick": 4, "slow": 2}
    assert len(ticks) == 4


def test_summary_is_the_median_and_the_extremes():
    assert summary([3.0, 1.0, 2.0, 9.0]) == {"median": 2.5, "least": 1.0, "most": 9.0, "rounds": 4}


def test_the_difference_is_that_of_the_worst_block():
    true = np.array([100.0, 3.0, 4.0])
    assert difference(true + np.array([1, 0, 0]), true, PAIR) == pytest.approx(0.01)
    assert difference(true + np.array([0, 0, 1]), true, PAIR) == pytest.approx(0.2)
    assert difference(None, true, PAIR) is None


@pytest.mark.parametrize("apart", [1.1e-8, float("nan")])
def test_different_numbers_are_not_timed(apart):
    fine = {"fast": {"difference": 0.0}, "products whole": {"difference": None}}
    refuse_different("P1 dense", "float64", fine)
    with pytest.raises(ArithmeticError, match="gradient by jax differs by .* nothing was timed"):
        refuse_different("P1 dense", "float64", {**fine, "jax": {"difference": apart}})
    if apart == apart:
        refuse_different("P1 dense", "float32", {**fine, "jax": {"difference": apart}})


def test_a_wrong_contender_ends_the_benchmark_of_its_problem(setting, monkeypatch):
    real = timing.prepared

    def wrong(name, case, dtype):
        run = real(name, case, dtype)
        return (lambda: 2 * run()) if name == "readable" else run

    monkeypatch.setattr(timing, "prepared", wrong)
    with pytest.raises(ArithmeticError, match="the gradient by readable differs by 1"):
        timing.timed(setting, "P3 forward", "float64", False, lambda: None)
