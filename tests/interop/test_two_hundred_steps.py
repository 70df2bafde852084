"""Two hundred steps of torch's and of optax's own Adam, AdamW, RMSProp and AdaGrad.

The hypergradients are those of the frameworks: of autograd through a loop that trains as
torch.optim does, and of JAX through optax's transformations themselves. hgref finds them right for
the convention that was run, and names the convention where it was asked about another.
"""

import numpy as np
import pytest
from strategies import relative

import hgref
from hgref.objectives import L2, Quadratic, Softmax

T = 200
RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((24, 4)), RNG.integers(0, 3, 24)
ADAM = {"eta": 0.05, "beta1": 0.9, "beta2": 0.99, "eps": 1e-3}
ADAMW = {**ADAM, "weight_decay": 0.1}
RMS = {"eta": 0.01, "beta": 0.9, "eps": 0.05}  # its steps do not grow shorter: ε keeps them stable
ADA = {"eta": 0.3, "eps": 1e-2}
LION = {"eta": 0.01, "beta1": 0.9, "beta2": 0.95, "weight_decay": 0.1}


def problem_in(dynamics, T=T):
    J = Softmax(X[:16], Y[:16], 3, bias=False) + L2()
    return hgref.Problem(dynamics(J), Softmax(X[16:], Y[16:], 3, bias=False), T)


def judge(dynamics, lam, found, w, checked=False):
    """`found` and `w` are the gradient and the weights of that dynamics; check says so if asked."""
    assert set(found) == set(lam)
    problem = problem_in(dynamics)
    g = hgref.reverse(problem, lam)
    assert relative(problem.dynamics.weights(g.s_T), w.reshape(-1)) < 1e-12
    for name in g:
        assert float(found[name]) == pytest.approx(float(g[name]), rel=1e-10)
    if checked:
        assert hgref.check(problem, lam, found)


def judge_other_conventions(found):
    """Adam's gradient, where it was asked about another convention of Adam."""
    lam = {**ADAM, "l2": 0.02}
    problem = problem_in(lambda J: hgref.Adam(J, "paper"))
    diagnosis = hgref.diagnose(problem, lam, {n: found[n] for n in lam}, pairs=False)
    # without eps_root torch and optax are one
    assert (diagnosis[0].name, diagnosis[0].variant) == ("adam-convention", "torch or optax")


# --- torch ---


def torch_rms(t, lam, w, g, u, m):
    u = lam["beta"] * u + (1 - lam["beta"]) * g * g
    return w - lam["eta"] * g / (u.sqrt() + lam["eps"]), u, m


def torch_ada(t, lam, w, g, u, m):
    u = u + g * g
    return w - lam["eta"] * g / (u.sqrt() + lam["eps"]), u, m


def torch_adam(t, lam, w, g, u, m):
    m = lam["beta1"] * m + (1 - lam["beta1"]) * g
    u = lam["beta2"] * u + (1 - lam["beta2"]) * g * g
    move = m / (1 - lam["beta1"] ** t) / ((u / (1 - lam["beta2"] ** t)).sqrt() + lam["eps"])
    return w * (1 - lam["eta"] * lam.get("weight_decay", 0.0)) - lam["eta"] * move, u, m


def own(optim, name, w, lam):
    """torch's own optimizer of w."""
    if name == "rmsprop":
        return optim.RMSprop([w], lr=lam["eta"], alpha=lam["beta"], eps=lam["eps"])
    if name == "adagrad":
        return optim.Adagrad([w], lr=lam["eta"], eps=lam["eps"])
    options = {"lr": lam["eta"], "betas": (lam["beta1"], lam["beta2"]), "eps": lam["eps"]}
    if name == "adam":
        return optim.Adam([w], **options)
    return optim.AdamW([w], **options, weight_decay=lam["weight_decay"])


