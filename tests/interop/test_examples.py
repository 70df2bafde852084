"""What people differentiate: MAML, a meta-weight-net, learned optimizers, augmentation, optax.

In each example the user's own gradient comes from the framework, through a loop over the same step.
"""

import importlib

import numpy as np
import pytest

import hgref

T = 6


def right_and_wrong(problem, lam, mine):
    """check finds the user's gradient right, and a coordinate of it off by 1e-8 wrong."""
    assert hgref.check(problem, lam, mine).verdict == "right"
    off = {name: np.array(block, dtype=float) for name, block in mine.items()}
    largest = max(off, key=lambda name: np.abs(off[name]).max())
    off[largest].reshape(-1)[np.abs(off[largest]).argmax()] *= 1 + 1e-8
    assert hgref.check(problem, lam, off).verdict == "wrong"


# --- PyTorch ---


class InTorch:
    """hgref's problem beside a user's loop."""

    def __init__(self):
        self.torch = pytest.importorskip("torch")
        self.interop = importlib.import_module("hgref.interop.torch")
        random = np.random.default_rng(0)
        self.X = self.torch.tensor(random.standard_normal((24, 4)))
        self.y = self.torch.tensor(random.standard_normal(24))
        self.Xv = self.torch.tensor(random.standard_normal((10, 4)))
        self.yv = self.torch.tensor(random.standard_normal(10))

    def judged(self, step, start, error, lam):
        torch = self.torch
        leaves = {n: torch.tensor(x, dtype=torch.float64).requires_grad_() for n, x in lam.items()}
        state = start(leaves) if callable(start) else start
        for t in range(1, T + 1):
            state = step(t, state, leaves)
        found = torch.autograd.grad(error(state), list(leaves.values()))
        mine = {n: x.numpy() for n, x in zip(lam, found, strict=True)}

        shapes = {n: np.shape(x) for n, x in lam.items()}
        example = start(leaves) if callable(start) else start
        E = self.interop.objective(lambda state, lam: error(state), example)
        right_and_wrong(hgref.Problem(self.interop.dynamics(step, start, shapes), E, T), lam, mine)

    def slope(self, w, X, y):
        return X.T @ (X @ w - y) / len(y)


@pytest.fixture(scope="module")
def in_torch():
    return InTorch()


def test_maml_with_several_tasks(in_torch):
    tasks = [(in_torch.X[k::3], in_torch.y[k::3]) for k in range(3)]

    def step(t, weights, lam):  # the state: one copy of the weights for each task
        return [
            w - lam["eta"] * in_torch.slope(w, *task)
            for w, task in zip(weights, tasks, strict=True)
        ]

    def error(weights):
        return sum(((in_torch.Xv @ w - in_torch.yv) ** 2).mean() for w in weights)

    lam = {"eta": 0.1, "start": np.array([0.3, -0.2, 0.5, 0.1])}
    in_torch.judged(step, lambda lam: [lam["start"]] * 3, error, lam)


def test_a_meta_weight_net(in_torch):
    torch = in_torch.torch

    def step(t, w, lam):  # descent on Σ v_i r_i², with weights v_i that a network makes of r_i²
        residual = in_torch.X @ w - in_torch.y
        hidden = torch.tanh(residual[:, None] ** 2 * lam["W1"] + lam["b1"])
        return w - 0.1 * in_torch.X.T @ (torch.sigmoid(hidden @ lam["W2"]) * residual) / 24

    def error(w):
        return ((in_torch.Xv @ w - in_torch.yv) ** 2).mean()

    lam = {"W1": np.linspace(-1, 1, 3), "b1": np.full(3, 0.1), "W2": np.array([0.5, -0.4, 0.3])}
    in_torch.judged(step, torch.zeros(4, dtype=torch.float64), error, lam)


def test_the_strength_of_an_augmentation(in_torch):
    torch = in_torch.torch
    noise = torch.tensor(np.random.default_rng(1).standard_normal((T, 24, 4)))

    def step(t, w, lam):  # the noise is drawn once, its size is learned
        X = in_torch.X + lam["strength"] * noise[t - 1]
        return w - lam["eta"] * in_torch.slope(w, X, in_torch.y)

    def error(w):
        return ((in_torch.Xv @ w - in_torch.yv) ** 2).mean()

    start = torch.zeros(4, dtype=torch.float64)
    in_torch.judged(step, start, error, {"strength": 0.3, "eta": 0.2})


# --- JAX ---


