"""diagnose: each mistake of the catalogue, made on random problems, is called by its name."""

import functools
import itertools

import numpy as np
import pytest
from hypothesis import settings
from strategies import DYNAMICS, Choice, build, relative

import hgref
from hgref.objectives import L2, MLP, LeastSquares, Logistic, Softmax
from hgref.verify import CATALOGUE
from hgref.verify.candidate import read_candidate
from hgref.verify.diagnose import Judge, matching
from hgref.verify.mistakes import Computation, gradients
from hgref.verify.mistakes.edits import other_run
from hgref.verify.pairs import singles
from hgref.verify.rounding import tolerances
from hgref.verify.witness import complex_step

PROBLEMS = 20 if settings().max_examples > 100 else 2  # for each mistake
MOST = 2000  # problems
OBJECTIVES = ["least-squares", "logistic", "softmax", "with-l2", "callback", "mlp"]


def problems(seed, kinds=tuple(DYNAMICS)):
    """Random problems of these dynamics and every objective, without end."""
    rng = np.random.default_rng(seed)
    yes = lambda: bool(rng.integers(2))  # noqa: E731
    for dynamics, objective in itertools.cycle(itertools.product(kinds, OBJECTIVES)):
        T = int(rng.integers(6, 14))
        options = [yes() for _ in range(5)]
        schedules = (yes(), *[False] * 4)
        yield build(dynamics, objective, Choice(int(rng.integers(2**31)), T, *options, schedules))


def penalised():
    """Problems whose penalty is not in E: for mistakes that the strategies never meet."""
    for seed in itertools.count():
        rng = np.random.default_rng(seed)
        X, y = rng.standard_normal((8, 3)), rng.integers(0, 3, 8)
        J, E = Softmax(X, y, 3) + L2(), Softmax(X[:5], y[:5], 3)
        dynamics = [hgref.GradientDescent, hgref.Momentum, hgref.Adam][seed % 3](J)
        if seed % 3 == 1:
            dynamics = hgref.Momentum(J, dampening=0.3 * (seed % 2))
        problem = hgref.Problem(dynamics, E, 7, rng.standard_normal(12), learn_w0=True)
        rates = {"eta": 0.1, "mu": 0.7, "beta1": 0.8, "beta2": 0.9, "eps": 0.01}
        known = {name: rates[name] for name in dynamics.names}
        yield problem, problem.pack(**known, l2=rng.uniform(0.05, 0.3))


def scores(source, names):
    """name → the names that came first when that mistake was made, on PROBLEMS problems."""
    rng, first = np.random.default_rng(0), {name: [] for name in names}
    for problem, lam in itertools.islice(source, MOST):
        g = hgref.reverse(problem, lam)
        run = problem.at(lam)
        allowed = tolerances(run, g, 2.0**-53, runs=3)
        wrongs = [((s.mistake,), s.variant, s.gradient) for s in singles(Computation(run))]
        for mistake in CATALOGUE:
            variants = [wrong for (made,), _, wrong in wrongs if made is mistake]
            if not variants or len(first.get(mistake.name, range(PROBLEMS))) >= PROBLEMS:
                continue
            wrong = variants[rng.integers(len(variants))]
            apart = [np.linalg.norm(wrong[n] - g[n]) > allowed[n] for n in wrong]
            if any(apart):  # it has an effect on this problem
                given = read_candidate(wrong, run.layout)
                names = [e.name for e in matching(Judge(g, given, allowed).explain(wrongs))]
                first[mistake.name].append(next(iter(names), None))
        if all(len(found) >= PROBLEMS for found in first.values()):
            return first
    raise AssertionError(f"after {MOST} problems: {first}")


RARE = {"penalty-in-E", "half-missing", "transposed", "dampening-at-t-1", "averaged-momentum",
        "steps-off-by-one", "dampening-ignored", "decay-missing", "another-start"}  # fmt: skip

# of some problems: w − η g is s_t in descent; E = J has no gradient at its minimum; d(1−λ) = −dλ;
# on quadratics the rates of momentum read from the end do what they do inside the velocity
SAME = {"products-at-another-iterate": "jacobians-at-s_t", "implicit-limit": "only-direct-term",
        "reparametrised": "sign",
        "run-backwards-in-its-schedule": "rate-in-velocity"}  # fmt: skip
