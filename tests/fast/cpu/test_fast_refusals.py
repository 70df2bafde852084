"""What the fast layer does not do, it says."""

import numpy as np
import pytest
import scipy.sparse

import hgref
from hgref.fast import cpu
from hgref.objectives import L2, Callback, LeastSquares

ALGORITHMS = {
    "forward": cpu.forward,
    "reverse": cpu.reverse,
    "truncated": lambda *a, **k: cpu.truncated(*a, K=1, **k),
    "checkpointed": cpu.checkpointed,
    "realtime": lambda *a, **k: cpu.realtime(*a, every=a[0].T, **k),
}
each = pytest.mark.parametrize("algorithm", ALGORITHMS.values(), ids=ALGORITHMS)


def regression():
    rng = np.random.default_rng(0)
    return LeastSquares(rng.standard_normal((6, 3)), rng.standard_normal(6))


@each
def test_a_dynamics_without_a_law_is_refused_with_a_sentence(algorithm):
    class Descent(hgref.Dynamics):
        names = ("eta",)

        def step(self, t, s, lam):
            return s - lam["eta"] * self.J.grad(t, s, lam)

    class Other(hgref.GradientDescent):
        def at(self, t, s, lam):
            return super().at(t, s, lam)

    for dynamics in (Descent(regression()), Other(regression())):
        problem = hgref.Problem(dynamics, regression(), T=3)
        with pytest.raises(TypeError, match="expected one with a law.*found .*hgref itself"):
            algorithm(problem, {"eta": 0.1})


class Slower(hgref.GradientDescent):
    """A law of a user's own, with a number computed from t by code that takes one t at a time."""

    law = hgref.Law(
        lambda w, g, eta, later: w - later * eta * g,
        lambda g, eta, later, dw, dg, deta: dw - later * (eta * dg + g * deta),
        lambda g, eta, later, b_w: (b_w, -later * eta * b_w, -later * g * b_w),
    )

    def numbers(self, t, rates):
        return {**super().numbers(t, rates), "later": 0.5 if t > 2 else 1.0}


def tripled(pair):
    return 3 * pair[0], pair[1]


class Tripled(LeastSquares):
    """A loss whose `at` is a user's own."""

    def at(self, t, w, lam):
        at = super().at(t, w, lam)
        return hgref.at.At(
            3 * at.value, lambda *a: 3 * at.jvp(*a), lambda u: (3 * at.vjp(u)[0], {})
        )


@pytest.mark.parametrize("dynamics", [hgref.GradientDescent, Slower, hgref.Lion])
@pytest.mark.parametrize("kind", ["callback", "huber", "tripled", "plain", "two kinds"])
def test_what_has_no_compiled_form_runs_as_it_is(kind, dynamics):
    """Terms of J that only the readable layer has stand beside fast ones; any law is compiled."""
    rng = np.random.default_rng(0)
    data = rng.standard_normal((6, 3)), rng.standard_normal(6)
    J = {
        "callback": Callback(
            lambda w, lam: w @ w,
            lambda w, lam: 2 * w,
            lambda w, lam, dw, dlam: 2 * dw,
            lambda w, lam, u: (2 * u, {}),
            p=3,
        ),
        "huber": hgref.objectives.Huber(*data, bias=False),
        "tripled": Tripled(*data),
        "plain": regression(),
        "two kinds": hgref.objectives.Logistic(data[0], data[1] > 0, bias=False),
    }[kind]
    problem = hgref.Problem(dynamics(J + L2() + regression()), regression(), 4, np.ones(3))
    lam = {"eta": 0.1, "l2": 0.2, "threshold": 0.7, "beta1": 0.9, "beta2": 0.8, "weight_decay": 0.1}
    lam = {name: lam[name] for name in problem.layout.shapes}
    for name in ("forward", "reverse"):
        found = getattr(cpu, name)(problem, lam)
        true = getattr(hgref, name)(problem, lam)
        np.testing.assert_allclose(found.grad, true.grad, rtol=1e-11, atol=1e-14)


