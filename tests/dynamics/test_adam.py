"""Adam's four conventions told apart by closed forms, and its derivatives at a zero gradient."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import relative

import hgref
from hgref.objectives import Callback, LeastSquares, Quadratic, Sum

ADAMS = ["paper", "torch", "optax", "tf1"]


def linear(c):
    """J = c·w."""
    return Quadratic(np.zeros((len(c), len(c))), -np.asarray(c))


def closed_form(convention, c, T, eta, beta2, eps, eps_root):
    """w_T of Adam on c·w from w_0 = 0: m/(1-β1^t) = c and u/(1-β2^t) = c² at every step."""
    t = np.arange(1, T + 1)[:, None]
    q = np.sqrt(1 - beta2**t)
    steps = {
        "torch": c / (np.abs(c) + eps) + 0 * q,
        "optax": c / (np.sqrt(c**2 + eps_root) + eps) + 0 * q,
        "tf1": c * q / (np.abs(c) * q + eps),
        "paper": c * q / np.sqrt(c**2 * q**2 + eps),
    }
    return -eta * steps[convention].sum(axis=0)


def linear_problem(convention, c, T):
    """E = Σ w_T, so that f is the closed form itself."""
    E = linear(np.ones(len(c)))
    return hgref.Problem(hgref.Adam(linear(c), convention), E, T)


@pytest.mark.parametrize("convention", ADAMS)
@given(
    seed=st.integers(0, 1000),
    T=st.integers(1, 40),
    eps=st.floats(1e-6, 0.1),
)
def test_linear_loss_has_a_closed_form(convention, seed, T, eps):
    rng = np.random.default_rng(seed)
    c = rng.uniform(0.2, 2, 3) * rng.choice([-1, 1], 3)
    lam = {"eta": 0.1, "beta1": rng.uniform(0, 0.95), "beta2": rng.uniform(0.1, 0.99), "eps": eps}
    if convention == "optax":
        lam["eps_root"] = 0.01
    problem = linear_problem(convention, c, T)
    g = hgref.reverse(problem, lam)

    def f(eta, beta2, eps, eps_root):
        return closed_form(convention, c, T, eta, beta2, eps, eps_root).sum()

    at = (0.1, lam["beta2"], eps, lam.get("eps_root", 0.0))
    size = 0.1 * T * 3
    assert abs(g.f - f(*at)) < 1e-12 * size
    assert abs(g["beta1"]) < 1e-12 * size / (1 - lam["beta1"])
    if convention in ("torch", "optax"):
        assert abs(g["beta2"]) < 1e-11 * size / (1 - lam["beta2"])
    for j, name in enumerate(("eta", "beta2", "eps", "eps_root")):
        if name in lam:
            moved = [x + (1e-30j if k == j else 0) for k, x in enumerate(at)]
            slope = closed_form_complex(convention, c, T, *moved)
            assert abs(g[name] - slope) < 1e-11 * (size + abs(slope))


def closed_form_complex(convention, c, T, eta, beta2, eps, eps_root):
    """The slope of the closed form by the complex step (|c| is a constant)."""
    return closed_form(convention, c, T, eta, beta2, eps, eps_root).sum().imag / 1e-30


@pytest.mark.parametrize("convention", ADAMS)
def test_a_gradient_that_is_exactly_zero(convention):
    """Weight 0 has a feature that is always 0: its g is 0 at every step, only its E moves."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((6, 3))
    X[:, 0] = 0.0
    J = LeastSquares(X, rng.standard_normal(6), example_weights=True)
    E = Quadratic(np.eye(3), np.ones(3))
    problem = hgref.Problem(hgref.Adam(J, convention), E, 5, learn_w0=True)
    eps = {"eps_root": 0.0} if convention == "optax" else {}
    lam = problem.pack(eta=0.1, beta1=0.9, beta2=0.99, eps=1e-3, weights=np.ones(6), **eps)
    columns = [name for name in problem.layout.shapes if name != "eps_root"]
    forward = hgref.forward(problem, lam, wrt=columns)
    reverse = hgref.reverse(problem, lam)
    assert np.isfinite(reverse.grad).all()
    witness = hgref.witness.complex_step(problem.f, lam)
    for name in columns:
        expected = witness[problem.layout.slices[name]].reshape(forward[name].shape)
        assert relative(forward[name], expected) < 1e-11, name
        assert relative(reverse[name], expected) < 1e-11, name


