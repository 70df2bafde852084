"""Where a gradient is exactly zero: the frameworks' NaN beside hgref's number."""

import numpy as np
import pytest

import hgref
from hgref.objectives import LeastSquares, Quadratic

T, BETA1, BETA2, EPS = 4, 0.9, 0.99, 1e-3
X = np.random.default_rng(0).standard_normal((6, 3))
X[:, 0] = 0.0  # weight 0 never has a gradient
Y = np.ones(6)


def ours():
    """(f, ∂f/∂η) by hgref, which differences and the complex step confirm."""
    J, E = LeastSquares(X, Y), Quadratic(np.eye(3), np.ones(3))
    problem = hgref.Problem(hgref.Adam(J, "torch"), E, T)
    lam = problem.pack(eta=0.1, beta1=BETA1, beta2=BETA2, eps=EPS)
    g = hgref.reverse(problem, lam)
    assert g["eta"] == pytest.approx(hgref.witness.complex_step(problem.f, lam)[0], rel=1e-12)
    slopes, errors = hgref.witness.central_differences(problem.f, lam)
    assert g["eta"] == pytest.approx(slopes[0], abs=10 * errors[0])
    return g.f, g["eta"]


def f_of_eta(xp, X, Y, zeros, eta):
    """½‖w_T‖² − Σ w_T after Adam in torch's convention, in the framework xp."""
    w = m = u = zeros
    for t in range(1, T + 1):
        g = X.T @ (X @ w - Y) / 6
        m, u = BETA1 * m + (1 - BETA1) * g, BETA2 * u + (1 - BETA2) * g * g
        w = w - eta * (m / (1 - BETA1**t)) / (xp.sqrt(u / (1 - BETA2**t)) + EPS)
    return w @ w / 2 - w.sum()


def by_torch():
    torch = pytest.importorskip("torch")
    eta = torch.tensor(0.1, dtype=torch.float64, requires_grad=True)
    zeros = torch.zeros(3, dtype=torch.float64)
    f = f_of_eta(torch, torch.tensor(X), torch.tensor(Y), zeros, eta)
    return f.item(), torch.autograd.grad(f, eta)[0].item()


def by_jax():
    jax = pytest.importorskip("jax")
    with jax.enable_x64(True):
        zeros = jax.numpy.zeros(3)
        f = jax.value_and_grad(lambda eta: f_of_eta(jax.numpy, X, Y, zeros, eta))
        return tuple(map(float, f(0.1)))


@pytest.mark.parametrize("by_framework", [by_torch, by_jax], ids=["torch", "jax"])
def test_a_framework_says_nan_and_hgref_the_number(by_framework):
    f, theirs = by_framework()
    value, number = ours()
    assert f == pytest.approx(value, rel=1e-12)
    assert np.isnan(theirs)
    assert np.isfinite(number)


@pytest.mark.parametrize(
    ("dynamics", "keep", "add"),
    [(hgref.RMSProp, BETA2, 1 - BETA2), (hgref.AdaGrad, 1.0, 1.0)],
    ids=["rmsprop", "adagrad"],
)
def test_torch_says_nan_of_the_root_of_squares_too(dynamics, keep, add):
    torch = pytest.importorskip("torch")
    eta = torch.tensor(0.1, dtype=torch.float64, requires_grad=True)
    w = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    u = torch.zeros_like(w)
    for _ in range(T):
        g = torch.tensor(X.T) @ (torch.tensor(X) @ w - torch.tensor(Y)) / 6
        u = keep * u + add * g * g
        w = w - eta * g / (u.sqrt() + EPS)
    f = w @ w / 2 - w.sum()
    (theirs,) = torch.autograd.grad(f, eta)
    J, E = LeastSquares(X, Y), Quadratic(np.eye(3), np.ones(3))
    problem = hgref.Problem(dynamics(J), E, T)
    rates = {"eta": 0.1, "beta": BETA2, "eps": EPS}
    lam = problem.pack(**{name: rates[name] for name in problem.layout.shapes})
    g = hgref.reverse(problem, lam)
    assert g.f == pytest.approx(f.item(), rel=1e-12)
    assert np.isnan(theirs.item())
    assert g["eta"] == pytest.approx(hgref.witness.complex_step(problem.f, lam)[0], rel=1e-12)
