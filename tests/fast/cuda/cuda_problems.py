"""Random problems of every kind that the kernels know."""

import numpy as np

import hgref
from hgref.objectives import L2, MLP, LeastSquares, Logistic, MultiTask, Softmax, TaskCoupling


class Decaying(hgref.Coordinatewise):
    """A user's own: v_t = g − c v/(1 + v²), w_t = w − η v_t / √t, c not a hyperparameter."""

    state = ("v", "w")
    names = ("rate",)
    law = hgref.Law(
        lambda v, w, g, rate, c: (g - c * v / (1 + v**2), w - rate * (g - c * v / (1 + v**2))),
        lambda v, g, rate, c, dw, dv, drate, dg: (
            dg - c * (1 - v**2) / (1 + v**2) ** 2 * dv,
            dw
            - rate * (dg - c * (1 - v**2) / (1 + v**2) ** 2 * dv)
            - (g - c * v / (1 + v**2)) * drate,
        ),
        lambda v, g, rate, c, b_v, b_w: (
            b_w,
            -c * (1 - v**2) / (1 + v**2) ** 2 * (b_v - rate * b_w),
            -(g - c * v / (1 + v**2)) * b_w,
            b_v - rate * b_w,
        ),
    )

    def numbers(self, t, rates):
        return {"rate": rates["rate"] / t**0.5, "c": 0.3}

    def numbers_jvp(self, t, rates, drates):
        return {"rate": drates["rate"] / t**0.5}

    def numbers_vjp(self, t, rates, b):
        return {"rate": b["rate"] / t**0.5}


DYNAMICS = {
    "gd": hgref.GradientDescent,
    "momentum": lambda J: hgref.Momentum(J, dampening=0.1, weight_decay=0.02),
    "nesterov": lambda J: hgref.Momentum(J, nesterov=True),
    "adam": hgref.Adam,
    "adam-torch": lambda J: hgref.Adam(J, "torch"),
    "adamw": hgref.AdamW,
    "rmsprop": hgref.RMSProp,
    "adagrad": lambda J: hgref.AdaGrad(J, "optax"),
    "lion": hgref.Lion,
    "own": Decaying,
}
OBJECTIVES = (
    "weighted", "plain", "batches", "centred", "least-squares", "logistic", "softplus", "tanh",
    "relu", "two-heads", "heads-batches", "coupled",
)  # fmt: skip
RATES = {
    "eta": 0.1,
    "rate": 0.1,
    "mu": 0.7,
    "beta1": 0.8,
    "beta2": 0.9,
    "beta": 0.9,
    "weight_decay": 0.3,
    "eps": 0.1,
    "l2": 0.05,
    "rho": 0.4,
    "C": 0.2,
}


def objectives(kind, X, y, rng, T):
    """(J, E) of a kind."""
    n, labels = len(X), y.astype(int)
    batches = rng.integers(0, n, (T, max(2, n // 2)))  # an example may come twice
    softmax = Softmax(X[::-1], labels, 3)
    if kind == "weighted":
        return Softmax(X, labels, 3, example_weights=True) + L2(), softmax
    if kind == "plain":
        return Softmax(X, labels, 3), softmax
    if kind == "batches":
        return Softmax(X, labels, 3, example_weights=True, batches=batches), softmax
    if kind == "coupled":
        N = X.shape[1]
        return Softmax(X, labels, 3) + L2() + TaskCoupling(3, N), softmax
    if kind == "centred":
        return Softmax(X, labels, 3, centre=True) + L2(), softmax
    if kind == "least-squares":
        return LeastSquares(X, y, example_weights=True), LeastSquares(X[::-1], y)
    if kind == "logistic":
        J = Logistic(X, labels % 2, example_weights=True) + L2()
        return J, Logistic(X[::-1], labels % 2)
    if kind in ("two-heads", "heads-batches"):
        E = MultiTask(X[::-1], labels, X[:, :2], (4,), classes=3, rho=0.0)
        options = {"example_weights": True} if kind == "two-heads" else {"batches": batches}
        return MultiTask(X, labels, -X[:, :2], (4,), classes=3, **options) + L2(), E
    options = {"hidden": (4,), "activation": "relu", "head": "squared"}
    if kind == "softplus":
        options = {"hidden": (4,), "activation": "softplus", "classes": 3}
    if kind == "tanh":
        options = {"hidden": (4, 3), "activation": "tanh", "classes": 3}
    E = MLP(X[::-1], y, **options)
    if kind == "tanh":
        return MLP(X, y, batches=batches, **options), E
    return MLP(X, y, example_weights=True, **options) + L2(), E


def build(dynamics, kind, n=6, N=3, T=3, seed=0):
    """(problem, λ)."""
    rng = np.random.default_rng(seed)
    X, y = rng.standard_normal((n, N)), rng.integers(0, 3, n).astype(float)
    J, E = objectives(kind, X, y, rng, T)
    w0 = rng.standard_normal(J.p) / 2
    problem = hgref.Problem(DYNAMICS[dynamics](J), E, T=T, w0=w0)
    lam = {
        name: rng.random(shape) + 0.5
        if name in ("weights", "C")
        else np.full(shape, RATES.get(name))
        for name, shape in problem.layout.shapes.items()
    }
    return problem, problem.pack(**lam)
