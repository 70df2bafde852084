"""Random problems: every dynamics x objective x schedule x batches x example weights x start.

A case is drawn as a seed and a few choices; the numbers come from NumPy's generator, scaled so that
thirty steps stay bounded. What hypothesis shrinks are the choices.
"""

import itertools
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse
from hypothesis import settings
from hypothesis import strategies as st

import hgref
from hgref.objectives import (
    L2,
    MLP,
    Callback,
    Huber,
    LeastSquares,
    Logistic,
    MultiTask,
    Quadratic,
    Softmax,
    TaskCoupling,
)

few = settings(max_examples=settings().max_examples // 8)  # for tests that train many times

DYNAMICS = {
    "gd": hgref.GradientDescent,
    "momentum": hgref.Momentum,
    "nesterov": lambda J: hgref.Momentum(J, nesterov=True, weight_decay=0.1),
    "dampened": lambda J: hgref.Momentum(J, dampening=0.3, weight_decay=0.2),
    "adam-paper": lambda J: hgref.Adam(J, "paper"),
    "adam-torch": lambda J: hgref.Adam(J, "torch"),
    "adam-optax": lambda J: hgref.Adam(J, "optax"),
    "adam-tf1": lambda J: hgref.Adam(J, "tf1"),
    "adamw-torch": hgref.AdamW,
    "adamw-optax": lambda J: hgref.AdamW(J, "optax"),
    "rmsprop-torch": hgref.RMSProp,
    "rmsprop-optax": lambda J: hgref.RMSProp(J, "optax"),
    "adagrad-torch": hgref.AdaGrad,
    "adagrad-optax": lambda J: hgref.AdaGrad(J, "optax"),
}
JUMPING = {
    **DYNAMICS,
    "lion": hgref.Lion,
    "lasso": hgref.Proximal,
}  # for witnesses that take no differences

RANGES = {
    "eta": (0.01, 0.1),
    "mu": (0.1, 0.9),
    "beta": (0.5, 0.99),
    "beta1": (0.1, 0.9),
    "beta2": (0.5, 0.99),
    "eps": (1e-3, 1e-1),
    "eps_root": (1e-3, 1e-1),
    "weight_decay": (0.0, 0.5),
    "l1": (0.01, 0.1),
    "l2": (0.0, 0.5),
    "threshold": (0.2, 1.5),
    "weights": (0.1, 1.5),
    "c": (0.2, 1.0),
    "C": (0.0, 0.3),
    "rho": (0.1, 0.8),
    "w0": (-1.0, 1.0),
}


def quadratic(rng, choice):
    p = 4
    root = rng.standard_normal((p, p)) / 2
    A = root @ root.T + 0.3 * np.triu(rng.standard_normal((p, p)), 1)  # not symmetric
    return Quadratic(A, rng.standard_normal(p)), Quadratic(np.eye(p), rng.standard_normal(p))


def data(rng, choice):
    """Features (sparse or not), options of a data loss, and the same for validation."""
    X, Xv = rng.standard_normal((7, 3)), rng.standard_normal((5, 3))
    if choice.sparse:
        X = scipy.sparse.csr_matrix(X * (rng.random(X.shape) < 0.5))
    centre = X.mean(axis=0) if choice.centre else None
    centre = None if centre is None else np.asarray(centre).reshape(-1)
    options = {"example_weights": choice.weights, "centre": centre}
    if choice.batches:  # with repetitions
        options["batches"] = rng.integers(0, 7, (choice.T, 3))
    return X, Xv, options, {"centre": centre}


def least_squares(rng, choice):
    X, Xv, options, valid = data(rng, choice)
    bias = bool(rng.integers(2))
    J = LeastSquares(X, rng.standard_normal(7), bias=bias, **options)
    return J, LeastSquares(Xv, rng.standard_normal(5), bias=bias, **valid)


def huber(rng, choice):
    """Errors on both sides of the threshold, which is a hyperparameter; E sees it directly."""
    X, Xv, options, valid = data(rng, choice)
    bias = bool(rng.integers(2))
    J = Huber(X, 2 * rng.standard_normal(7), bias=bias, **options)
    return J, Huber(Xv, 2 * rng.standard_normal(5), bias=bias, **valid)


def logistic(rng, choice):
    X, Xv, options, valid = data(rng, choice)
    J = Logistic(X, rng.integers(0, 2, 7), **options)
    return J, Logistic(Xv, rng.integers(0, 2, 5), **valid)


def softmax(rng, choice):
    X, Xv, options, valid = data(rng, choice)
    J = Softmax(X, rng.integers(0, 3, 7), 3, **options)
    return J, Softmax(Xv, rng.integers(0, 3, 5), 3, **valid)


def network(rng, choice, activations):
    """One, two or three layers (square, so that a swap keeps shapes), both heads, L2 by layer."""
    X, Xv, options, valid = data(rng, choice)
    hidden = [(), (4,), (3, 3)][rng.integers(3)]
    shared = {"activation": activations[rng.integers(len(activations))]}
    if rng.integers(2):
        shared |= {"head": "softmax", "classes": 3}
        y, yv = rng.integers(0, 3, 7), rng.integers(0, 3, 5)
    else:
        shared["head"] = "squared"
        y, yv = rng.standard_normal((7, 2)), rng.standard_normal((5, 2))
    J, E = MLP(X, y, hidden, **shared, **options), MLP(Xv, yv, hidden, **shared, **valid)
    return J + L2(J.layer_labels), E


def mlp(rng, choice):
    return network(rng, choice, ["tanh", "softplus"])


def relu(rng, choice):
    return network(rng, choice, ["relu"])


def two_heads(rng, choice):
    """One network for classes and for numbers beside them; E has the classes alone, or both."""
    X, Xv, options, valid = data(rng, choice)
    hidden = [(), (4,), (3, 5)][rng.integers(3)]
    shared = {"activation": ["tanh", "softplus"][rng.integers(2)], "classes": 3}
    y, yv = rng.integers(0, 3, 7), rng.integers(0, 3, 5)
    second, second_v = rng.standard_normal((7, 2)), rng.standard_normal((5, 2))
    J = MultiTask(X, y, second, hidden, **shared, **options)
    rho = [0.0, "rho"][rng.integers(2)]
    return J, MultiTask(Xv, yv, second_v, hidden, **shared, **valid, rho=rho)


def coupled(rng, choice):
    """Softmax regression whose classes are drawn together; E may depend on C and ρ directly."""
    J, E = softmax(rng, choice)
    relations = TaskCoupling(3, 3, ["each", "equal"][rng.integers(2)])
    return J + relations, E + relations if rng.integers(2) else E


def with_l2(rng, choice):
    """Penalties of the three kinds; E reads block l2 too, so it depends on λ directly."""
    J, E = logistic(rng, choice)
    groups = [None, "weight", J.block_labels][rng.integers(3)]
    return J + L2(groups), E + L2(groups)


def callback(rng, choice):
    """J = Σ c_j sin(w_j)² + ¼ Σ w⁴, written out by hand; E adds c · c: a direct dependence."""
    p = 3

    def value(w, lam):
        return np.sum(lam["c"] * np.sin(w) ** 2) + np.sum(w**4) / 4

    def grad(w, lam):
        return lam["c"] * np.sin(2 * w) + w**3

    def curvature(w, lam):
        return 2 * lam["c"] * np.cos(2 * w) + 3 * w**2

    def grad_jvp(w, lam, dw, dlam):
        return curvature(w, lam)[:, None] * dw + np.sin(2 * w)[:, None] * dlam["c"]

    def grad_vjp(w, lam, u):
        return curvature(w, lam) * u, {"c": np.sin(2 * w) * u}

    hyper = {"c": (p,)}
    J = Callback(value, grad, grad_jvp, grad_vjp, hyper=hyper, p=p)
    E = Callback(
        lambda w, lam: np.sum((w - 1) ** 2) + lam["c"] @ lam["c"],
        lambda w, lam: 2 * (w - 1),
        grad_lam=lambda w, lam: {"c": 2 * lam["c"]},
    )
    return J, E


OBJECTIVES = {
    "quadratic": quadratic,
    "least-squares": least_squares,
    "logistic": logistic,
    "softmax": softmax,
    "with-l2": with_l2,
    "callback": callback,
    "mlp": mlp,
}

TASKS = {"two-heads": two_heads, "coupled": coupled}  # with fewer of the dynamics
# for witnesses that take no differences
KINKED = {**OBJECTIVES, **TASKS, "huber": huber, "relu": relu}
SOME = ("softmax", "with-l2", "callback", "mlp")
CROSSED = ("momentum", "adam-torch")


def pairs(objectives, crossed=CROSSED, some=SOME):
    """(dynamics, objective): `crossed` with each objective, each of the others with one of `some`.

    A dynamics knows J by its gradient alone: there are n + m derivatives, and not n m.
    """
    dynamics = JUMPING if objectives is KINKED else DYNAMICS
    turns = itertools.cycle([o for o in objectives if o in some])
    rest = [(d, next(turns)) for d in dynamics if d not in crossed]
    return [(d, o) for d in crossed for o in objectives] + rest


def compiled_pairs(objectives):
    """Fewer: a law and a loss that were not together yet take five seconds to compile."""
    if settings().max_examples > 100:
        return list(itertools.product(DYNAMICS, objectives))
    return pairs(objectives, ("momentum",), ("softmax", "mlp"))


@dataclass(frozen=True)
class Choice:
    """What hypothesis chooses; the rest is drawn from the seed."""

    seed: int
    T: int
    sparse: bool
    centre: bool
    weights: bool
    batches: bool
    learn_w0: bool
    schedules: tuple[bool, ...]


def choices(max_T=30):
    yes = st.booleans()
    return st.builds(
        Choice,
        seed=st.integers(0, 2**32 - 1),
        T=st.integers(1, max_T),
        sparse=yes,
        centre=yes,
        weights=yes,
        batches=yes,
        learn_w0=yes,
        schedules=st.tuples(*[yes] * 5),
    )


def build(dynamics, objective, choice):
    """(problem, lam): the problem of that choice and a random point inside of its Λ."""
    rng = np.random.default_rng(choice.seed)
    J, E = KINKED[objective](rng, choice)
    if choice.T in (J.p, number_of_layers(J)):  # a schedule would have two meanings
        return build(dynamics, objective, replace(choice, T=choice.T + 1))
    w0 = rng.uniform(-1, 1, J.p)
    problem = hgref.Problem(JUMPING[dynamics](J), E, choice.T, w0, learn_w0=choice.learn_w0)
    return problem, point(problem, rng, choice.schedules)


def number_of_layers(J):
    return 0 if J.layer_labels is None else J.layer_labels.max() + 1


def point(problem, rng, schedules=(False,) * 5):
    shapes = dict(problem.layout.shapes)
    for name, scheduled in zip(problem.dynamics.names, schedules, strict=False):
        if scheduled:
            shapes[name] = (problem.T,)
    return problem.pack(**{name: rng.uniform(*RANGES[name], s) for name, s in shapes.items()})


def relative(found, true):
    """|found − true| / |true| in the norm of the whole; absolute where true is 0."""
    return np.linalg.norm(np.subtract(found, true)) / (np.linalg.norm(true) or 1.0)
