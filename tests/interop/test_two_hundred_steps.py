"""Training loops of 200 steps, differentiated by their framework: right, or called by name."""

import numpy as np
import pytest

import hgref
from hgref.objectives import L2, Softmax

T = 200
RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((24, 4)), RNG.integers(0, 3, 24)
RATES = {"eta": 0.05, "beta1": 0.9, "beta2": 0.99, "eps": 1e-3, "l2": 0.02}


def problem_in(dynamics):
    J = Softmax(X[:16], Y[:16], 3, bias=False) + L2()
    return hgref.Problem(dynamics(J), Softmax(X[16:], Y[16:], 3, bias=False), T)


def judge(found, ran, others):
    """`found` is right for what was run, to 1e-10, and named under every other convention."""
    problem = problem_in(lambda J: hgref.Adam(J, ran))
    eps_root = {"eps_root": 0.0}
    lam = {**RATES, **(eps_root if ran == "optax" else {})}
    g = hgref.reverse(problem, lam)
    for name, x in found.items():
        assert float(x) == pytest.approx(float(g[name]), rel=1e-10)
    assert hgref.check(problem, lam, found)
    for asked in others:
        other = problem_in(lambda J, asked=asked: hgref.Adam(J, asked))
        diagnosis = hgref.diagnose(other, RATES, found, pairs=False)
        # without eps_root torch and optax are one
        expected = ("adam-convention", "torch or optax")
        assert (diagnosis[0].name, diagnosis[0].variant) == expected


def test_torch():
    torch = pytest.importorskip("torch")
    features, labels = torch.tensor(X), torch.tensor(Y)
    lam = {n: torch.tensor(x, dtype=torch.float64, requires_grad=True) for n, x in RATES.items()}
    loss = torch.nn.functional.cross_entropy
    w = torch.zeros(3, 4, dtype=torch.float64, requires_grad=True)
    m = u = torch.zeros_like(w)
    for t in range(1, T + 1):
        value = loss(features[:16] @ w.T, labels[:16]) + lam["l2"] / 2 * (w * w).sum()
        (g,) = torch.autograd.grad(value, w, create_graph=True)
        m = lam["beta1"] * m + (1 - lam["beta1"]) * g
        u = lam["beta2"] * u + (1 - lam["beta2"]) * g * g
        m_hat, u_hat = m / (1 - lam["beta1"] ** t), u / (1 - lam["beta2"] ** t)
        w = w - lam["eta"] * m_hat / (u_hat.sqrt() + lam["eps"])
    grads = torch.autograd.grad(loss(features[16:] @ w.T, labels[16:]), list(lam.values()))
    judge(dict(zip(lam, grads, strict=True)), "torch", ["paper", "tf1"])


def test_optax():
    jax, optax = pytest.importorskip("jax"), pytest.importorskip("optax")

    def loss(w, rows):
        logits = X[rows] @ w.T
        return optax.softmax_cross_entropy_with_integer_labels(logits, Y[rows]).mean()

    def f(lam):
        adam = optax.adam(lam["eta"], lam["beta1"], lam["beta2"], lam["eps"])

        def step(carry, _):
            w, state = carry
            decay = lam["l2"] / 2
            g = jax.grad(lambda w: loss(w, slice(16)) + decay * (w * w).sum())(w)
            updates, state = adam.update(g, state)
            return (optax.apply_updates(w, updates), state), None

        start = jax.numpy.zeros((3, 4))
        (w, _), _ = jax.lax.scan(step, (start, adam.init(start)), length=T)
        return loss(w, slice(16, None))

    with jax.enable_x64(True):
        found = jax.grad(f)(RATES)
    judge({name: np.asarray(x) for name, x in found.items()}, "optax", ["paper", "tf1"])
