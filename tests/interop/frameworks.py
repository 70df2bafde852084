"""The differences between PyTorch and JAX: one object each, for tests that run in both."""

import importlib

import numpy as np
import pytest


def momentum(t, lam, state, g):
    v, w = state
    v = lam["mu"] * v + g
    return v, w - lam["eta"] * v


def adam(t, lam, state, g):
    m, u, w = state
    m = lam["beta1"] * m + (1 - lam["beta1"]) * g
    u = lam["beta2"] * u + (1 - lam["beta2"]) * g * g
    m_hat, u_hat = m / (1 - lam["beta1"] ** t), u / (1 - lam["beta2"] ** t)
    root = (u_hat + lam.get("eps_root", 0.0)) ** 0.5
    return m, u, w - lam["eta"] * m_hat / (root + lam["eps"])


RULES = {"momentum": momentum, "adam": adam}


class Torch:
    """PyTorch: parameters in any precision, tensors with requires_grad, a loop over the steps."""

    name = adam = "torch"  # adam: hgref's name for the convention of its Adam
    noun, dtypes = "a tensor", "torch."  # in error messages: an array, and what precedes a dtype
    order = list  # the order of the blocks in a mapping that it returns

    def __init__(self):
        self.xp = self.torch = pytest.importorskip("torch")
        self.interop = importlib.import_module("hgref.interop.torch")

    def make(self, array, dtype="float32"):
        """A tensor as a user would make it, float32 by default."""
        return self.torch.tensor(np.asarray(array).tolist(), dtype=getattr(self.torch, dtype))

    def data(self, array):
        """An array for use inside a loss."""
        return self.torch.tensor(array)

    def numpy(self, tensor):
        return tensor.detach().to(self.torch.float64).numpy()

    def single(self, tensor):
        return tensor.float()

    def cross_entropy(self, z, labels):
        return self.torch.nn.functional.cross_entropy(z, self.data(labels), reduction="none")

    def candidate(self, tensor):
        """A gradient as a user might hand it over: it requires grad itself."""
        return tensor.detach().clone().requires_grad_()

    # params
    def linear(self):
        """The template {W, b} of a linear model."""
        return {"W": self.make(np.zeros((3, 4))), "b": self.make(np.zeros(3))}

    def own_template(self):
        return dict(self.torch.nn.Linear(3, 2).named_parameters())

    def layers(self, W1, b1, W2, b2):
        """The template of a network."""
        return [self.data(part) for part in (W1, b1, W2, b2)]

    def parts(self, params):
        """W1, b1, W2, b2 from such params."""
        return params

    def structure(self, params):
        return type(params)

    def leaves(self, params):
        if isinstance(params, self.torch.Tensor):
            return [params]
        return list(params.values() if isinstance(params, dict) else params)

    # training
    def differentiated(self, rule, problem, lam):
        """({name: ∇f(λ)}, w_T) by autograd through a loop."""
        torch, J, E = self.torch, problem.dynamics.J, problem.E
        lam = {n: torch.tensor(b, dtype=torch.float64, requires_grad=True) for n, b in lam.items()}
        w = torch.tensor(problem.w0, requires_grad=True)
        state = (*[torch.zeros_like(w)] * (len(problem.dynamics.state) - 1), w)
        for t in range(1, problem.T + 1):
            loss = J.fn(J.rebuild(J.cut(state[-1])), lam)
            (g,) = torch.autograd.grad(loss, state[-1], create_graph=True)
            state = RULES[rule](t, lam, state, g)
        error = E.fn(E.rebuild(E.cut(state[-1])), {})
        grads = torch.autograd.grad(error, list(lam.values()))
        return dict(zip(lam, grads, strict=True)), self.numpy(state[-1])

    def by_its_optimizer(self, rule, problem, lam):
        """({}, w_T) by torch.optim, which cannot be differentiated."""
        torch, J = self.torch, problem.dynamics.J
        w = torch.tensor(problem.w0, requires_grad=True)
        if rule == "momentum":
            optimizer = torch.optim.SGD([w], lr=lam["eta"], momentum=lam["mu"])
        else:
            betas = lam["beta1"], lam["beta2"]
            optimizer = torch.optim.Adam([w], lr=lam["eta"], betas=betas, eps=lam["eps"])
        blocks = {n: torch.tensor(lam[n], dtype=torch.float64) for n in J.shapes}
        for _ in range(problem.T):
            optimizer.zero_grad()
            J.fn(J.rebuild(J.cut(w)), blocks).backward()
            optimizer.step()
        return {}, self.numpy(w)


