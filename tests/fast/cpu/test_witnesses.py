"""The witnesses of tests/hypergradient, once more on the fast layer itself."""

import os
import subprocess
import sys

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from strategies import DYNAMICS, build, choices, compiled_pairs, few, relative

import hgref
from hgref.fast import cpu
from hgref.fast.cpu import linear
from hgref.fast.cpu.dynamics import PIECE
from hgref.objectives import Softmax
from hgref.verify.witness import central_differences, complex_step

OBJECTIVES = ["softmax", "with-l2", "mlp"]
everywhere = pytest.mark.parametrize("dynamics", DYNAMICS)
of_some = pytest.mark.parametrize(("dynamics", "objective"), compiled_pairs(OBJECTIVES))


def off(found, true):
    """Distance from a witness; of gradients that are 0 but for rounding, absolute."""
    return np.linalg.norm(found - true) / max(np.linalg.norm(true), 1e-3)


@of_some
@few
@given(choice=choices(max_T=12))
def test_gradients_are_those_of_the_complex_step_through_the_readable_run(
    dynamics, objective, choice
):
    problem, lam = build(dynamics, objective, choice)
    true = complex_step(problem.f, lam)
    assert off(cpu.reverse(problem, lam).grad, true) < 1e-11
    assert off(cpu.forward(problem, lam).grad, true) < 1e-11


@everywhere
@few
@given(choice=choices(max_T=8))
def test_differences_of_the_fast_run_itself(dynamics, choice):
    problem, lam = build(dynamics, "softmax", choice)

    def f(x):
        s = cpu.last_state(problem, x)
        return problem.error(problem.T, s, x)

    true, error = central_differences(f, lam)
    assert np.all(np.abs(cpu.reverse(problem, lam).grad - true) <= 10 * error + 1e-8)


def large(dtype=np.float64, sparse=False):
    """A problem of more rows than one block and work enough for two threads."""
    import scipy.sparse

    rng = np.random.default_rng(0)
    X = rng.standard_normal((700, 300)) * (rng.random((700, 300)) < 0.3)
    X = scipy.sparse.csr_matrix(X) if sparse else X
    J = hgref.objectives.Softmax(X, rng.integers(0, 12, 700), 12, example_weights=True, centre=True)
    E = hgref.objectives.Softmax(X[:50], rng.integers(0, 12, 50), 12)
    problem = hgref.Problem(hgref.Momentum(J), E, T=6, w0=rng.standard_normal(J.p) / 9)
    return problem, problem.pack(eta=0.5, mu=0.8, weights=rng.random(700))


@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "sparse"])
def test_blocks_and_threads(sparse):
    problem, lam = large(sparse=sparse)
    true = hgref.reverse(problem, lam)
    for recompute in (False, True):
        found = cpu.reverse(problem, lam, recompute=recompute)
        assert relative(found.grad, true.grad) < 1e-12
        again = cpu.reverse(problem, lam, recompute=recompute)
        assert np.array_equal(found.grad, again.grad)
    true = hgref.forward(problem, lam, ["eta", "mu"])
    assert relative(cpu.forward(problem, lam, ["eta", "mu"]).grad, true.grad) < 1e-12


def test_many_weights_are_shared_between_threads():
    """Pieces of the weights, the last one of a thread shorter, in every job of a step."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((700, 2800)) / 9, rng.integers(0, 12, 700)
    J = hgref.objectives.Softmax(X, y, 12, example_weights=True, centre=True)
    assert J.p > 2 * PIECE
    E = hgref.objectives.Softmax(X[:50], y[:50], 12)
    relations = hgref.objectives.TaskCoupling(12, 2800)
    together = J + hgref.objectives.L2() + relations
    problem = hgref.Problem(hgref.Momentum(together), E, T=4, w0=rng.standard_normal(J.p) / 9)
    C = rng.random((12, 12)) / 99
    lam = problem.pack(eta=0.1, mu=0.8, weights=rng.random(700), l2=0.1, C=C, rho=0.02)
    assert relative(cpu.reverse(problem, lam).grad, hgref.reverse(problem, lam).grad) < 1e-12
    names = ["eta", "mu", "l2", "rho"]
    true = hgref.forward(problem, lam, names)
    assert relative(cpu.forward(problem, lam, names).grad, true.grad) < 1e-12


@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "sparse"])
def test_single_precision_is_that(sparse):
    problem, lam = large(sparse=sparse)
    true = hgref.reverse(problem, lam)
    found = cpu.reverse(problem, lam, dtype=np.float32)
    assert 1e-10 < relative(found.grad, true.grad) < 1e-5
    assert found.grad.dtype == np.float64


@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "sparse"])
def test_one_thread_and_two_give_the_same_bits(sparse):
    import numba

    problem, lam = large(sparse=sparse)
    two = cpu.reverse(problem, lam)
    threads = numba.get_num_threads()
    try:
        numba.set_num_threads(1)
        one = cpu.reverse(problem, lam)
    finally:
        numba.set_num_threads(threads)
    assert np.array_equal(one.grad, two.grad)  # parts do not depend on the threads


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_process_has_threads_of_its_own():
    """In a process of its own: Python warns of a fork where threads run."""
    code = """
import os, numpy as np, hgref
from hgref.fast import cpu
X, y = np.random.default_rng(0).standard_normal((3000, 100)), np.arange(3000) % 5
J = hgref.objectives.Softmax(X, y, 5)
problem = hgref.Problem(hgref.GradientDescent(J), J, 3)
before = cpu.reverse(problem, [0.1]).grad  # the threads of the parent are running now
child = os.fork()
if child == 0:
    os._exit(0 if np.array_equal(cpu.reverse(problem, [0.1]).grad, before) else 3)
raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, timeout=300)


@pytest.mark.parametrize("form", [np.asarray, scipy.sparse.csr_matrix])
def test_data_without_columns_leave_the_biases(form):
    y = [0, 1, 2, 0, 0, 1]
    J = hgref.objectives.Softmax(form(np.zeros((6, 0))), y, 3)
    problem = hgref.Problem(hgref.GradientDescent(J + hgref.objectives.L2()), J, 3)
    lam = problem.pack(eta=0.1, l2=0.2)
    slopes = hgref.witness.complex_step(problem.f, lam)
    for found in (cpu.reverse(problem, lam), cpu.forward(problem, lam)):
        assert relative(found.grad, slopes) < 1e-12


def test_large_logits_do_not_overflow():
    rng = np.random.default_rng(0)
    for make in (hgref.objectives.Softmax, hgref.objectives.Logistic):
        J = make(1000 * rng.standard_normal((20, 4)), rng.integers(0, 2, 20))
        problem = hgref.Problem(hgref.GradientDescent(J), J, T=5, w0=rng.standard_normal(J.p))
        lam = {"eta": 1e-3}
        assert cpu.reverse(problem, lam).f == pytest.approx(
            hgref.reverse(problem, lam).f, rel=1e-11
        )


def test_many_columns_take_more_passes(monkeypatch):
    """Eight columns at once at least, here with example weights and a base of one."""
    monkeypatch.setattr(linear, "PANEL_BYTES", 1)
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((20, 3)), rng.integers(0, 2, 20)
    J = Softmax(X, y, 2, example_weights=True)
    problem = hgref.Problem(hgref.Momentum(J), Softmax(X[:9], y[:9], 2), 5)
    lam = problem.pack(eta=0.1, mu=0.5, weights=rng.uniform(0.5, 1, 20))
    true = complex_step(problem.f, lam)
    np.testing.assert_allclose(cpu.forward(problem, lam).grad, true, rtol=1e-11)
