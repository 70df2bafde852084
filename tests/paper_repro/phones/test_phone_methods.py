"""Early stopping, random search, and hyperparameters in real time."""

import numpy as np
import pytest

import hgref
from hgref.outer import Adam
from paper_repro.phones import methods, search, two_heads
from paper_repro.phones.methods import (
    Losses,
    adam,
    decayed,
    domain,
    fixed,
    real_time,
    stale,
    vanilla,
)
from paper_repro.phones.search import draw, random_search
from paper_repro.phones.two_heads import error_and_accuracy, problem
from paper_repro.record import kept

WILD = {"eta": 1e6, "mu": 0.9, "rho": 1.0}


def silent(row, share=0.0):
    return None


def looks(*accuracies):
    return [{"accuracy": accuracy} for accuracy in accuracies]


@pytest.mark.parametrize(
    ("accuracies", "expected"),
    [
        ((), False),
        ((50, 50, 50), False),  # nothing came before the last three looks
        ((50, 50, 50, 50), True),
        ((50, 50, 50, 50.4), True),  # better, but by less than 1 %, relative
        ((50, 50, 50, 50.6), False),
        ((50, 60, 50, 50), False),  # the gain is among the last three
        ((50, 60, 50, 50, 50), True),
        ((50, 50.4, 50.8, 51.2, 51.6), False),  # slow, but 1 % in three looks
    ],
)
def test_stale_is_three_looks_without_one_percent(setting, accuracies, expected):
    assert stale(looks(*accuracies), setting) is expected


@pytest.mark.parametrize(
    ("eta", "expected"),
    [
        ([0.075], False),
        ([0.075, 0.0], True),
        ([0.0, 0.0, 0.0], False),  # RTHO-NT at its start: nothing there that could decay
        ([0.0, 0.005, 2e-4], False),
        ([0.0, 0.005, 9e-5], True),
    ],
)
def test_decayed_is_gone_after_it_was_there(eta, expected):
    assert bool(decayed([{"eta": rate} for rate in eta])) is expected


@pytest.fixture
def tested(monkeypatch):
    """The weights that are looked at for the test error."""
    seen = []
    real = methods.error_and_accuracy
    monkeypatch.setattr(methods, "error_and_accuracy", lambda E, w: seen.append(w) or real(E, w))
    return seen


# --- fixed hyperparameters ---


def test_vanilla_is_momentum_at_the_papers_rates(losses, setting):
    shares = []
    found = vanilla(losses, lambda row, share: shares.append((row["t"], share)))
    assert found["start"] == {"eta": 0.075, "mu": 0.5, "rho": 0.0}
    assert {(row["eta"], row["mu"], row["rho"]) for row in found["rows"]} == {(0.075, 0.5, 0.0)}
    assert shares == [(row["t"], row["t"] / setting.T) for row in found["rows"]]
    run = problem(losses.J, losses.E, setting)
    states = list(run.states(found["start"]))
    for row in found["rows"]:
        w = run.dynamics.weights(states[row["t"]])
        assert row["error"] == pytest.approx(error_and_accuracy(losses.E, w)[0], rel=1e-3)


def test_an_early_stop_counts_with_the_best_look(losses, setting, tested):
    found = fixed(losses, {"eta": 0.4, "mu": 0.9, "rho": 0.0}, silent)
    accuracies = [row["accuracy"] for row in found["rows"]]
    assert found["ended"] == "no better"
    assert found["steps"] == found["rows"][-1]["t"] < setting.T
    assert found["validation accuracy"] == max(accuracies) > accuracies[-1]
    assert found["weights"] == "best look"
    (w,) = tested
    assert error_and_accuracy(losses.E, w)[1] == max(accuracies)
    assert found["test accuracy"] == error_and_accuracy(losses.test, w)[1]
    assert found["seconds"] >= found["rows"][-1]["seconds"]


def test_a_deadline_ends_at_the_next_look(losses):
    found = fixed(losses, {"eta": 0.1, "mu": 0.5, "rho": 0.1}, silent, deadline=0.0)
    assert (found["ended"], found["steps"], len(found["rows"])) == ("out of time", 5, 1)


