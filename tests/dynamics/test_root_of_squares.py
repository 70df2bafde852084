"""RMSProp and AdaGrad against loops written from documentation, and at a gradient that is zero."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import few, relative

import hgref
from hgref.objectives import LeastSquares, Quadratic

EVERY = [
    *[lambda J, c=c: hgref.RMSProp(J, c) for c in ("torch", "optax")],
    *[lambda J, c=c: hgref.AdaGrad(J, c) for c in ("torch", "optax")],
    lambda J: hgref.AdaGrad(J, "optax", initial=0.0),
]
every = pytest.mark.parametrize(
    "make", EVERY, ids=["rms-torch", "rms-optax", "ada-torch", "ada-optax", "ada-optax-from-0"]
)
RATES = {"eta": 0.1, "beta": 0.9, "eps": 1e-2}


def rates(dynamics):
    return {name: RATES[name] for name in dynamics.names}


def documented(kind, convention, grad, w, T, eta, eps, beta=None, initial=0.0):
    """Line by line what the two libraries say of themselves."""
    u = np.full(w.shape, initial)
    for _ in range(T):
        g = grad(w)
        u = beta * u + (1 - beta) * g * g if kind == "rms" else u + g * g
        w = w - eta * g / (np.sqrt(u) + eps if convention == "torch" else np.sqrt(u + eps))
    return w


@given(
    seed=st.integers(0, 1000),
    T=st.integers(1, 12),
    kind=st.sampled_from(["rms", "ada"]),
    convention=st.sampled_from(["torch", "optax"]),
    initial=st.sampled_from([None, 0.0, 0.5]),
)
def test_the_run_is_that_of_the_documentation(seed, T, kind, convention, initial):
    rng = np.random.default_rng(seed)
    A, b, w0 = np.diag(rng.uniform(0.5, 2, 3)), *rng.standard_normal((2, 3))
    J = Quadratic(A, b)
    if kind == "rms":
        dynamics, start = hgref.RMSProp(J, convention), 0.0
    else:
        dynamics = hgref.AdaGrad(J, convention, initial)
        start = {"torch": 0.0, "optax": 0.1}[convention] if initial is None else initial
    problem = hgref.Problem(dynamics, J, T, w0)
    lam = rates(dynamics)
    expected = documented(
        kind, convention, lambda w: A @ w - b, w0, T, lam["eta"], lam["eps"], lam.get("beta"), start
    )
    found = dynamics.weights(hgref.reverse(problem, lam).s_T)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)


@few
@given(seed=st.integers(0, 1000), T=st.integers(1, 30), eps=st.floats(1e-4, 0.1))
def test_adagrad_on_a_linear_loss_has_a_closed_form(seed, T, eps):
    """J = c·w: u_t = t c², so w_T = −η Σ_t c / (√t |c| + ε); λ's derivatives follow."""
    c = np.random.default_rng(seed).uniform(0.2, 2, 3)
    root = np.sqrt(np.arange(1, T + 1))[:, None] * c
    J, E = Quadratic(np.zeros((3, 3)), -c), Quadratic(np.zeros((3, 3)), -np.ones(3))
    g = hgref.reverse(hgref.Problem(hgref.AdaGrad(J), E, T), {"eta": 0.1, "eps": eps})
    assert g.f == pytest.approx(-0.1 * (c / (root + eps)).sum(), rel=1e-12)
    assert g["eta"] == pytest.approx(-(c / (root + eps)).sum(), rel=1e-12)
    assert g["eps"] == pytest.approx(0.1 * (c / (root + eps) ** 2).sum(), rel=1e-12)


