"""What is timed computes one hypergradient, whoever computes it."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse
from strategies import relative

import hgref
from paper_repro.benchmark.contenders import prepared
from paper_repro.benchmark.peers.plain_case import plain_case
from paper_repro.benchmark.problems import PROBLEMS
from paper_repro.benchmark.setting import Setting
from paper_repro.benchmark.timing import ALIKE, difference

everywhere = pytest.mark.parametrize("name", PROBLEMS)


@everywhere
def test_fast_and_readable_gradients_are_one(name, setting):
    case = PROBLEMS[name].build(setting)
    true = prepared("readable", case, "float64")()
    assert relative(prepared("fast", case, "float64")(), true) < 1e-11
    assert len(true) == case.columns.size


def test_every_fast_way_computes_the_same(setting):
    case = PROBLEMS["P1 dense"].build(setting)
    true = hgref.reverse(case.problem, case.lam).grad
    for how in ("kept", "recompute", "checkpointed"):
        assert relative(prepared(f"fast {how}", case, "float64")(), true) < 1e-11
    single = prepared("fast", case, "float32")()
    assert 1e-12 < difference(single, true, case.columns) < ALIKE["float32"]


@everywhere
def test_training_gets_somewhere(name, setting):
    problem, blocks = (case := PROBLEMS[name].build(setting)).problem, case.blocks
    J = problem.dynamics.J
    *_, last = problem.states(blocks)
    assert J.value(1, problem.dynamics.weights(last), blocks) < J.value(1, problem.w0, blocks)


def test_the_default_sizes_are_those_that_are_reported():
    tiny = replace(Setting(), examples=50, features=20, few_T=3, network_T=2, T=3, forward_T=2)
    sizes = {name: one.build(tiny).columns.size for name, one in PROBLEMS.items()}
    assert sizes == {
        "P1 dense": 51,
        "P1 sparse": 51,
        "P2 rates": 2,
        "P2 penalties": 12,
        "P3 reverse": 204,
        "P3 forward": 4,
        "P4": 3,
    }


def test_sparse_data_are_as_dense_as_they_shall_be(setting):
    case = PROBLEMS["P1 sparse"].build(replace(setting, examples=500))
    X = next(case.problem.dynamics.J.terms()).features.X
    assert scipy.sparse.issparse(X)
    assert X.nnz / np.prod(X.shape) == pytest.approx(setting.density, abs=0.02)


# --- a case as plain arrays ---


@everywhere
def test_a_peer_is_told_the_weights_and_data_of_the_problem(name, setting):
    case = PROBLEMS[name].build(setting)
    this = plain_case(case, "float32")
    assert {a.dtype for pair in this.start for a in pair} == {np.dtype("float32")}
    flat = np.concatenate([a.ravel() for pair in this.start for a in pair])
    assert np.array_equal(flat, case.problem.w0.astype("float32"))
    assert this.Y.sum() == len(this.X)
    assert list(this.hyper) == list(case.problem.layout.shapes)


def test_a_peer_is_told_which_penalty_is_whose(setting):
    case = PROBLEMS["P2 penalties"].build(setting)
    ((W, b),) = plain_case(case, "float64").groups
    assert np.array_equal(W, np.tile(np.arange(setting.classes), (setting.features, 1)).T)
    assert np.array_equal(b, np.arange(setting.classes))


def test_another_convention_of_adam_is_not_posed(setting):
    case = PROBLEMS["P3 forward"].build(setting)
    J = case.problem.dynamics.J
    other = hgref.Problem(hgref.Adam(J, convention="paper"), case.problem.E, 3)
    with pytest.raises(ValueError, match="convention: expected torch, found paper"):
        plain_case(replace(case, problem=other), "float64")