def test_divergence_before_the_first_look_counts_as_nothing(losses):
    found = fixed(losses, WILD, silent)
    assert (found["ended"], found["steps"], found["rows"]) == ("diverged", 0, [])
    assert found["test accuracy"] == found["validation accuracy"] == 0
    assert found["seconds"] > 0  # or a search with a budget of seconds would never end


def test_a_gpu_trains_to_the_same_looks(phones, setting, simulated):
    """Of two steps, with λ fixed and learnt."""
    lam = {"eta": 0.1, "mu": 0.5, "rho": 0.2}
    short = setting.changed(T=2, every=1, batch=4, hidden=(3,))
    names = ("training", "validation", "testing")
    parts = [getattr(two_heads, name)(phones, short) for name in names]
    cpu, gpu = (Losses(*parts, short.changed(layer=layer)) for layer in ("cpu", "cuda"))
    for method in (fixed, real_time):
        found, other = (method(one, lam, silent)["rows"] for one in (gpu, cpu))
        assert [row["t"] for row in found] == [1, 2]
        for name in ("error", "eta", "mu", "rho"):
            mine, theirs = ([row[name] for row in rows] for rows in (found, other))
            np.testing.assert_allclose(mine, theirs, rtol=1e-4)
    assert found[-1]["eta"] != lam["eta"]


# --- random search ---


def test_draws_are_the_same_each_time_and_inside_their_ranges():
    once, again = ([draw(rng) for _ in range(300)] for rng in map(np.random.default_rng, (4, 4)))
    assert once == again
    eta, mu, rho = (np.array([lam[name] for lam in once]) for name in ("eta", "mu", "rho"))
    for found, (low, high) in zip((eta, 1 - mu, rho), search.RANGES.values(), strict=True):
        assert low <= found.min() < 1.1 * low
        assert 0.9 * high < found.max() <= high
        assert np.median(found) == pytest.approx(np.sqrt(low * high), rel=0.5)


@pytest.fixture
def left():
    """The seconds that each of the made-up trials was given."""
    return []


@pytest.fixture
def trials(monkeypatch, left):
    """Random search over made-up trials of 10 seconds, in place of training; the λs asked for."""
    asked = []
    monkeypatch.setattr(search.time, "perf_counter", lambda: 1000.0)

    def made_up(losses, lam, tick, deadline):
        asked.append(lam)
        left.append(deadline - 1000)
        found = [70.0, 0.0, 50.0][(len(asked) - 1) % 3]
        ended = "no better" if found else "diverged"
        about = {"start": lam, "rows": [], "ended": ended}
        return {"validation accuracy": found, "seconds": 10.0, **about}

    monkeypatch.setattr(search, "fixed", made_up)
    return asked


def test_the_search_keeps_to_its_seconds_and_returns_the_best(losses, tmp_path, trials, left):
    found = random_search(losses, 45, tmp_path / "trials.json", silent)
    rng = np.random.default_rng(losses.setting.seed + 2)
    assert trials == [draw(rng) for _ in range(5)]
    assert found["seconds"] == 50
    assert left == [45, 35, 25, 15, 5]
    assert found["start"] == trials[0]
    assert found["validation accuracy"] == 70
    assert [one["start"] for one in found["search"]] == trials
    assert found["search"][1]["ended"] == "diverged"
    assert not any("rows" in one for one in found["search"])


def test_an_interrupted_search_goes_on_with_the_next_draw(losses, tmp_path, trials):
    file = tmp_path / "trials.json"
    first = random_search(losses, 15, file, silent)
    assert len(trials) == len(first["search"]) == 2
    whole = random_search(losses, 35, file, silent)
    rng = np.random.default_rng(losses.setting.seed + 2)
    assert trials == [draw(rng) for _ in range(4)]
    assert whole["search"][:2] == first["search"]
    assert len(kept(file, print)) == 4
    assert random_search(losses, 35, file, silent) == whole
    assert len(trials) == 4