@pytest.mark.parametrize("convention", ["torch", "tf1"])
def test_slope_through_a_zero_gradient(convention):
    """J = ½ w², w_0 = 0: then g = 0, and ∂w_1/∂w_0 = 1 − η c1 (1−β1)/ε, far from 1."""
    J = Quadratic([[1.0]], [0.0])
    E = Quadratic([[0.0]], [-1.0])
    problem = hgref.Problem(hgref.Adam(J, convention), E, 1, [0.0], learn_w0=True)
    lam = {"eta": 0.1, "beta1": 0.9, "beta2": 0.99, "eps": 1e-2}
    c1 = {"torch": 1 / 0.1, "tf1": np.sqrt(0.01) / 0.1}[convention]
    expected = 1 - 0.1 * c1 * 0.1 / 1e-2
    assert hgref.reverse(problem, lam)["w0"][0] == pytest.approx(expected, rel=1e-13)
    assert hgref.forward(problem, lam)["w0"][0] == pytest.approx(expected, rel=1e-13)


def reference_adam(convention, grad, w, T, eta, beta1, beta2, eps, eps_root=0.0):
    """Loops written from each library's documentation."""
    m = u = 0 * w
    for t in range(1, T + 1):
        g = grad(w)
        m, u = beta1 * m + (1 - beta1) * g, beta2 * u + (1 - beta2) * g**2
        m_hat, u_hat = m / (1 - beta1**t), u / (1 - beta2**t)
        eta_t = eta * np.sqrt(1 - beta2**t) / (1 - beta1**t)
        w = {
            "torch": w - eta * m_hat / (np.sqrt(u_hat) + eps),
            "optax": w - eta * m_hat / (np.sqrt(u_hat + eps_root) + eps),
            "tf1": w - eta_t * m / (np.sqrt(u) + eps),
            "paper": w - eta_t * m / np.sqrt(u + eps),
        }[convention]
    return w


@pytest.mark.parametrize("convention", ADAMS)
def test_the_run_is_that_of_the_documentation(convention):
    rng = np.random.default_rng(1)
    A = np.diag(rng.uniform(0.5, 2, 4))
    b, w0 = rng.standard_normal(4), rng.standard_normal(4)
    J = Quadratic(A, b)
    lam = {"eta": 0.1, "beta1": 0.9, "beta2": 0.99, "eps": 1e-3}
    if convention == "optax":
        lam["eps_root"] = 1e-2
    problem = hgref.Problem(hgref.Adam(J, convention), J, 20, w0)
    expected = reference_adam(convention, lambda w: A @ w - b, w0, 20, **lam)
    found = problem.dynamics.weights(hgref.reverse(problem, lam).s_T)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_torch_and_tf1_agree_when_epsilon_is_scheduled():
    """tf1 with eps_t = eps √(1-β2^t) is torch: the folklore about "epsilon hat", as an identity."""
    rng = np.random.default_rng(2)
    J = Quadratic(np.diag([1.0, 2.0]), rng.standard_normal(2))
    T, rates = 7, {"eta": 0.1, "beta1": 0.9, "beta2": 0.9}
    torch = hgref.Problem(hgref.Adam(J, "torch"), J, T)
    tf1 = hgref.Problem(hgref.Adam(J, "tf1"), J, T)
    q = np.sqrt(1 - 0.9 ** np.arange(1, T + 1))
    a = hgref.reverse(torch, {**rates, "eps": 0.01})
    b = hgref.reverse(tf1, {**rates, "eps": 0.01 * q})
    assert relative(b.s_T, a.s_T) < 1e-13
    assert b["eta"] == pytest.approx(a["eta"], rel=1e-12)
    assert (b["eps"] * q).sum() == pytest.approx(a["eps"], rel=1e-12)


def test_bad_rates_are_refused_by_name():
    problem = linear_problem("torch", [1.0], 3)
    good = {"eta": 0.1, "beta1": 0.9, "beta2": 0.99, "eps": 1e-8}
    with pytest.raises(ValueError, match="beta2: expected numbers < 1, found 1.0"):
        hgref.reverse(problem, {**good, "beta2": 1.0})
    with pytest.raises(ValueError, match="beta1: expected numbers >= 0, found -0.1"):
        hgref.forward(problem, {**good, "beta1": -0.1})
    with pytest.raises(ValueError, match="eps: expected numbers >= 0"):
        hgref.reverse(problem, {**good, "eps": -1e-8})
    with pytest.raises(
        ValueError, match=r"unknown convention of Adam 'Torch'.*did you mean 'torch'"
    ):
        hgref.Adam(linear([1.0]), "Torch")


def test_objectives_of_other_kinds_serve_adam_too():
    """The law sees only g: a sum of a callback and a quadratic is trained like anything else."""
    half = Callback(
        lambda w, lam: np.sum(w * w) / 2,
        lambda w, lam: w,
        grad_vjp=lambda w, lam, u: (u, {}),
    )
    J = Sum(half, linear([1.0, -1.0]))
    problem = hgref.Problem(hgref.Adam(J), J, 3)
    lam = problem.pack(eta=0.1, beta1=0.5, beta2=0.5, eps=0.1)
    witness = hgref.witness.complex_step(problem.f, lam)
    assert relative(hgref.reverse(problem, lam).grad, witness) < 1e-12
