"""d.paths: ways of the gradient that a loop loses, found in wrong loops written out by hand."""

import numpy as np
import pytest

import hgref
from hgref.objectives import L2, MLP, Logistic

RNG = np.random.default_rng(3)
X, Y = RNG.standard_normal((12, 4)), RNG.integers(0, 2, 12)
W0 = RNG.standard_normal(4)
T, ETA, MU, DECAY = 9, 0.3, 0.8, 0.05


def a_problem():
    J, E = Logistic(X, Y, bias=False) + L2(), Logistic(X[:6], Y[:6], bias=False)
    problem = hgref.Problem(hgref.Momentum(J), E, T, W0)
    return problem, problem.pack(eta=ETA, mu=MU, l2=DECAY)


def by_hand(problem, keep=lambda t: {}):
    """∇f in (η, μ, l2) of momentum on a penalised logistic loss, from its formulas.

    keep   t → factors of what step t carries: v, w after the step; H; terms of eta, mu, l2
    """
    v, w, states = np.zeros(4), problem.w0, []
    sigma = lambda z: 1 / (1 + np.exp(-z))  # noqa: E731
    for _ in range(T):
        states.append((v, w))
        g = X.T @ (sigma(X @ w) - Y) / 12 + DECAY * w
        v = MU * v + g
        w = w - ETA * v
    to_v, to_w = np.zeros(4), X[:6].T @ (sigma(X[:6] @ w) - Y[:6]) / 6
    terms = {"eta": 0.0, "mu": 0.0, "l2": 0.0}
    for t in range(T, 0, -1):
        v, w = states[t - 1]
        factor = {"v": 1, "w": 1, "H": 1, "eta": 1, "mu": 1, "l2": 1, **keep(t)}
        to_v, to_w = factor["v"] * to_v, factor["w"] * to_w
        p = sigma(X @ w)
        new_v = MU * v + X.T @ (p - Y) / 12 + DECAY * w
        to_new = to_v - ETA * to_w
        terms["eta"] += factor["eta"] * -(to_w @ new_v)
        terms["mu"] += factor["mu"] * (to_new @ v)
        terms["l2"] += factor["l2"] * (to_new @ w)
        H = X.T @ (X * (p * (1 - p))[:, None]) / 12 + DECAY * np.eye(4)
        to_v, to_w = MU * to_new, to_w + factor["H"] * (to_new @ H)
    return terms


@pytest.mark.parametrize(
    ("way", "first", "last", "factor"),
    [
        ("v", 1, 5, 0.0),
        ("v", 4, T, 0.0),
        ("v", 3, 3, 0.0),
        ("v", 1, T, 2.0),
        ("w", 1, 4, -1.0),
        ("H", 1, 6, 0.0),
        ("H", 5, T, 2.0),
        ("H", 7, 7, -1.0),
        ("eta", 1, 3, 0.0),
        ("mu", 6, T, 2.0),
        ("l2", 4, 4, 0.0),
        ("H", 2, 2, 0.37),
        ("v", 6, 6, 1.5),
        ("v", 3, 6, 0.0),
        ("H", 3, 7, 2.0),
        ("mu", 2, 8, -1.0),
        ("l2", 1, T, 1 / ETA),
        ("eta", 1, T, 1 / 9),
    ],
)
def test_a_way_that_a_loop_loses_is_told(way, first, last, factor):
    problem, lam = a_problem()
    right = by_hand(problem)
    assert hgref.check(problem, lam, right)
    wrong = by_hand(problem, lambda t: {way: factor} if first <= t <= last else {})
    found = hgref.diagnose(problem, lam, wrong, pairs=False)
    assert not found.explanations, str(found)
    told = {(p.way, p.first, p.last, round(p.factor, 6)) for p in found.paths}
    assert len(told) == len(found.paths)  # each is told once
    name = f"terms of {way}" if way in right else way
    assert (name, first, last, round(factor, 6)) in told, str(found)
    for path in found.paths:  # nothing else is told but what carries the same
        again = by_hand(
            problem,
            lambda t, path=path: (
                {path.way.removeprefix("terms of "): path.factor}
                if path.first <= t <= path.last
                else {}
            ),
        )
        assert [again[n] for n in right] == pytest.approx([wrong[n] for n in right], rel=1e-9)


