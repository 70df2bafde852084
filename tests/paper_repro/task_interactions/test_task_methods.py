"""What each method learns on tasks made on the spot, and the hypergradient that it follows."""

import numpy as np
import pytest

import hgref
from hgref.fast import cpu
from hgref.verify.witness import central_differences
from paper_repro.task_interactions.methods import METHODS, accuracy, inner_problem, learn
from paper_repro.task_interactions.splits import split


@pytest.fixture(scope="module")
def data(tasks, setting):
    return split(tasks, setting, 0)


@pytest.fixture(scope="module")
def learnt(data, setting):
    return {name: learn(name, data, setting) for name in METHODS}


def start(name, data, setting):
    """The problem of a method, and λ where it starts."""
    problem = inner_problem(name, data, setting)
    zeros = {block: np.zeros(shape) for block, shape in problem.layout.shapes.items()}
    return problem, zeros | {"eta": setting.eta, "mu": setting.mu}


@pytest.mark.parametrize("name", METHODS)
def test_the_validation_error_falls(name, learnt, data, setting):
    problem, lam = start(name, data, setting)
    assert learnt[name].error < problem.f(lam) - 1e-4


@pytest.mark.parametrize("name", ["HMTL", "HMTL-S"])
def test_relations_are_symmetric_and_not_negative(name, learnt):
    C = learnt[name].C
    assert C.shape == (4, 4)
    np.testing.assert_array_equal(C, C.T)
    assert (C >= 0).all()
    assert C[np.triu_indices(4, 1)].max() > 0
    assert learnt[name].rho >= 0


def test_the_sum_of_relations_is_bounded_in_one_method_only(learnt, setting):
    assert learnt["HMTL-S"].C.sum() == pytest.approx(setting.R, rel=1e-6)
    assert learnt["HMTL"].C.sum() > 2 * setting.R


def test_methods_without_relations_of_their_own(learnt):
    assert learnt["SLT"].C is None
    assert learnt["NMTL"].C is None
    assert learnt["SLT"].rho.shape == (4,)
    assert (learnt["SLT"].rho >= 0).all()
    assert learnt["SLT"].rho.max() > 0
    assert learnt["NMTL"].rho.shape == ()


@pytest.mark.parametrize("name", ["SLT", "HMTL", "HMTL-S"])
def test_told_numbers_are_those_of_the_readable_layer(name, learnt, data, setting):
    found, (problem, lam) = learnt[name], start(name, data, setting)
    if name == "SLT":
        lam["l2"] = np.append(2 * found.rho, 0)
    else:
        lam |= {"C": found.C, "rho": found.rho}
    w = problem.dynamics.weights(hgref.reverse(problem, lam).s_T)
    assert found.error == pytest.approx(problem.f(lam), rel=1e-9)
    assert found.test == pytest.approx(accuracy(data.test, 4, w))
    assert found.valid == pytest.approx(accuracy(data.valid, 4, w))


def test_single_tasks_pay_for_their_weights_and_not_for_their_biases():
    K, N = 3, 2
    w, rho = np.arange(1.0, 10.0), np.array([0.5, 0.25, 2.0])
    penalty = METHODS["SLT"].penalty(K, N)
    lam = {"l2": np.append(2 * rho, 0.0)}
    rows = w[:6].reshape(3, 2)
    assert penalty.value(1, w, lam) == pytest.approx(rho @ (rows**2).sum(axis=1))
    assert penalty.grad(1, w, lam)[6:].tolist() == [0, 0, 0]


def test_the_set_of_single_tasks_keeps_the_biases_free(setting):
    allowed = METHODS["SLT"].sets(setting, 3)["l2"]
    assert allowed.project(np.array([0.5, -1.0, 2.0, 3.0])).tolist() == [0.5, 0, 2, 0]


@pytest.mark.parametrize("name", ["HMTL", "HMTL-S"])
def test_the_set_of_relations_is_symmetric_whatever_the_step(name, setting):
    step = np.random.default_rng(0).normal(size=(4, 4))
    C = METHODS[name].sets(setting, 4)["C"].project(step)
    np.testing.assert_allclose(C, C.T, atol=1e-15)
    assert (C >= 0).all()
    assert C.max() > 0


def test_one_relation_for_all_pairs_is_the_sum_of_all(data, setting):
    problem, lam = start("NMTL", data, setting)
    lam |= {"C": 0.003, "rho": 0.01}
    flat = problem.pack(**lam)
    found = hgref.reverse(problem, flat)
    np.testing.assert_allclose(cpu.reverse(problem, flat).grad, found.grad, rtol=1e-9)
    slopes = central_differences(problem.f, flat)[0]
    np.testing.assert_allclose(found.grad, slopes, rtol=1e-6)
    each = inner_problem("HMTL", data, setting)
    of_each = hgref.reverse(each, each.pack(**lam | {"C": np.full((4, 4), 0.003)}))
    assert found.f == pytest.approx(of_each.f)
    assert found["C"] == pytest.approx(of_each["C"].sum(), rel=1e-9)
    assert found["rho"] == pytest.approx(of_each["rho"], rel=1e-9)