OF_THESE = {"decay-without-rate", "bias-correction-added"}
DECAYED = [name for name in DYNAMICS if name.startswith(("adamw", "rmsprop"))]


@pytest.mark.parametrize(
    ("source", "names"),
    [
        (problems(1), {m.name for m in CATALOGUE} - RARE - OF_THESE),
        (problems(1, DECAYED), OF_THESE),
        (penalised(), RARE),
    ],
    ids=["of-every-kind", "of-adamw-and-rmsprop", "penalised"],
)
def test_the_right_name_comes_first(source, names):
    """In at least 95 % of the random problems, for each mistake that can be made on them."""
    first = scores(source, names)
    for name in names:
        assert len(first[name]) == PROBLEMS
        right = sum(found in (name, SAME.get(name)) for found in first[name])
        assert right >= 0.95 * PROBLEMS, (name, first[name])


def test_a_right_gradient_is_never_accused():
    every = itertools.islice(problems(2), 0, len(DYNAMICS) * len(OBJECTIVES), 5)
    for problem, lam in every:  # each dynamics, and each objective
        diagnosis = hgref.diagnose(problem, lam, hgref.forward(problem, lam).grad)
        assert diagnosis.report
        assert len(diagnosis) == 0
        assert str(diagnosis) == "the hypergradient is right: nothing to explain"


def test_two_mistakes_together_are_found():
    problem, lam = next(penalised())
    g = hgref.reverse(problem, lam)
    doubled = hgref.reverse(problem, {**g.layout.split(lam), "l2": 2 * lam[1]}).blocks
    doubled["l2"] = 2 * doubled["l2"]  # ½ missing
    diagnosis = hgref.diagnose(problem, lam, {name: -block for name, block in doubled.items()})
    assert {m.name for m in diagnosis[0].mistakes} == {"half-missing", "sign"}
    assert diagnosis[0].name in str(diagnosis)


def test_all_that_was_tried_counts_where_chance_is_excluded():
    problem, lam = next(penalised())
    run, g = problem.at(lam), hgref.reverse(problem, lam)
    every = [((s.mistake,), s.variant, s.gradient) for s in singles(Computation(run))]
    judge = Judge(g, read_candidate(g, run.layout), tolerances(run, g, 2.0**-53, runs=3))
    assert list(judge.explain(every))
    assert judge.tried == len(every)


def test_a_mistake_that_nobody_knows_is_not_given_a_name():
    problem, lam = next(penalised())
    rng = np.random.default_rng(0)
    diagnosis = hgref.diagnose(problem, lam, rng.standard_normal(lam.size))
    assert len(diagnosis) == 0
    assert not diagnosis.report
    assert str(diagnosis).startswith("no known mistake matches; the nearest: ")


@pytest.mark.parametrize("convention", ["paper", "torch", "tf1"])
def test_pairs_are_searched_in_every_convention_of_adam(convention):
    """Another convention may have names that λ has not: nothing is done to those."""
    rng = np.random.default_rng(0)
    J = LeastSquares(rng.standard_normal((6, 2)), rng.standard_normal(6))
    problem = hgref.Problem(hgref.Adam(J, convention), J, 2)
    lam = {"eta": 0.1, "beta1": 0.9, "beta2": 0.99, "eps": 1e-3}
    assert len(hgref.diagnose(problem, lam, rng.standard_normal(4))) == 0


def test_single_precision_handed_over_as_double_is_recognised():
    problem, lam = next(problems(3))
    g = hgref.reverse(problem, lam).grad
    diagnosis = hgref.diagnose(problem, lam, g.astype(np.float32).astype(float))
    assert diagnosis[0].name == "float32"


def test_each_matrix_of_a_network_may_have_been_flattened_by_columns():
    rng = np.random.default_rng(0)
    J = MLP(rng.standard_normal((8, 3)), rng.integers(0, 3, 8), (3, 4), classes=3)
    problem = hgref.Problem(hgref.Momentum(J), J, 6, J.start(0), learn_w0=True)
    lam = problem.pack(eta=0.1, mu=0.5, w0=J.start(1))
    g = hgref.reverse(problem, lam)
    turned = [part for W, b in J.layers(g["w0"]) for part in (W.T.reshape(-1), b)]
    found = hgref.diagnose(problem, lam, {**g.blocks, "w0": np.concatenate(turned)})
    assert str(found).startswith("transposed (w0)")