@each
def test_a_validation_error_may_be_anything(algorithm):
    E = Callback(lambda w, lam: w @ w, lambda w, lam: 2 * w)
    problem = hgref.Problem(hgref.GradientDescent(regression()), E, T=3)
    algorithm(problem, {"eta": 0.1})


@each
@pytest.mark.parametrize("dtype", [np.float16, np.complex128, int])
def test_number_types(algorithm, dtype):
    problem = hgref.Problem(hgref.GradientDescent(regression()), regression(), T=3)
    with pytest.raises(ValueError, match="dtype: expected float64 or float32, found"):
        algorithm(problem, {"eta": 0.1}, dtype=dtype)


def test_complex_numbers_are_refused_by_name():
    problem = hgref.Problem(hgref.GradientDescent(regression()), regression(), T=3)
    with pytest.raises(TypeError, match="eta: expected real numbers, found complex128"):
        cpu.reverse(problem, {"eta": 0.1 + 1e-30j})
    X = np.ones((6, 3)) + 0j
    problem = hgref.Problem(hgref.GradientDescent(LeastSquares(X, np.ones(6))), regression(), T=3)
    with pytest.raises(TypeError, match="X: .*real numbers, found complex128"):
        cpu.reverse(problem, {"eta": 0.1})


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("where", ["J", "E", "y", "w0"])
def test_complex_data_are_not_cut_to_their_real_part(where, sparse):
    X, y = np.eye(6)[:, :3] + 0.1, np.ones(6)
    X = scipy.sparse.csr_matrix(X) if sparse else X
    pair = {"J": (X, y), "E": (X, y)}
    if where in pair:
        pair[where] = X * (1 + 1j), y
    if where == "y":
        pair["J"] = X, y + 1j
    J, E = (LeastSquares(*pair[which]) for which in "JE")
    w0 = np.zeros(3) + (1j if where == "w0" else 0)
    problem = hgref.Problem(hgref.GradientDescent(J), E, 3, w0)
    assert np.iscomplexobj(hgref.reverse(problem, [0.1]).grad)
    name = {"J": "X", "E": "X"}.get(where, where)
    for algorithm in (cpu.forward, cpu.reverse):
        with pytest.raises(TypeError, match=f"{name}: expected real numbers, found complex128"):
            algorithm(problem, [0.1])


def test_the_readable_refusals_are_the_same():
    problem = hgref.Problem(hgref.GradientDescent(regression()), regression(), T=3)
    for lam in ({"eta": np.nan}, {"eto": 0.1}, np.zeros(5)):
        with pytest.raises(ValueError, match="eta|hyperparameter|lam"):
            cpu.reverse(problem, lam)
    with pytest.raises(ValueError, match="K: expected an integer from 1 to 3, found 4"):
        cpu.truncated(problem, {"eta": 0.1}, K=4)
    with pytest.raises(ValueError, match="every: expected an integer from 1 to 3, found 0"):
        cpu.checkpointed(problem, {"eta": 0.1}, every=0)


@each
def test_divergence_is_told_as_the_readable_layer_tells_it(algorithm):
    rng = np.random.default_rng(0)
    J = LeastSquares(rng.standard_normal((6, 3)), rng.standard_normal(6)) + L2()
    problem = hgref.Problem(hgref.Momentum(J), regression(), T=400)
    lam = {"eta": 50.0, "mu": 0.0, "l2": 1.0}
    with pytest.raises(hgref.Diverged) as expected:
        hgref.reverse(problem, lam)
    with pytest.raises(hgref.Diverged) as found:
        algorithm(problem, lam)
    if algorithm not in (ALGORITHMS["forward"], ALGORITHMS["realtime"]):  # there Z_t may be first
        assert found.value.args == expected.value.args