class InJax:
    """The same with JAX."""

    def __init__(self):
        self.jax = pytest.importorskip("jax")
        self.jnp = importlib.import_module("jax.numpy")
        self.interop = importlib.import_module("hgref.interop.jax")
        random = np.random.default_rng(0)
        self.X, self.y = random.standard_normal((24, 4)), random.standard_normal(24)
        self.Xv, self.yv = random.standard_normal((10, 4)), random.standard_normal(10)

    def judged(self, step, start, error, lam):
        shapes = {n: np.shape(x) for n, x in lam.items()}
        dynamics = self.interop.dynamics(step, start, shapes)
        E = self.interop.objective(lambda state, lam: error(state), start)

        def f(lam):
            state = dynamics.unflatten(dynamics.flatten(start))
            for t in range(1, T + 1):
                state = step(t, state, lam)
            return error(state)

        with dynamics.float64():
            point = {n: self.jnp.asarray(x, dtype=float) for n, x in lam.items()}
            mine = {n: np.asarray(x) for n, x in self.jax.grad(f)(point).items()}
        right_and_wrong(hgref.Problem(dynamics, E, T), lam, mine)

    def loss(self, w):
        return ((self.X @ w - self.y) ** 2).mean()

    def validation(self, state):
        return ((self.Xv @ state["w"] - self.yv) ** 2).mean()


@pytest.fixture(scope="module")
def in_jax():
    return InJax()


def test_an_optax_chain_with_clipping_and_a_schedule(in_jax):
    optax = pytest.importorskip("optax")

    def chain(lam):
        schedule = optax.cosine_decay_schedule(1.0, T)
        return optax.chain(
            optax.clip_by_global_norm(lam["clip"]),
            optax.scale_by_adam(b1=lam["b1"], b2=0.99, eps=1e-3),
            optax.add_decayed_weights(lam["decay"]),
            optax.scale_by_schedule(lambda count: -lam["eta"] * schedule(count)),
        )

    def step(t, state, lam):
        g = in_jax.jax.grad(in_jax.loss)(state["w"])
        updates, slots = chain(lam).update(g, state["slots"], state["w"])
        return {"w": optax.apply_updates(state["w"], updates), "slots": slots}

    lam = {"clip": 0.7, "b1": 0.8, "decay": 0.1, "eta": 0.1}
    w = np.array([0.3, -0.2, 0.5, 0.1])
    in_jax.judged(step, {"w": w, "slots": chain(lam).init(w)}, in_jax.validation, lam)


def test_a_learned_optimizer(in_jax):
    jnp = in_jax.jnp

    def step(t, state, lam):  # a network of (g, velocity) makes each coordinate's update
        g = in_jax.jax.grad(in_jax.loss)(state["w"])
        v = 0.9 * state["v"] + g
        hidden = jnp.tanh(jnp.stack([g, v], axis=1) @ lam["W1"] + lam["b1"])
        return {"w": state["w"] - 0.1 * hidden @ lam["W2"], "v": v}

    random = np.random.default_rng(2)
    lam = {
        "W1": random.standard_normal((2, 5)),
        "b1": 0.1 * random.standard_normal(5),
        "W2": random.standard_normal(5),
    }
    start = {"w": np.array([0.3, -0.2, 0.5, 0.1]), "v": np.zeros(4)}
    in_jax.judged(step, start, in_jax.validation, lam)


def test_an_equinox_model(in_jax):
    eqx, jnp = pytest.importorskip("equinox"), in_jax.jnp
    model = eqx.nn.MLP(4, "scalar", 5, 1, activation=jnp.tanh, key=in_jax.jax.random.key(0))
    arrays, rest = eqx.partition(model, eqx.is_array)

    def loss(arrays, X, y):
        return ((in_jax.jax.vmap(eqx.combine(arrays, rest))(X) - y) ** 2).mean()

    def step(t, state, lam):
        g = in_jax.jax.grad(loss)(state["w"], in_jax.X, in_jax.y)
        v = in_jax.jax.tree.map(lambda v, g, w: lam["mu"] * v + g + lam["decay"] * w,
                                state["v"], g, state["w"])  # fmt: skip
        return {"w": eqx.apply_updates(state["w"], in_jax.jax.tree.map(
            lambda v: -lam["eta"] * v, v)), "v": v}  # fmt: skip

    start = {"w": arrays, "v": in_jax.jax.tree.map(jnp.zeros_like, arrays)}
    error = lambda state: loss(state["w"], in_jax.Xv, in_jax.yv)  # noqa: E731
    in_jax.judged(step, start, error, {"eta": 0.05, "mu": 0.8, "decay": 0.01})
