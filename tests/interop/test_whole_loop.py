"""A user's whole training loop in PyTorch, and five bugs in it."""

import importlib
import math

import pytest

import hgref

torch = pytest.importorskip("torch")
functional = importlib.import_module("torch.nn.functional")
interop = importlib.import_module("hgref.interop.torch")

T, KIND = 8, torch.float64
LAM = {
    "warm": 2.3, "peak": 0.2, "end": 0.01, "clip": 0.3, "mu": 0.9, "decay": 0.1,
    "bias_rate": 2.0, "ema": 0.8,
}  # fmt: skip


def normal(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=KIND)


LABELS = torch.arange(T * 6) % 3
DATA = normal(0, T * 6, 1, 4, 4) + normal(1, 3, 1, 4, 4)[LABELS]
BATCHES = list(zip(DATA.split(6), LABELS.split(6), strict=True))
VALID = (DATA[::5] + normal(2, 10, 1, 4, 4) / 2, LABELS[::5])
WEIGHTS = {
    "conv": normal(3, 2, 1, 3, 3) / 2,
    "scale": torch.ones(2, dtype=KIND),
    "shift": torch.zeros(2, dtype=KIND),
    "head": normal(4, 3, 8) / 2,
}


def network(w, x, stats=None):
    """Convolution, batch norm, tanh, pooling, linear; and the statistics of the batch."""
    z = functional.conv2d(x, w["conv"], padding=1)
    if stats is None:
        stats = {"mean": z.mean((0, 2, 3)), "var": z.var((0, 2, 3), unbiased=False)}
    mean, var = (stats[name][:, None, None] for name in ("mean", "var"))
    z = (z - mean) / torch.sqrt(var + 1e-5) * w["scale"][:, None, None] + w["shift"][:, None, None]
    return functional.avg_pool2d(torch.tanh(z), 2).flatten(1) @ w["head"].T, stats


def loss(w, x, labels):
    scores, stats = network(w, x)
    return functional.cross_entropy(scores, labels), stats


def step(t, state, lam, bug=None):
    """SGD with momentum, two groups, decay, clipping, warm-up, cosine, statistics and an EMA."""
    batch = BATCHES[max(t - 2, 0) if bug == "batch reused" else t - 1]
    g, now = torch.func.grad(loss, has_aux=True)(state["w"], *batch)
    if bug == "statistic detached":
        now = {name: x.detach() for name, x in now.items()}
    half = (1 + torch.cos(math.pi * torch.clamp((t - lam["warm"]) / (T - lam["warm"]), min=0))) / 2
    eta = (lam["end"] + (lam["peak"] - lam["end"]) * half) * torch.clamp(t / lam["warm"], max=1)
    norm = torch.sqrt(sum((x * x).sum() for x in g.values()))
    if bug == "norm detached":
        norm = norm.detach()
    new = {"w": {}, "v": {}, "ema": {}}
    for n, w in state["w"].items():
        rate = eta * (lam["bias_rate"] if w.ndim == 1 else 1)
        decay = lam["decay"] * (eta if bug == "group's rate forgotten" else rate) * w
        new["v"][n] = lam["mu"] * state["v"][n] + g[n] * torch.clamp(lam["clip"] / norm, max=1)
        new["w"][n] = w - rate * new["v"][n] - decay
        after = w if bug == "average one step late" else new["w"][n]
        new["ema"][n] = lam["ema"] * state["ema"][n] + (1 - lam["ema"]) * after
    new["stats"] = {name: 0.8 * state["stats"][name] + 0.2 * now[name] for name in now}
    new["count"] = state["count"] + 1
    return new


START = {
    "w": WEIGHTS,
    "v": {name: torch.zeros_like(w) for name, w in WEIGHTS.items()},
    "ema": WEIGHTS,
    "stats": {"mean": torch.zeros(2, dtype=KIND), "var": torch.ones(2, dtype=KIND)},
    "count": torch.tensor(0),
}


def error(state, lam):
    return functional.cross_entropy(network(state["ema"], VALID[0], state["stats"])[0], VALID[1])


def loop(bug=None):
    """The user's own: a loop, differentiated by autograd."""
    lam = {name: torch.tensor(x, dtype=KIND, requires_grad=True) for name, x in LAM.items()}
    state = START
    for t in range(1, T + 1):
        state = step(t, state, lam, bug)
    return dict(zip(lam, torch.autograd.grad(error(state, lam), list(lam.values())), strict=True))


def problem_of(step):
    dynamics = interop.dynamics(step, START, dict.fromkeys(LAM, ()))
    return hgref.Problem(dynamics, interop.objective(error, START), T)


@pytest.fixture(scope="module")
def right():
    return hgref.check(problem_of(step), LAM, loop())


def test_it_is_right_to_the_last_digits(right):
    assert right.verdict == "right"
    assert max(block.error for block in right.blocks) < 1e-12


@pytest.mark.parametrize(
    "bug",
    ["norm detached", "statistic detached", "group's rate forgotten", "average one step late",
     "batch reused"],
)  # fmt: skip
def test_a_bug_is_wrong(right, bug):
    """By the tolerances of the check, which do not depend on the candidate."""
    true, found = loop(), loop(bug)
    off = [float(abs(found[one.name] / true[one.name] - 1)) / one.tolerance for one in right.blocks]
    assert max(off) > 1e6


def test_check_says_so():
    found = hgref.check(problem_of(step), LAM, loop("batch reused"))
    assert found.verdict == "wrong"
    assert "is off by" in found.reason


def test_a_step_that_detaches_is_contradicted_by_f_and_named():
    def detached(t, state, lam):
        return step(t, state, lam, "norm detached")

    found = hgref.check(problem_of(detached), LAM, loop("norm detached"))
    assert found.verdict == "wrong"  # although hgref's reference has the same mistake
    assert "f itself contradicts the candidate" in found.reason
    assert "jvp of TorchDynamics is wrong in state['w']" in found.reason