@pytest.mark.parametrize(
    ("name", "dynamics", "rule", "rates"),
    [
        ("rmsprop", hgref.RMSProp, torch_rms, RMS),
        ("adagrad", hgref.AdaGrad, torch_ada, ADA),
        ("adam", lambda J: hgref.Adam(J, "torch"), torch_adam, ADAM),
        ("adamw", hgref.AdamW, torch_adam, ADAMW),
    ],
)
def test_torch(name, dynamics, rule, rates):
    torch = pytest.importorskip("torch")
    features, labels = torch.tensor(X), torch.tensor(Y)
    loss = torch.nn.functional.cross_entropy
    rates = {**rates, "l2": 0.02}

    def value(w, lam):
        return loss(features[:16] @ w.T, labels[:16]) + lam["l2"] / 2 * (w * w).sum()

    lam = {n: torch.tensor(x, dtype=torch.float64, requires_grad=True) for n, x in rates.items()}
    w = torch.zeros(3, 4, dtype=torch.float64, requires_grad=True)
    u = m = torch.zeros_like(w)
    for t in range(1, T + 1):
        (g,) = torch.autograd.grad(value(w, lam), w, create_graph=True)
        w, u, m = rule(t, lam, w, g, u, m)
    grads = torch.autograd.grad(loss(features[16:] @ w.T, labels[16:]), list(lam.values()))

    v = torch.zeros(3, 4, dtype=torch.float64, requires_grad=True)
    optimizer = own(torch.optim, name, v, rates)
    for _ in range(T):
        optimizer.zero_grad()
        value(v, rates).backward()
        optimizer.step()
    assert relative(v.detach().numpy(), w.detach().numpy()) < 1e-12
    found = dict(zip(lam, grads, strict=True))
    judge(dynamics, rates, found, v.detach().numpy(), checked=name == "adam")
    if name == "adam":
        judge_other_conventions(found)


# --- optax ---


def by_optax(make, rates, T=T):
    """({name: ∇f}, w_T) of JAX through a run with the optimizer that make(optax, lam) gives."""
    jax, optax = pytest.importorskip("jax"), pytest.importorskip("optax")

    def loss(w, rows):
        logits = X[rows] @ w.T
        return optax.softmax_cross_entropy_with_integer_labels(logits, Y[rows]).mean()

    def f(lam):
        optimizer = make(optax, lam)

        def step(carry, _):
            w, state = carry
            half = lam["l2"] / 2
            g = jax.grad(lambda w: loss(w, slice(16)) + half * (w * w).sum())(w)
            updates, state = optimizer.update(g, state, w)
            return (optax.apply_updates(w, updates), state), None

        start = jax.numpy.zeros((3, 4))
        (w, _), _ = jax.lax.scan(step, (start, optimizer.init(start)), length=T)
        return loss(w, slice(16, None)), w

    with jax.enable_x64(True):
        found, w = jax.jit(jax.grad(f, has_aux=True))({**rates, "l2": 0.02})
    return {name: np.asarray(x) for name, x in found.items()}, np.asarray(w)


def betas(lam):
    return {"b1": lam["beta1"], "b2": lam["beta2"], "eps": lam["eps"], "eps_root": lam["eps_root"]}


def optax_adam(optax, lam):
    return optax.adam(lam["eta"], **betas(lam))


def optax_adamw(optax, lam):
    return optax.adamw(lam["eta"], **betas(lam), weight_decay=lam["weight_decay"])


def optax_rms(optax, lam, **options):
    return optax.rmsprop(lam["eta"], decay=lam["beta"], eps=lam["eps"], **options)


def optax_ada(optax, lam, **options):
    return optax.adagrad(lam["eta"], eps=lam["eps"], **options)


def optax_lion(optax, lam):
    return optax.lion(lam["eta"], lam["beta1"], lam["beta2"], weight_decay=lam["weight_decay"])