def test_nan_is_explained():
    X = np.random.default_rng(0).standard_normal((6, 3))
    X[:, 0] = 0
    J = LeastSquares(X, np.ones(6))
    problem = hgref.Problem(hgref.Adam(J, "torch"), J, 4)
    lam = {"eta": 0.1, "beta1": 0.9, "beta2": 0.99, "eps": 1e-8}
    assert np.isfinite(hgref.reverse(problem, lam).grad).all()
    diagnosis = hgref.diagnose(problem, lam, np.full(4, np.nan))
    assert diagnosis[0].name == "not-finite"
    assert "hgref gives the number" in str(diagnosis)


@pytest.mark.parametrize("asked", ["paper", "torch", "tf1"])
@pytest.mark.parametrize("ran", ["paper", "torch", "tf1"])
def test_the_convention_that_was_run_is_named(asked, ran):
    T, rng = 25, np.random.default_rng(0)
    X, y = rng.standard_normal((10, 3)), rng.integers(0, 3, 10)
    J, E = Softmax(X, y, 3) + L2(), Softmax(X[:6], y[:6], 3)
    lam = {"eta": 0.01, "beta1": 0.9, "beta2": 0.999, "eps": 1e-4, "l2": 0.01}
    candidate = hgref.reverse(hgref.Problem(hgref.Adam(J, ran), E, T), lam).grad
    problem = hgref.Problem(hgref.Adam(J, asked), E, T)
    diagnosis = hgref.diagnose(problem, lam, candidate, pairs=False)
    if ran == asked:
        assert len(diagnosis) == 0
    else:
        assert diagnosis[0].name == "adam-convention"
        assert ran in diagnosis[0].variant.split(" or ")


def test_every_entry_of_the_catalogue_is_complete():
    assert len({mistake.name for mistake in CATALOGUE}) == len(CATALOGUE) >= 25
    for mistake in CATALOGUE:
        texts = (mistake.name, mistake.sentence, mistake.effect, mistake.reference)
        assert all(text and not text.endswith(".") for text in texts)