def test_a_gradient_that_is_detached_in_the_middle():
    """Neither H nor M counts there."""
    problem, lam = a_problem()
    wrong = by_hand(problem, lambda t: {"H": 0.0, "l2": 0.0} if 3 <= t <= 6 else {})
    (path,) = hgref.diagnose(problem, lam, wrong, pairs=False).paths
    assert (path.way, path.first, path.last, path.factor) == ("g", 3, 6, 0.0)


def carried_back(problem, lam, cut):
    """∇f with α_t cut after step t by the function of the state's weights."""
    run = problem.at(lam)
    states = list(run.states())
    alpha, total = run.error_grad(run.T, states[-1])[0], run.layout.zeros(like=states[0])
    for t in range(run.T, 0, -1):
        alpha = alpha.copy()
        cut(t, run.dynamics.weights(alpha))
        alpha, share = run.vjp(t, run.at(t, states[t - 1]), alpha)
        for name, block in share.items():
            total[name] = total[name] + block
    return total


def test_a_layer_that_is_outside_the_graph_is_told():
    rng = np.random.default_rng(1)
    X, y = rng.standard_normal((9, 3)), rng.integers(0, 3, 9)
    J = MLP(X, y, [4], classes=3)
    problem = hgref.Problem(hgref.Momentum(J), MLP(X[:5], y[:5], [4], classes=3), 7, J.start(0))
    lam = problem.pack(eta=0.3, mu=0.6)
    cases = {"W2": slice(16, 28), "b1": slice(12, 16), "layer 1": slice(0, 16)}
    for layer, part in cases.items():

        def cut(t, w, part=part):
            w[part] = 0 if t <= 4 else w[part]

        found = hgref.diagnose(problem, lam, carried_back(problem, lam, cut), pairs=False)
        told = {(path.way, path.first, path.last, path.factor) for path in found.paths}
        assert (f"{layer} of w", 1, 4, 0.0) in told, str(found)


def paths_of_weights_times(entries, factors):
    """What is told of a gradient that is right but for some of the example weights' entries."""
    rng = np.random.default_rng(1)
    J = Logistic(X, Y, bias=False, example_weights=True)
    problem = hgref.Problem(hgref.Momentum(J), Logistic(X, Y, bias=False), T)
    lam = problem.pack(eta=ETA, mu=0.8, weights=rng.uniform(0.5, 1, 12))
    blocks = hgref.reverse(problem, lam).blocks
    wrong = blocks["weights"].copy()
    wrong[list(entries)] *= factors
    return hgref.diagnose(problem, lam, {**blocks, "weights": wrong}, pairs=False).paths


@pytest.mark.parametrize(("entries", "factor"), [([2], 0.0), ([0, 3], -1.0), ([1], 12.0)])
def test_entries_of_one_block_are_told(entries, factor):
    (path, *_) = paths_of_weights_times(entries, factor)
    assert path.way == f"terms of weights[{', '.join(map(str, entries))}]"
    assert path.factor == pytest.approx(factor)


@pytest.mark.parametrize(("factors", "told"), [([0.37], 0), ([0.37, 0.37], 1), ([0.37, 0.38], 0)])
def test_a_factor_of_one_entry_needs_a_reason(factors, told):
    """Some factor always fits one number; that two have the same is no accident."""
    assert len(paths_of_weights_times(range(len(factors)), factors)) == told


def test_a_fitted_factor_is_told_once():
    """It is found twice, summed from the first step and from the last."""
    J = Logistic(X, Y, bias=False) + L2("weight")
    problem = hgref.Problem(hgref.Momentum(J), Logistic(X, Y, bias=False), T)
    lam = problem.pack(eta=ETA, mu=0.8, l2=np.linspace(0.1, 0.4, 4))
    wrong = {name: 0.37 * x for name, x in hgref.reverse(problem, lam).blocks.items()}
    paths = hgref.diagnose(problem, lam, wrong, pairs=False).paths
    told = [(p.way, p.first, p.last, round(p.factor, 9)) for p in paths]
    assert told == [("terms", 1, T, 0.37), ("w", T, T, 0.37)]  # α_T scaled is the same