RUNS = {
    "lion": (hgref.Lion, optax_lion, LION),
    "rmsprop": (lambda J: hgref.RMSProp(J, "optax"), optax_rms, RMS),
    "adagrad": (lambda J: hgref.AdaGrad(J, "optax"), optax_ada, ADA),
    "adam": (lambda J: hgref.Adam(J, "optax"), optax_adam, {**ADAM, "eps_root": 0.0}),
    "adamw": (lambda J: hgref.AdamW(J, "optax"), optax_adamw, {**ADAMW, "eps_root": 1e-4}),
}


@pytest.mark.parametrize("name", RUNS)
def test_optax(name):
    dynamics, make, rates = RUNS[name]
    found, w = by_optax(make, rates)
    judge(dynamics, {**rates, "l2": 0.02}, found, w, checked=name == "adamw")
    if name == "adam":
        judge_other_conventions(found)


def coupled(optax, lam):
    """Adam with an L2 penalty: the decay passes through the gradient."""
    return optax.chain(optax.add_decayed_weights(lam["weight_decay"]), optax_adam(optax, lam))


def without_rate(optax, lam):
    """The decay stands behind the rate."""
    decay = optax.add_decayed_weights(-lam["weight_decay"])
    return optax.chain(optax_adam(optax, lam), decay)


OTHERS = {
    "epsilon-place": ("rmsprop", lambda o, lam: optax_rms(o, lam, eps_in_sqrt=False)),
    "accumulator-start": ("rmsprop", lambda o, lam: optax_rms(o, lam, initial_scale=1.0)),
    "accumulator-start (AdaGrad)": (
        "adagrad", lambda o, lam: optax_ada(o, lam, initial_accumulator_value=0.0),
    ),
    "bias-correction-added": ("rmsprop", lambda o, lam: optax_rms(o, lam, bias_correction=True)),
    "decoupled-decay": ("adamw", coupled),
    "decay-without-rate": ("adamw", without_rate),
}  # fmt: skip


@pytest.mark.parametrize("mistake", OTHERS)
def test_what_optax_would_do_otherwise_is_called_by_its_name(mistake):
    name, make = OTHERS[mistake]
    dynamics, _, rates = RUNS[name]
    found, _ = by_optax(make, rates, T=15)
    problem, lam = problem_in(dynamics, T=15), {**rates, "l2": 0.02}
    assert not hgref.check(problem, lam, found)
    diagnosis = hgref.diagnose(problem, lam, found, pairs=False)
    assert diagnosis[0].name == mistake.split(" ")[0]


def test_a_zero_gradient_on_the_way_where_optax_puts_a_zero_for_the_slope():
    """AdaGrad from u_0 = 0 at w_0 = 0 of ½ w²: ∂w_1/∂w_0 = 1 − η/√ε, which optax takes for 1."""
    jax, optax = pytest.importorskip("jax"), pytest.importorskip("optax")
    eta, eps = 0.1, 0.25

    def w_1(w_0):
        optimizer = optax.adagrad(eta, initial_accumulator_value=0.0, eps=eps)
        updates, _ = optimizer.update(w_0, optimizer.init(w_0))
        return w_0 + updates

    with jax.enable_x64(True):
        theirs = jax.grad(w_1)(0.0)
        above, below = (w_1(jax.numpy.asarray(x)) for x in (1e-6, -1e-6))
        differences = (above - below) / 2e-6
    J, E = Quadratic([[1.0]], [0.0]), Quadratic([[0.0]], [-1.0])
    adagrad = hgref.AdaGrad(J, "optax", initial=0.0)
    problem = hgref.Problem(adagrad, E, 1, [0.0], learn_w0=True)
    ours = hgref.reverse(problem, {"eta": eta, "eps": eps})["w0"][0]
    assert ours == pytest.approx(1 - eta / np.sqrt(eps), rel=1e-13)
    assert float(differences) == pytest.approx(ours, rel=1e-9)
    assert float(theirs) == 1.0
