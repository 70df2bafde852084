"""A problem in numbers, of a Problem or on paper."""

import copy
import pickle

import numpy as np
import pytest
import scipy.sparse

import hgref
from hgref.fast.cpu.stretches import Fast, fast_term
from hgref.hypergradient.tape import numbers
from hgref.objectives import L2, MLP, Callback, Huber, Logistic, Quadratic, Softmax
from hgref.planning import memory
from hgref.planning.sizes import Data, Sizes

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((60, 7)), RNG.integers(0, 3, 60)
LOSSES = {
    "dense": Softmax(X, Y, 3, example_weights=True),
    "centred": Softmax(X, Y, 3, centre=True),
    "sparse": Softmax(scipy.sparse.csr_matrix(X * (X > 0)), Y, 3),
    "two classes": Logistic(X, Y > 1),
    "batches": Softmax(X, Y, 3, batches=RNG.integers(0, 60, (5, 20))),
    "network": MLP(X, Y, (8, 5), classes=3),
    "relu": MLP(X, Y, (8, 5), classes=3, activation="relu", batches=RNG.integers(0, 60, (5, 20))),
    "sparse network": MLP(scipy.sparse.csr_matrix(X), Y, (6,), classes=3),
    "no biases": Softmax(X, Y, 3, bias=False),
    "readable": Huber(X, Y * 1.0),
}
TYPES = {"dense": "Dense", "sparse": "Sparse", "network": "Network"}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", LOSSES)
def test_what_is_read_off_is_what_the_compiled_layer_reads(name, dtype):
    """Widths, batch, weights, and which class computes the passes and what it keeps."""
    part, read = LOSSES[name], Data.of(LOSSES[name])
    fast = fast_term(part, np.dtype(dtype))
    assert TYPES.get(read.kind, type(part).__name__) == type(fast).__name__
    assert (read.n, read.N, read.B) == (part.features.n, part.features.N, part.features.B)
    assert (read.outputs, read.weights, read.weighted) == (
        part.outputs,
        part.p,
        part.example_weights,
    )
    assert read.kept(np.dtype(dtype).itemsize) == pytest.approx(8 * fast.kept, rel=0.1)


@pytest.mark.parametrize("k", [1, 40])
@pytest.mark.parametrize("name", LOSSES)
def test_steps_of_one_call_are_as_many_as_the_compiled_layer_takes(name, k):
    matrix = Quadratic(np.eye(LOSSES[name].p), np.zeros(LOSSES[name].p))
    first = LOSSES[name]
    sums = [first, first + L2(), first + matrix]
    if not first.hyper(first.p):  # two losses cannot share a block
        sums.append(first + copy.copy(first))
    for J in sums:
        problem = hgref.Problem(hgref.Momentum(J), J, 5)
        fast, sizes = Fast(problem, np.float64, k), Sizes.of(problem)
        assert sizes.length(k) == fast.length
        made = memory.Memory(sizes, 8, k)
        kept = made.step() - memory.STEP_OBJECTS * made.alone
        assert kept + 8 * sizes.d == pytest.approx(8 * numbers(fast.problem), rel=0.1)


def distinct(arrays):
    """Those that do not lie in others."""
    found = []
    for array in sorted(arrays, key=lambda array: -array.nbytes):
        if not any(np.may_share_memory(array, other) for other in found):
            found.append(array)
    return found


@pytest.mark.parametrize("n", [60, 5000])
@pytest.mark.parametrize("batch", [None, 40])
def test_scratch_is_what_the_compiled_layer_allocates(n, batch):
    batches = None if batch is None else RNG.integers(0, n, (1, batch))
    X, y = RNG.standard_normal((n, 70)), RNG.integers(0, 3, n)
    for data in (X, scipy.sparse.csr_matrix(X)):
        part = Softmax(data, y, 3, batches=batches)
        fast, w = fast_term(part, np.dtype(float)), np.zeros((part.p, 4))
        fast.at(1, w[:, 0], {}).jvp(w, {})
        arrays = [array for G, own in fast.scratch.values() for array in (G, *distinct(own))]
        assert memory.scratch(Data.of(part), 5, part.p, 8) == sum(a.nbytes for a in arrays)


@pytest.mark.parametrize("name", LOSSES)
def test_bytes_sent_are_those_of_pickle(name):
    problem = hgref.Problem(hgref.Momentum(LOSSES[name]), hgref.objectives.L2(), 5)
    made = Sizes.of(problem)
    assert made.sent == len(pickle.dumps(problem, protocol=5))
    assert (made.p, made.d, made.m) == (problem.p, problem.d, problem.layout.size)


def test_on_paper_as_read_off():
    """The same numbers by hand give the same plan, but for the overhead of pickle."""
    J = MLP(X, Y, (6,), classes=3, batches=RNG.integers(0, 60, (40, 20)))
    problem = hgref.Problem(hgref.Momentum(J + L2()), MLP(X, Y, (6,), classes=3), 40, J.start(0))
    read = Sizes.of(problem, ["eta", "mu"])
    net = Data(60, (7, 6, 3), batch=20)
    paper = Sizes(T=40, m=2, J=(net,), E=(Data(60, (7, 6, 3)),), state=2, rates=2, all=3)
    assert (paper.p, paper.d) == (read.p, read.d)
    assert [way.bytes for way in hgref.plan(paper).ways] == [
        way.bytes for way in hgref.plan(read).ways
    ]
    assert paper.sent == pytest.approx(read.sent, abs=2500)


def test_what_cannot_be_sent_has_a_plan_all_the_same():
    J = Callback(lambda w, lam: w @ w, lambda w, lam: 2 * w, lambda w, lam, dw, dlam: 2 * dw, p=2)
    made = Sizes.of(hgref.Problem(hgref.GradientDescent(LOSSES["dense"]), LOSSES["dense"], 3))
    assert made.whole is not None
    local = Sizes.of(hgref.Problem(hgref.GradientDescent(J), J, 2))
    assert local.whole is None
    assert local.sent == 8 * 2
