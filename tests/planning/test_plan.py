"""Plans against the bytes that the calls allocate, and the steps that they run."""

import pickle
import re
import time
import tracemalloc

import numpy as np
import pytest
import scipy.sparse

import hgref
from hgref.fast import cpu
from hgref.fast.cpu.stretches import Stretches
from hgref.objectives import L2, MLP, Softmax
from hgref.planning.sizes import Data, Sizes
from hgref.planning.tape import Tape, largest
from hgref.planning.text import size


def cleaning(T=120, sparse=False, momentum=False, mlp=False):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((400, 50)) * (rng.random((400, 50)) < 0.3)
    X = scipy.sparse.csr_matrix(X) if sparse else X
    y = rng.integers(0, 4, 400)
    J = MLP(X, y, (20,), classes=4) if mlp else Softmax(X, y, 4, example_weights=True)
    dynamics = hgref.Momentum(J + L2()) if momentum else hgref.Adam(J + L2())
    return hgref.Problem(dynamics, Softmax(X, y, 4) if not mlp else MLP(X, y, (20,), classes=4), T)


def point(problem):
    values = {"eta": 0.01, "mu": 0.9, "beta1": 0.9, "beta2": 0.99, "eps": 1e-3, "l2": 0.1}
    shapes = problem.layout.shapes
    return problem.pack(**{name: np.full(s, values.get(name, 1.0)) for name, s in shapes.items()})


def peak(call):
    """Bytes that were allocated at the most during a call."""
    call()
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def assert_bytes(problem, budget, dtype, rel, abs):
    """Of every way backwards that fits, held against what it allocates; returns their calls."""
    lam, made = point(problem), hgref.plan(problem, budget, dtype=dtype)
    calls = [way.call for way in made.ways if way.bytes <= made.budget]
    for way in made.ways:
        if way.call not in calls or way.call.startswith("forward"):
            continue  # a column for every example: see below
        code = f"lambda: cpu.{way.call[:-1]}, dtype=dtype)"
        run = eval(code, {"cpu": cpu, "dtype": dtype, "problem": problem, "lam": lam})
        assert peak(run) == pytest.approx(way.bytes, rel=rel, abs=abs)
    return calls


def least(problem, dtype):
    """Bytes without which there is no way backwards."""
    ways = hgref.plan(problem, 1, dtype=dtype).ways
    return min(way.bytes for way in ways if "slots=1" in way.call)


@pytest.mark.parametrize(
    ("options", "dtype"),
    [
        ({}, np.float64),
        ({"sparse": True}, np.float32),
        ({"momentum": True}, np.float32),
        ({"mlp": True}, np.float64),
    ],
)
def test_bytes_are_those_that_the_calls_allocate(options, dtype):
    problem = cleaning(T=60, **options)
    assert len(assert_bytes(problem, "1 GB", dtype, rel=0.12, abs=6e4)) == 3
    calls = assert_bytes(problem, int(1.1 * least(problem, dtype)), dtype, rel=0.12, abs=6e4)
    assert "slots" in next(call for call in calls if not call.startswith("forward"))