def test_the_sentence_names_the_way_and_the_steps():
    problem, lam = a_problem()
    wrong = by_hand(problem, lambda t: {"v": 0.0} if t <= 5 else {})
    said = str(hgref.diagnose(problem, lam, wrong, pairs=False))
    assert "the candidate lacks all that goes through v from step 1 to 5, to " in said


def test_the_start_and_the_direct_share_of_E_are_ways_too():
    J = Logistic(X, Y, bias=False) + L2()
    problem = hgref.Problem(hgref.GradientDescent(J), J, 5, RNG.standard_normal(4), learn_w0=True)
    lam = problem.pack(eta=ETA, l2=DECAY, w0=problem.w0)
    g = hgref.reverse(problem, lam)
    s_T = hgref.reverse(problem, lam).s_T
    blocks = {**g.blocks, "l2": g["l2"] + 0.5 * s_T @ s_T}
    (path,) = hgref.diagnose(problem, lam, blocks, pairs=False).paths
    assert (path.way, path.first, path.factor) == ("terms", 6, 2.0)
    assert str(path).startswith("the candidate counts twice ∂E/∂λ, to ")
    blocks = {**g.blocks, "w0": 0.25 * g["w0"]}
    (path, *_) = hgref.diagnose(problem, lam, blocks, pairs=False).paths
    assert (path.first, path.factor) == (0, pytest.approx(0.25))


def test_with_a_transform_the_ways_are_those_of_theta():
    J, E = Logistic(X, Y, bias=False) + L2(), Logistic(X[:6], Y[:6], bias=False)
    logs = hgref.transforms.Exp("eta", "l2")
    problem = hgref.Problem(hgref.Momentum(J), E, T, W0, transform=logs)
    theta = problem.pack(eta=np.log(ETA), mu=MU, l2=np.log(DECAY))
    wrong = by_hand(a_problem()[0], lambda t: {"H": 0.0} if t <= 6 else {})
    right = by_hand(a_problem()[0])
    chain = {"eta": ETA, "mu": 1.0, "l2": DECAY}
    assert hgref.check(problem, theta, {n: right[n] * chain[n] for n in chain})
    (path, *_) = hgref.diagnose(
        problem, theta, {n: wrong[n] * chain[n] for n in chain}, pairs=False
    ).paths
    assert (path.way, path.first, path.last, path.factor) == ("H", 1, 6, 0.0)


def test_a_dynamics_without_a_hessian_still_has_paths():
    """A StepMap has no J; a way that cannot be followed is left out."""

    def step(t, state, lam):
        v = lam["mu"] * state["v"] + state["w"] ** 3 - 1
        return {"v": v, "w": state["w"] - lam["eta"] * v}

    E = hgref.objectives.Quadratic(np.eye(4), np.ones(4))
    start = {"v": np.zeros(2), "w": np.array([1.5, 0.7])}
    problem = hgref.Problem(hgref.StepMap(step, start, {"eta": (), "mu": ()}), E, 6)
    lam = problem.pack(eta=0.1, mu=0.5)
    run, g = problem.at(lam), np.zeros(2)
    alpha, states = run.error_grad(6, run.last_state())[0], list(run.states())
    for t in range(6, 0, -1):
        alpha = alpha * np.where(np.arange(4) < 2, 0.0 if t <= 3 else 1.0, 1.0)
        alpha, share = run.vjp(t, run.at(t, states[t - 1]), alpha)
        g += [share["eta"], share["mu"]]
    found = hgref.diagnose(problem, lam, g, pairs=False)
    assert ("state['v']", 1, 3, 0.0) in {(p.way, p.first, p.last, p.factor) for p in found.paths}


@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_nothing_is_told_of_numbers_that_have_no_reason(kind):
    problem, lam = a_problem()
    right, rng = by_hand(problem), np.random.default_rng(0)
    wrong = by_hand(problem, lambda t: {"l2": 0.61} if t <= 7 else {})  # any number would fit one
    assert hgref.diagnose(problem, lam, wrong, pairs=False).paths == ()
    for size in (1e-1, 1e-3, 1e-5):
        for names in (["eta"], ["mu", "l2"], list(right)):
            wrong = {n: kind(right[n] * (1 + size * rng.standard_normal())) for n in names}
            found = hgref.diagnose(problem, lam, wrong, pairs=False)
            assert found.paths == (), str(found)
