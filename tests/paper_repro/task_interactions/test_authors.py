"""The authors' protocol: the best hyper-iteration, single tasks on a grid, models trained again."""

import numpy as np
import pytest

import hgref
from hgref.outer import minimize
from paper_repro.__main__ import parser
from paper_repro.task_interactions import authors, methods
from paper_repro.task_interactions.command import setting_of
from paper_repro.task_interactions.setting import AUTHORS
from paper_repro.task_interactions.splits import split


@pytest.fixture(scope="module")
def protocol(setting):
    return setting.changed(authors=True)


@pytest.fixture(scope="module")
def data(tasks, protocol):
    return split(tasks, protocol, 0)


def test_the_basis_spans_both_parts(tasks, setting, protocol, data):
    alone = split(tasks, setting, 0)
    assert data.train.X.shape[1] > alone.train.X.shape[1]
    inner = (one.train.X @ one.train.X.T for one in (data, alone))
    np.testing.assert_allclose(*inner, atol=1e-9)
    assert len(data.joined.y) == len(data.train.y) + len(data.valid.y)


def test_the_best_hyper_iteration_is_taken_and_trained_again(data, protocol, monkeypatch):
    runs = []
    monkeypatch.setattr(
        methods, "minimize", lambda *a, **k: runs.append(minimize(*a, **k)) or runs[-1]
    )
    found = methods.learn("HMTL", data, protocol)
    each = []
    for lam in runs[0].lam[:-1]:
        problem = methods.inner_problem("HMTL", data, protocol)
        s = hgref.reverse(problem, lam).s_T
        each.append(methods.accuracy(data.valid, data.classes, s))
    k = int(np.argmax(each))
    assert found.valid == pytest.approx(max(each))
    np.testing.assert_array_equal(found.C, runs[0].layout.split(runs[0].lam[k])["C"])
    again = methods.inner_problem("HMTL", data._replace(train=data.joined), protocol)
    s = hgref.reverse(again, runs[0].lam[k]).s_T
    assert found.test == pytest.approx(methods.accuracy(data.test, data.classes, s))


def test_single_tasks_are_logistic_models_on_the_grid(data, protocol):
    found = methods.learn("SLT", data, protocol)
    assert found.C is None
    assert set(found.rho) <= set(authors.GRID)
    for k, rho in enumerate(found.rho):
        right = []
        for value in authors.GRID:
            w = authors.trained(data.train, k, value, protocol)
            y = (data.valid.y == k).astype(int)
            right.append(np.mean((data.valid.X @ w[:-1] + w[-1] > 0) == y))
        assert rho == authors.GRID[np.argmax(right)]


def test_the_penalty_is_rho_times_the_square_without_the_bias(data, protocol):
    long = protocol.changed(T=4000)
    w = authors.trained(data.train, 0, 0.05, long)
    z = data.train.X @ w[:-1] + w[-1]
    residual = (1 / (1 + np.exp(-z)) - (data.train.y == 0)) / len(z)
    np.testing.assert_allclose(data.train.X.T @ residual, -2 * 0.05 * w[:-1], atol=1e-6)
    assert residual.sum() == pytest.approx(0, abs=1e-6)


def test_the_option_has_sizes_and_a_name_of_its_own():
    options = parser().parse_args(["task-interactions", "--authors"])
    assert setting_of(options) == AUTHORS
    assert AUTHORS.experiment == "task-interactions-authors"
    phones = setting_of(parser().parse_args(["task-interactions", "--authors", "--source=phones"]))
    assert phones.authors
    assert phones.experiment == "task-interactions-authors-phones"
