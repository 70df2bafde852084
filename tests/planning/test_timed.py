"""Seconds by a clock that the runs themselves advance, and once by the real one."""

import numpy as np
import pytest

import hgref
from hgref.objectives import L2, Softmax
from hgref.planning import timed
from hgref.planning.sizes import Data, Sizes
from hgref.planning.timed import Stopwatch, line

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((60, 7)), RNG.integers(0, 3, 60)
CALL, STEP, BACK, COLUMN = 0.02, 0.001, 0.003, 0.0001


def posed(T=500, **about):
    J = Softmax(X, Y, 3, example_weights=True, **about)
    return hgref.Problem(hgref.Momentum(J + L2()), Softmax(X, Y, 3), T)


class Clock:
    """In place of the time, hgref.fast.cpu and its carry: each call takes its seconds."""

    def __init__(self):
        self.now, self.most = 0.0, {}

    def perf_counter(self):
        return self.now

    def takes(self, name, problem, step):
        self.now += CALL + problem.T * step
        self.most[name] = max(problem.T, self.most.get(name, 0))

    def last_state(self, problem, lam, dtype):
        self.takes("last_state", problem, STEP)

    def reverse(self, problem, lam, dtype, recompute):
        self.takes("reverse", problem, STEP * (1 + recompute) + BACK)

    def forward(self, problem, lam, wrt, dtype):
        columns = problem.layout.select(wrt).columns()
        self.takes("forward", problem, STEP + columns.size * COLUMN)

    def carry(self, problem, lam, columns, partials, dtype):
        self.takes("worker", problem, STEP + columns.size * COLUMN)


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr(timed, "time", made)
    monkeypatch.setattr(timed, "cpu", made)
    monkeypatch.setattr(timed, "carry", made.carry)
    return made


@pytest.mark.parametrize("budget", ["1 GB", "100 kB", "65 kB"])
def test_seconds_are_those_of_steps_columns_and_calls(clock, budget):
    problem = posed()
    made = hgref.plan(problem, budget, workers=2, wrt=["eta", "mu", "l2"], timed=True)
    for way in made.ways:
        if way.bytes > made.budget:
            assert way.seconds is None
        elif way.algorithm == "forward":
            carried = 2 if way.workers == 2 else 3
            expected = CALL + 500 * (STEP + carried * COLUMN)
            assert way.seconds == pytest.approx(expected, rel=1e-6)
        else:
            expected = CALL + way.steps * STEP + 500 * BACK
            assert way.seconds == pytest.approx(expected, rel=1e-6)
    seconds = [way.seconds for way in made.ways if way.seconds is not None]
    assert seconds == sorted(seconds)
    assert made.ways[: len(seconds)] == tuple(w for w in made.ways if w.seconds is not None)


def test_no_timing_needs_a_longer_tape_than_its_way(clock):
    watch, ways = Stopwatch(posed(), ["eta"], float), hgref.plan(posed(), "65 kB").ways
    way = next(way for way in ways if "every" in way.options)
    watch.seconds(way)
    assert clock.most["reverse"] <= max(timed.STEPS, way.options["every"])


@pytest.mark.parametrize("T", [1, 2, 3, 4, 50])
def test_a_short_run_is_timed_whole(clock, T):
    problem = posed(T)
    found = line(lambda short: clock.last_state(short, None, float), problem)
    assert found.at(T) == pytest.approx(CALL + T * STEP)
    assert problem.T == T


def test_compilation_is_not_counted(clock):
    first = iter([100.0])

    def run(short):
        clock.now += next(first, 0.0)
        clock.last_state(short, None, float)

    assert line(run, posed()).at(500) == pytest.approx(CALL + 500 * STEP)


def test_a_real_plan_in_seconds():
    """Batches of all T steps serve the short runs."""
    problem = posed(T=40, batches=RNG.integers(0, 60, (40, 20)))
    made = hgref.plan(problem, wrt=["eta", "mu"], workers=2, timed=True)
    seconds = [way.seconds for way in made.ways]
    assert seconds == sorted(seconds)
    assert seconds[0] > 0
    assert seconds[-1] < 5
    assert " ms" in str(made)


def test_on_paper_nothing_can_be_timed():
    paper = Sizes(T=5, m=1, J=(Data(10, (3, 2)),))
    with pytest.raises(TypeError, match="timed: expected a Problem, whose steps can be run"):
        hgref.plan(paper, timed=True)