class Jax:
    """JAX: parameters in any tree, float32 unless x64 is on, a scan over the steps."""

    name, adam = "jax", "optax"
    noun, dtypes = "an array", ""
    order = sorted

    def __init__(self):
        self.jax = pytest.importorskip("jax")
        self.xp = importlib.import_module("jax.numpy")
        self.interop = importlib.import_module("hgref.interop.jax")

    def make(self, array, dtype="float32"):
        return self.xp.asarray(array, dtype=dtype)

    def data(self, array):
        return array  # NumPy's: a jax array would be rounded to float32

    def numpy(self, tensor):
        return np.asarray(tensor, dtype=float)

    def single(self, tensor):
        return self.xp.asarray(tensor, dtype=np.float32)

    def cross_entropy(self, z, labels):
        return self.jax.nn.logsumexp(z, axis=1) - z[np.arange(len(labels)), labels]

    def candidate(self, tensor):
        assert isinstance(tensor, self.jax.Array)
        return tensor

    # params
    def linear(self):
        return {"b": np.zeros(3, np.float32), "W": np.zeros((3, 4))}  # JAX sorts: W, b

    def own_template(self):
        jnp = self.xp
        return [np.ones(2), {"b": jnp.zeros((1, 3)), "a": (jnp.ones(2, jnp.bfloat16), None)}]

    def layers(self, W1, b1, W2, b2):
        return {"hidden": {"W": W1, "b": b1}, "out": {"W": W2, "b": b2}}

    def parts(self, params):
        return [params[layer][part] for layer in ("hidden", "out") for part in ("W", "b")]

    def structure(self, params):
        return self.jax.tree_util.tree_structure(params)

    def leaves(self, params):
        return self.jax.tree_util.tree_leaves(params)

    # training
    def differentiated(self, rule, problem, lam):
        """({name: ∇f(λ)}, w_T) by jax.grad through a scan."""
        jax, jnp, gradient = self.jax, self.xp, self.gradient_of(problem.dynamics.J)

        def train(w, lam):
            def step(state, t):
                return RULES[rule](t, lam, state, gradient(state[-1], lam)), None

            start = (*[jnp.zeros_like(w)] * (len(problem.dynamics.state) - 1), w)
            return jax.lax.scan(step, start, jnp.arange(1, problem.T + 1))[0][-1]

        return self.through(train, problem, lam)

    def by_its_optimizer(self, rule, problem, lam):
        """({name: ∇f(λ)}, w_T) by jax.grad through optax's optimizer."""
        optax = pytest.importorskip("optax")
        gradient = self.gradient_of(problem.dynamics.J)

        def train(w, lam):
            if rule == "momentum":
                optimizer = optax.sgd(lam["eta"], momentum=lam["mu"])
            else:
                betas, epsilons = (lam["beta1"], lam["beta2"]), (lam["eps"], lam["eps_root"])
                optimizer = optax.adam(lam["eta"], *betas, *epsilons)

            def step(carry, _):
                w, state = carry
                updates, state = optimizer.update(gradient(w, lam), state, w)
                return (optax.apply_updates(w, updates), state), None

            return self.jax.lax.scan(step, (w, optimizer.init(w)), None, problem.T)[0][0]

        return self.through(train, problem, lam)

    def gradient_of(self, J):
        return self.jax.grad(lambda w, lam: J.fn(J.rebuild(J.cut(w)), lam))

    def through(self, train, problem, lam):
        """({name: ∇f(λ)}, w_T) where w_T = train(w_0, λ)."""
        E = problem.E

        def error(lam):
            w = train(self.xp.asarray(problem.w0), lam)
            return E.fn(E.rebuild(E.cut(w)), {}), w

        with problem.dynamics.J.float64():
            lam = {name: self.xp.asarray(block, dtype=float) for name, block in lam.items()}
            gradient, w = self.jax.jit(self.jax.grad(error, has_aux=True))(lam)
        return gradient, self.numpy(w)


FRAMEWORKS = {"torch": Torch, "jax": Jax}