def in_training(kind, **settings):
    """A small problem, with everything in J that a mistake in training may change."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((8, 3)), rng.integers(0, 3, 8)
    J = Softmax(X, y, 3, example_weights=True) + L2()
    E = Softmax(X[:5], y[:5], 3, example_weights="trust")  # ∂E/∂λ is not 0
    problem = hgref.Problem(kind(J, **settings), E, 5, rng.standard_normal(12), learn_w0=True)
    rates = {"eta": 0.1, "mu": 0.7, "beta": 0.9, "beta1": 0.8, "beta2": 0.9, "eps": 0.01}
    rates |= {"eps_root": 0.02, "weight_decay": 0.3}
    known = {name: rates[name] for name in problem.dynamics.names}
    known |= {"weights": rng.uniform(0.5, 1.5, 8), "trust": rng.uniform(0.5, 1.5, 5)}
    return problem, problem.pack(**known, l2=0.2)


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        (hgref.GradientDescent, {}),
        (hgref.Momentum, {"weight_decay": 0.1}),
        (hgref.Momentum, {"dampening": 0.3, "weight_decay": 0.1}),
        (hgref.Adam, {"convention": "torch"}),
        (hgref.AdamW, {}),
        (hgref.RMSProp, {}),
        (hgref.RMSProp, {"convention": "optax"}),
        (hgref.AdaGrad, {}),
    ],
)
def test_a_mistake_in_training_is_differentiated_without_another(kind, settings):
    """Where the run alone is changed, the wrong answer is the complex step through that run."""
    problem, lam = in_training(kind, **settings)
    base, layout, made = Computation(problem.at(lam)), problem.layout, set()
    for mistake in CATALOGUE:
        for variant, wrong in mistake.change(base):
            run = wrong.run
            if wrong.changed(run=base.run) != base or run.lam is not base.run.lam:
                continue

            def f(x, run=run):
                moved = other_run(run, layout.split(x))
                return moved.error(moved.T, moved.last_state())

            ((_, found),) = gradients(wrong)
            witness = complex_step(f, lam)
            assert relative(layout.flatten(found), witness) < 1e-11, (mistake, variant)
            made.add(mistake.name)
    assert {"decoupled-decay", "weights-normalised", "sum-for-mean", "half-missing"} <= made
    assert ("bias-correction-added" in made) == (kind is hgref.RMSProp)
    assert ("decay-without-rate" in made) == (kind is hgref.AdamW)


def test_the_first_gradient_is_a_constant_where_it_was_detached():
    problem, lam = in_training(hgref.Momentum, dampening=0.3, weight_decay=0.1)
    base, layout = Computation(problem.at(lam)), problem.layout
    (wrong,) = (
        wrong
        for mistake in CATALOGUE
        for _, wrong in mistake.change(base)
        if mistake.name == "first-velocity-detached"
    )
    J, w = base.J, layout.split(lam)["w0"]
    h = J.grad(1, w, layout.split(lam)) + 0.1 * w

    class Detached(hgref.objectives.Objective):
        def grad(self, t, w, lam):
            return h - 0.1 * w if t == 1 else J.grad(t, w, lam)

    dynamics = hgref.Momentum(Detached(), dampening=0.3, weight_decay=0.1)
    detached = other_run(base.run, dynamics=dynamics)

    def f(x):
        moved = other_run(detached, layout.split(x))
        return moved.error(moved.T, moved.last_state())

    ((_, found),) = gradients(wrong)
    assert relative(layout.flatten(found), complex_step(f, lam)) < 1e-11


def scheduled(dynamics, **options):
    """A small problem with a schedule of rates and mini-batches."""
    rng, T = np.random.default_rng(1), 6
    X, y = rng.standard_normal((8, 3)), rng.integers(0, 3, 8)
    table = np.stack([rng.choice(8, 3, replace=False) for _ in range(T)])
    J = Softmax(X, y, 3, batches=table) + L2()
    kind = dynamics(J, over={"eta": "steps"}, **options)
    problem = hgref.Problem(kind, Softmax(X[:5], y[:5], 3), T, rng.standard_normal(12))
    rates = {"mu": 0.7, "beta1": 0.8, "beta2": 0.9, "eps": 0.01, "l2": 0.2}
    rates["eta"] = np.linspace(0.2, 0.1, T)
    return problem, problem.pack(**{name: rates[name] for name in problem.layout.shapes})


def shares_at(run, shares):
    """E at the mean of the states with these shares."""
    states = np.array(list(run.states()))
    return run.error(run.T, shares @ states)


@pytest.mark.parametrize("kind", [hgref.GradientDescent, hgref.Momentum, hgref.Adam])
def test_where_E_is_taken_is_differentiated_too(kind):
    """Averages, and steps before the last one: the complex step through the mean of the states."""
    problem, lam = scheduled(kind)
    base, layout, made = Computation(problem.at(lam)), problem.at(lam).layout, set()
    for mistake in CATALOGUE:
        for variant, wrong in mistake.change(base):
            if wrong.error == base.error or wrong.error is not wrong.enters:
                continue
            shares = wrong.error(problem.T)

            def f(x, shares=shares):
                return shares_at(other_run(base.run, layout.split(x)), shares)

            ((_, found),) = gradients(wrong)
            witness = complex_step(f, layout.flatten(base.lam))
            assert relative(layout.flatten(found), witness) < 1e-11, (mistake, variant)
            made.add(mistake.name)
    assert made == {"averaged-weights", "steps-off-by-one", "stopped-early"}


def with_entries(problem, lam, entries):
    """Training that reads entries[t − 1] of its schedule and of its table at step t."""
    blocks, T = problem.unpack(lam), len(entries)
    (loss, penalty), E = problem.dynamics.J.terms(), problem.E
    features = loss.features
    J = Softmax(features.X, loss.y.argmax(axis=1), 3, batches=features.batches[entries]) + penalty
    other = hgref.Problem(type(problem.dynamics)(J, over={"eta": "steps"}), E, T, problem.w0)
    g = hgref.reverse(other, {**blocks, "eta": blocks["eta"][entries]})
    eta = np.zeros(problem.T)
    np.add.at(eta, entries, g["eta"])
    return {**g.blocks, "eta": eta}


@pytest.mark.parametrize("kind", [hgref.GradientDescent, hgref.Momentum])
@pytest.mark.parametrize(
    ("name", "entries"),
    [
        ("steps-off-by-one", [0, 1, 2, 3, 4, 5, 5]),
        ("steps-off-by-one", [0, 1, 2, 3, 4, 5, 0]),
    ],
)
def test_a_step_more_reads_a_schedule_and_a_table_again(kind, name, entries):
    problem, lam = scheduled(kind)
    found = hgref.diagnose(problem, lam, with_entries(problem, lam, entries), pairs=False)
    assert found[0].name == name


@pytest.mark.parametrize(
    ("entries", "name"),
    [
        ([1, 2, 3, 4, 5, 5], "schedule-one-off (one step early)"),
        ([1, 2, 3, 4, 5, 0], "schedule-one-off (one step early, in a circle)"),
        ([0, 0, 1, 2, 3, 4], "schedule-one-off (one step late)"),
        ([5, 0, 1, 2, 3, 4], "schedule-one-off (one step late, in a circle)"),
        ([5, 4, 3, 2, 1, 0], "run-backwards-in-its-schedule"),
    ],
)
def test_a_schedule_that_is_read_elsewhere(entries, name):
    """A loop that reads eta[entries[t − 1]] at step t, written out."""
    rng, T = np.random.default_rng(2), 6
    X, y = rng.standard_normal((9, 3)), rng.integers(0, 2, 9)
    sigma = lambda z: 1 / (1 + np.exp(-z))  # noqa: E731
    J, E = (Logistic(X[:n], y[:n], bias=False) for n in (9, 4))
    w0 = rng.standard_normal(3)
    problem = hgref.Problem(hgref.GradientDescent(J), E, T, w0)
    eta = np.linspace(0.3, 0.1, T)
    w, rows = w0, []
    for entry in entries:
        p = sigma(X @ w)
        g = X.T @ (p - y) / 9
        rows.append((entry, g, X.T @ (X * (p * (1 - p))[:, None]) / 9))
        w = w - eta[entry] * g
    alpha, share = X[:4].T @ (sigma(X[:4] @ w) - y[:4]) / 4, np.zeros(T)
    for entry, g, H in reversed(rows):
        share[entry] -= alpha @ g
        alpha = alpha - eta[entry] * H @ alpha
    found = hgref.diagnose(problem, {"eta": eta}, share, pairs=False)
    assert str(found).startswith(name)


@pytest.mark.parametrize(
    ("kind", "of"),
    [
        (hgref.Momentum, "rate-in-velocity"),
        (hgref.Momentum, "nesterov"),
        (functools.partial(hgref.Adam, convention="torch"), "amsgrad"),
    ],
)
def test_another_optimizer_is_differentiated_right(kind, of):
    """Of a run of its own, with a schedule, the complex step is the witness."""
    problem, lam = scheduled(kind)
    base = Computation(problem.at(lam))
    layout = base.run.layout
    (mistake,) = [m for m in CATALOGUE if m.name == of]
    for variant, wrong in mistake.change(base):

        def f(x, run=wrong.run):
            moved = other_run(run, layout.split(x))
            return moved.error(moved.T, moved.last_state())

        ((_, found),) = gradients(wrong)
        # a maximum has a kink, which the complex step of NumPy does not know
        witness = differences(f, layout.flatten(base.lam))
        assert relative(layout.flatten(found), witness) < 1e-7, variant


def differences(f, x):
    """Central differences of f, extrapolated once."""
    each = []
    for e in np.eye(x.size):
        D = [(f(x + h * e) - f(x - h * e)) / (2 * h) for h in (1e-4, 5e-5)]
        each.append((4 * D[1] - D[0]) / 3)
    return np.array(each)


def test_progress_wraps_the_entries_and_then_the_pairs():
    problem, lam = build("gd", "least-squares", Choice(3, 6, *[False] * 5, (False,) * 5))
    seen = []

    def progress(of):
        seen.append(0)
        for one in of:
            seen[-1] += 1
            yield one

    g = hgref.reverse(problem, lam).grad
    assert hgref.diagnose(problem, lam, -g, progress=progress)[0].name == "sign"
    assert seen == [len(CATALOGUE)]
    hgref.diagnose(problem, lam, g + np.arange(1, g.size + 1), progress=progress)
    assert len(seen) == 3
    assert seen[2] > 1
    hgref.diagnose(problem, lam, g + np.arange(1, g.size + 1), pairs=False, progress=progress)
    assert len(seen) == 4