def test_no_time_is_one_look_of_one_trial(losses, tmp_path):
    found = random_search(losses, 1e-9, tmp_path / "trials.json", silent)
    assert len(found["search"]) == 1
    assert (found["ended"], found["steps"]) == ("out of time", 5)


def test_trials_that_diverge_end_no_search(losses, tmp_path, monkeypatch):
    tame = {"eta": 0.1, "mu": 0.5, "rho": 0.1}
    given = iter([WILD, tame])
    monkeypatch.setattr(search, "draw", lambda rng: next(given, WILD))
    found = random_search(losses, 0.5, tmp_path / "trials.json", silent)
    assert [one["ended"] == "diverged" for one in found["search"][:3]] == [True, False, True]
    assert found["start"] == tame
    assert 0.5 <= found["seconds"] == sum(one["seconds"] for one in found["search"])


# --- hyperparameters in real time ---


@pytest.mark.parametrize("start", [(0.075, 0.5, 0.0), (0.0, 0.0, 0.0)])
def test_the_path_of_lambda_is_that_of_the_readable_layer(losses, setting, start):
    lam = dict(zip(("eta", "mu", "rho"), start, strict=True))
    found = real_time(losses, lam, silent)
    plain = problem(losses.J, losses.E, setting)
    true = hgref.realtime(
        plain, plain.pack(**lam), setting.every, Adam(setting.outer_rate), domain().project
    )
    assert (found["ended"], found["steps"], found["weights"]) == ("all steps", 60, "last look")
    path = np.array([[row[name] for name in ("eta", "mu", "rho")] for row in found["rows"]])
    np.testing.assert_allclose(path, true.lam[:-1], atol=1e-3)
    errors = [row["error"] for row in found["rows"]]
    np.testing.assert_allclose(errors, true.f, rtol=1e-3)
    assert np.ptp(path, axis=0).min() > 1e-3  # each of them moved
    w = plain.dynamics.weights(true.s_T)
    assert found["test accuracy"] == pytest.approx(error_and_accuracy(losses.test, w)[1], abs=3)
    assert found["validation accuracy"] == found["rows"][-1]["accuracy"]


def test_lambda_stays_in_its_set_under_steps_that_leave_it(losses, setting):
    rough = Losses(losses.J, losses.E, losses.test, setting.changed(outer_rate=0.4))
    found = real_time(rough, {"eta": 0.01, "mu": 0.9, "rho": 0.0}, silent)
    path = np.array([[row[name] for name in ("eta", "mu", "rho")] for row in found["rows"]])
    assert (path >= 0).all()
    assert path[:, 1].max() <= methods.LARGEST_MU < 1
    assert methods.LARGEST_MU in path[:, 1] or 0.0 in path[1:]


def test_a_decayed_eta_ends_it_with_the_weights_of_that_look(losses, monkeypatch, tested):
    monkeypatch.setattr(methods, "decayed", lambda rows: "η decayed" if len(rows) == 4 else "")
    found = real_time(losses, {"eta": 0.075, "mu": 0.5, "rho": 0.0}, silent)
    assert (found["ended"], found["steps"]) == ("η decayed", 20)
    (w,) = tested
    assert error_and_accuracy(losses.E, w)[0] == found["rows"][-1]["error"]


def test_the_authors_rho_is_q_times_larger_and_moves_as_ours_over_q(setting):
    """With a second error over q, ρ q is what ρ is here: the same paths of q ρ."""
    lam, grads = np.array([0.1, 0.5, 0.02]), np.random.default_rng(0).standard_normal((5, 3))
    ours, theirs = Adam(setting.outer_rate), adam(setting.changed(authors=True), methods.RATES)
    units = np.array([1.0, 1.0, setting.q])
    scaled, memory, other = units * lam, ours.start(lam), theirs.start(lam)
    for k, grad in enumerate(grads, 1):
        scaled, memory = ours.update(k, scaled, grad / units, memory)
        lam, other = theirs.update(k, lam, grad, other)
        np.testing.assert_allclose(units * lam, scaled, rtol=1e-14)
    assert (
        adam(setting, ("eta", "mu")).update(1, lam[:2], lam[:2], ours.start(lam[:2]))[0].size == 2
    )
