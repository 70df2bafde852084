"""Plans are held against what the calls then allocate."""

import tracemalloc

import numpy as np
import pytest
import scipy.sparse

import hgref
from hgref.fast import cpu
from hgref.objectives import L2, MLP, Softmax
from hgref.plan import as_bytes, largest_distance


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


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("options", [{}, {"sparse": True}, {"momentum": True}, {"mlp": True}])
def test_bytes_are_those_that_the_calls_allocate(options, dtype):
    problem = cleaning(**options)
    lam = point(problem)
    made = hgref.plan(problem, "1 GB", dtype=dtype)
    names = {"problem": problem, "lam": lam}
    for way in made.ways:
        if way.call.startswith("forward"):
            continue  # a column for every example: see below
        code = way.call[:-1] + ", dtype=dtype)"
        function = code.partition("(")[0]
        run = eval(f"lambda: cpu.{code}", {"cpu": cpu, "dtype": dtype, **names})
        assert function in ("reverse", "checkpointed")
        assert peak(run) == pytest.approx(way.bytes, rel=0.2, abs=1e5)


def test_forward_pays_for_its_columns():
    problem = cleaning(momentum=True)
    made = hgref.plan(problem, wrt=["eta", "mu"])
    (way,) = [way for way in made.ways if way.call.startswith("forward")]
    assert (way.steps, way.products) == (problem.T, 2 * problem.T)


def test_the_best_is_the_quickest_that_fits():
    problem = cleaning()
    plenty = hgref.plan(problem, "1 GB")
    assert plenty.best.call == "reverse(problem, lam)"
    recompute = hgref.plan(problem, plenty.ways[1].bytes)
    assert recompute.best.call == "reverse(problem, lam, recompute=True)"
    tight = hgref.plan(problem, plenty.ways[1].bytes - 1000)
    assert tight.best.call.startswith("checkpointed")
    assert tight.best.bytes <= tight.budget
    assert tight.best.steps < 2 * problem.T
    assert "->" in str(tight)
    assert " x" in str(tight)
    nothing = hgref.plan(problem, 1000)
    assert nothing.best is None
    assert "Nothing fits into 1 kB: the least is" in str(nothing)


def test_largest_distance_by_trying_all():
    for T, state, step, limit in [(100, 8, 3, 400), (7, 1, 1, 100), (50, 10, 1, 120)]:
        k = largest_distance(T, state, step, limit)
        cost = [-(-T // k) * state + k * step for k in range(1, T + 1)]
        assert cost[k - 1] <= limit
        assert all(c > limit for c in cost[k:])


@pytest.mark.parametrize(
    ("text", "number"),
    [("2 GB", 2 * 10**9), ("500mb", 5 * 10**8), ("1.5 GiB", 3 * 2**29), ("7", 7), (12, 12)],
)
def test_sizes(text, number):
    assert as_bytes(text) == number


@pytest.mark.parametrize("text", ["", "GB", "2 XB", "-1 GB", "2 G B"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(ValueError, match="budget: expected a size such as"):
        as_bytes(text)