@every
def test_a_gradient_that_is_exactly_zero(make):
    """Weight 0 has a feature that is always 0: its g is 0 at every step, only its E moves."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((6, 3))
    X[:, 0] = 0.0
    J = LeastSquares(X, rng.standard_normal(6), example_weights=True)
    problem = hgref.Problem(make(J), Quadratic(np.eye(3), np.ones(3)), 5, learn_w0=True)
    lam = problem.pack(**rates(problem.dynamics), weights=np.ones(6))
    witness = hgref.witness.complex_step(problem.f, lam)
    assert np.isfinite(witness).all()
    assert relative(hgref.reverse(problem, lam).grad, witness) < 1e-11
    assert relative(hgref.forward(problem, lam).grad, witness) < 1e-11


@pytest.mark.parametrize("mean", [True, False])
@pytest.mark.parametrize(("convention", "slope"), [("torch", 0.1 / 1e-2), ("optax", 0.1 / 0.1)])
def test_slope_through_a_zero_gradient(convention, slope, mean):
    """J = ½ w², w_0 = 0: then g = u = 0, and ∂w_1/∂w_0 = 1 − η/ε, or 1 − η/√ε."""
    J, E = Quadratic([[1.0]], [0.0]), Quadratic([[0.0]], [-1.0])
    dynamics = hgref.RMSProp(J, convention) if mean else hgref.AdaGrad(J, convention, initial=0)
    problem = hgref.Problem(dynamics, E, 1, [0.0], learn_w0=True)
    for mode in (hgref.reverse, hgref.forward):
        found = mode(problem, rates(dynamics))
        assert found["w0"][0] == pytest.approx(1 - slope, rel=1e-13)
        assert found["eta"] == found["eps"] == 0


def test_a_zero_gradient_after_others_is_no_kink_even_with_beta_zero():
    """g_1 = 1, g_2 = 0 with β = 0: u_2 = 0 again, and w_2 moves with β by 0 · ∞ = 0."""
    kicks = np.array([[0], [1]])
    J = LeastSquares([[1.0], [0.0]], [-1.0, 5.0], batches=kicks)
    E = Quadratic([[0.0]], [-1.0])
    problem = hgref.Problem(hgref.RMSProp(J), E, 2, [0.0], learn_w0=True)
    g = hgref.reverse(problem, {"eta": 0.1, "beta": 0.0, "eps": 1e-2})
    assert g.f == pytest.approx(-0.1 / 1.01, rel=1e-13)  # the first step alone
    assert g["beta"] == pytest.approx(-0.1 * 0.5 / 1.01**2, rel=1e-13)  # u_1 = 1 − β
    assert np.isfinite(g.grad).all()


def test_torchs_lr_decay_is_a_schedule():
    """And the gradients in lr and lr_decay are those of the schedule, by the chain rule."""
    A, b = np.diag([0.5, 1.0, 2.0]), np.ones(3)
    J = Quadratic(A, b)
    T, lr, decay = 6, 0.3, 0.2
    late = np.arange(T)
    problem = hgref.Problem(hgref.AdaGrad(J), J, T)
    g = hgref.reverse(problem, {"eta": lr / (1 + late * decay), "eps": 1e-3})

    def f(lr, decay):
        w, u = np.zeros(3), np.zeros(3)
        for t in range(T):
            h = A @ w - b
            u = u + h * h
            w = w - lr / (1 + t * decay) * h / (np.sqrt(u) + 1e-3)
        return w @ A @ w / 2 - b @ w

    assert g.f == pytest.approx(f(lr, decay), rel=1e-12)
    assert g["eta"] @ (1 / (1 + late * decay)) == pytest.approx(
        f(lr + 1e-30j, decay).imag / 1e-30, rel=1e-10
    )
    assert g["eta"] @ (-lr * late / (1 + late * decay) ** 2) == pytest.approx(
        f(lr, decay + 1e-30j).imag / 1e-30, rel=1e-10
    )


def test_bad_settings_and_rates_are_refused_by_name():
    J = Quadratic([[1.0]], [1.0])
    with pytest.raises(ValueError, match="initial: expected numbers >= 0, found -1.0"):
        hgref.AdaGrad(J, initial=-1)
    with pytest.raises(ValueError, match=r"initial: expected shape \(\), found \(2,\)"):
        hgref.AdaGrad(J, initial=[0, 1])
    with pytest.raises(ValueError, match=r"unknown convention of RMSProp 'tf1'"):
        hgref.RMSProp(J, "tf1")
    with pytest.raises(ValueError, match=r"convention of AdaGrad 'Torch'.*did you mean 'torch'"):
        hgref.AdaGrad(J, "Torch")
    rms, ada = (hgref.Problem(make(J), J, 3) for make in (hgref.RMSProp, hgref.AdaGrad))
    with pytest.raises(ValueError, match="beta: expected numbers < 1, found 1.0"):
        hgref.reverse(rms, {"eta": 0.1, "beta": 1.0, "eps": 1e-8})
    with pytest.raises(ValueError, match="beta: expected numbers >= 0, found -0.5"):
        hgref.forward(rms, {"eta": 0.1, "beta": [0.5, -0.5, 0.5], "eps": 1e-8})
    with pytest.raises(ValueError, match="eps: expected numbers >= 0"):
        hgref.reverse(ada, {"eta": 0.1, "eps": -1e-8})
    still = hgref.Problem(hgref.AdaGrad(J), J, 1, [1.0])  # g = 0
    with pytest.raises(hgref.Diverged, match="look for 0/0"):
        hgref.reverse(still, {"eta": 0.1, "eps": 0.0})