@pytest.mark.parametrize(
    ("dynamics", "dtype"),
    [
        (hgref.GradientDescent, np.float64),
        (hgref.Momentum, np.float32),
        (hgref.Adam, np.float64),
    ],
)
def test_bytes_of_many_weights(dynamics, dtype):
    """8020 weights: what counts is how often they are there."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((100, 400)), rng.integers(0, 20, 100)
    problem = hgref.Problem(dynamics(Softmax(X, y, 20) + L2()), Softmax(X[:9], y[:9], 20), 20)
    one = least(problem, dtype)
    for budget in (one, int(1.4 * one), 10 * one):
        assert_bytes(problem, budget, dtype, rel=0.05, abs=0)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_bytes_of_wide_sparse_data(dtype):
    """Most columns of a block of rows have no entry."""
    X = scipy.sparse.random(300, 4000, 0.004, format="csr", random_state=0)
    y = np.random.default_rng(0).integers(0, 3, 300)
    problem = hgref.Problem(hgref.GradientDescent(Softmax(X, y, 3)), Softmax(X, y, 3), 20)
    assert_bytes(problem, "1 GB", dtype, rel=0.12, abs=6e4)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("wrt", [["eta"], ["eta", "mu", "l2"]])
def test_bytes_of_columns_of_z(wrt, dtype):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((300, 100)), rng.integers(0, 40, 300)
    problem = hgref.Problem(hgref.Momentum(Softmax(X, y, 40) + L2()), Softmax(X, y, 40), 20)
    (way,) = forwards(hgref.plan(problem, wrt=wrt, dtype=dtype))
    found = peak(lambda: cpu.forward(problem, point(problem), wrt=wrt, dtype=dtype))
    assert found == pytest.approx(way.bytes, rel=0.12)


def forwards(made):
    return [way for way in made.ways if way.call.startswith("forward")]


def test_forward_pays_for_its_columns():
    problem = cleaning(momentum=True)
    (way,) = forwards(hgref.plan(problem, wrt=["eta", "mu"]))
    assert (way.steps, way.products) == (problem.T, 2 * problem.T)


def test_workers_share_the_columns_and_are_sent_the_problem():
    problem = cleaning(momentum=True)
    sent = len(pickle.dumps(problem, protocol=5))
    (alone,) = forwards(hgref.plan(problem))
    two, one = sorted(forwards(hgref.plan(problem, workers=2)), key=lambda way: way.workers)[::-1]
    assert one == alone
    assert (two.workers, two.steps) == (2, problem.T)
    assert two.products == problem.T * -(-problem.layout.size // 2)
    assert two.sent == pytest.approx(sent + 8 * problem.layout.size, rel=0.1)
    assert two.bytes > 2 * sent
    assert "workers=2)" in str(hgref.plan(problem, workers=2))
    many = forwards(hgref.plan(problem, workers=10**6, wrt=["eta", "mu"]))
    assert max(way.workers for way in many) == 2  # no more than columns
    with pytest.raises(ValueError, match="workers: expected at least 1"):
        hgref.plan(problem, workers=0)


def test_a_refusal_names_the_number_that_does_not_fit():
    problem = cleaning(T=300)
    made = str(hgref.plan(problem, "2 MB"))
    state = problem.d * 8
    assert re.search(r"reverse\(problem, lam\) takes \S+ MB, not 2 MB: the tape of 300 steps", made)
    assert re.search(r"forward\(problem, lam\) takes \S+ MB, not 2 MB: 405 columns of Z", made)
    (way,) = [way for way in hgref.plan(problem, 1).ways if "slots=1" in way.call][:1]
    assert way.refusal(1).endswith(f": {size(max(way.items.values()))}")
    (states,) = [number for what, number in way.items.items() if "states" in what]
    assert states % state == 0
    for way in hgref.plan(problem).ways:
        assert sum(way.items.values()) == pytest.approx(way.bytes, rel=0.01)


def test_the_best_is_the_least_work_that_fits():
    problem = cleaning(sparse=True)
    plenty = hgref.plan(problem, "1 GB")
    assert plenty.best.call == "reverse(problem, lam)"
    tight = hgref.plan(problem, plenty.best.bytes - 1000)
    assert tight.best.call.startswith("checkpointed(problem, lam, every=")
    assert "recompute" not in tight.best.call
    assert tight.best.bytes <= tight.budget
    assert tight.best.steps < 2 * problem.T
    assert "->" in str(tight)
    assert " x" in str(tight)
    tightest = min(way.bytes for way in hgref.plan(problem, 1000).ways)
    slots = hgref.plan(problem, tightest + 20_000)
    assert slots.best.call.startswith("checkpointed(problem, lam, slots=")
    assert not [way for way in slots.ways if "every" in way.call and way.bytes <= slots.budget]
    assert slots.best.bytes <= slots.budget
    nothing = hgref.plan(problem, tightest - 1)
    assert nothing.best is None
    assert f"the least is {size(tightest)}" in str(nothing)
    smallest = min(nothing.ways, key=lambda way: way.bytes)
    assert smallest.call.startswith("checkpointed(problem, lam, slots=1")


def test_states_alone_are_kept_where_that_is_less_work_than_few_slots():
    problem = cleaning(mlp=True)  # a step keeps ten times its state
    (way,) = [way for way in hgref.plan(problem, 1).ways if re.search(r"every=.*True", way.call)]
    made = hgref.plan(problem, way.bytes)
    assert made.best.call == way.call
    assert 2 * problem.T < way.steps < 3 * problem.T
    (slots,) = [way for way in made.ways if way.options.keys() == {"slots"}]
    assert slots.bytes <= made.budget
    assert slots.work > made.best.work


@pytest.mark.parametrize(
    ("state", "step", "length"), [(30, 10, 100), (24, 8, 1), (3, 40, 12), (90, 1, 11)]
)
@pytest.mark.parametrize("recompute", [False, True])
def test_the_most_that_fit_are_taken(state, step, length, recompute):
    """By trying every k and s."""
    tape = Tape(T=100, state=state, step=step, once=50, length=length, recompute=recompute)
    every = {k: tape.every_bytes(k) for k in range(1, 101)}
    slots = {s: tape.slots_bytes(s) for s in range(1, 101)}
    (whole,) = tape.schedules(every[100])
    assert (whole.options, whole.steps) == ({}, 200 if recompute else 100)
    for limit in range(1, every[100]):
        _, at, *others = tape.schedules(limit)
        k = at.options.get("every")
        fits = [k for k in every if every[k] <= limit]
        if fits:
            assert not others
            assert k == max(fits)
            assert tape.bytes(at.states, at.kept) == every[k]
            continue
        assert every[k] == min(every.values())
        (one,) = others
        s = one.options["slots"]
        assert tape.bytes(one.states, one.kept) == slots[s]
        assert s == max([s for s in slots if slots[s] <= limit], default=1)


@pytest.mark.parametrize("budget", [1, "100 MB", "2 GB", "1 TB"])
def test_a_plan_takes_no_time_however_many_the_steps(budget):
    paper = Sizes(T=10**8, m=3, state=2, rates=2, J=(Data(1000, (100, 10)),))
    started = time.process_time()
    hgref.plan(paper, budget)
    assert time.process_time() - started < 1  # trying every distance takes minutes


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("budget", [500_000, 300_000])
def test_steps_are_those_that_are_run(budget, sparse, monkeypatch):
    problem, steps = cleaning(momentum=True, sparse=sparse), []

    def counted(function):
        def call(run, t, s):
            first, last = run.span(t)
            steps.append(last - first + 1)
            return function(run, t, s)

        return call

    for name in ("at", "step"):
        monkeypatch.setattr(Stretches, name, counted(getattr(Stretches, name)))
    names = {"cpu": cpu, "problem": problem, "lam": point(problem)}
    for way in hgref.plan(problem, budget).ways:
        if not way.call.startswith("forward"):
            steps.clear()
            eval(f"cpu.{way.call}", names)
            assert sum(steps) == way.steps


def test_what_is_no_problem_is_refused():
    paper = Sizes(T=5, m=1, J=(Data(10, (3, 2)),))
    with pytest.raises(ValueError, match=r"wrt: expected none beside Sizes.*found \['eta'\]"):
        hgref.plan(paper, wrt=["eta"])
    with pytest.raises(TypeError, match="problem: expected a Problem or Sizes, found int"):
        hgref.plan(3)


def test_largest_by_trying_all():
    for limit in range(60):
        fits = [k for k in range(3, 51) if k + k // 7 <= limit]
        assert largest(lambda k: k + k // 7, 3, 50, limit) == max(fits, default=2)


def test_what_is_beyond_the_default_is_asked_for():
    """A call means what its plan says: without `recompute` at most a GiB is kept linearised."""
    paper = Sizes(T=1000, m=3, J=(Data(200_000, (100, 10)),))
    reverse, recompute = (
        way for way in hgref.plan(paper, "20 TB").ways if way.call.startswith("reverse")
    )
    assert reverse.call == "reverse(problem, lam, recompute=False)"
    assert recompute.call == "reverse(problem, lam, recompute=True)"
    assert (reverse.work, recompute.work) == (2000, 3000)
