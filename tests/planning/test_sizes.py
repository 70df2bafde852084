"""A problem in numbers, of a Problem or on paper."""

import pickle

import numpy as np
import pytest
import scipy.sparse

import hgref
from hgref.fast.cpu import lowering, scratch
from hgref.fast.cpu.shapes import forms
from hgref.objectives import L2, MLP, Callback, Logistic, Softmax
from hgref.planning.sizes import Data, Sizes

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((60, 7)), RNG.integers(0, 3, 60)
LOSSES = {
    "dense": Softmax(X, Y, 3, example_weights=True),
    "centred": Softmax(X, Y, 3, centre=True),
    "sparse": Softmax(scipy.sparse.csr_matrix(X * (X > 0)), Y, 3),
    "two classes": Logistic(X, Y > 1),
    "batches": Softmax(X, Y, 3, batches=RNG.integers(0, 60, (5, 20))),
    "network": MLP(X, Y, (6, 5), classes=3),
    "no biases": Softmax(X, Y, 3, bias=False),
}


@pytest.mark.parametrize("name", LOSSES)
def test_what_is_read_off_is_what_the_compiled_layer_reads(name):
    """Form, widths, batch and weights of the data once they are lowered."""
    part = LOSSES[name]
    (form,) = forms([Data.of(part)], 1)
    lowered = lowering.lower_data(part, np.dtype(float), form)
    read, found = Data.of(part), scratch.sizes_of(lowered, part)
    assert scratch.FORMS[type(lowered)] == form
    for field in ("n", "widths", "B", "bias", "weighted", "two_headed"):
        assert getattr(read, field) == getattr(found, field)
    assert read.weights == part.p
    assert read.kept == scratch.kept_width(lowered.net)


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
    paper = Sizes(
        T=40, m=2, J=(net,), E=(Data(60, (7, 6, 3)),), state=2, rates=2, penalties=1, all=3
    )
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
