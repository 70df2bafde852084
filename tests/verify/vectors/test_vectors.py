"""The shipped vectors: complete, certified, and told apart from their traps."""

import json
import math

import numpy as np
import pytest

import hgref
from hgref.__main__ import main
from hgref.verify import CATALOGUE
from hgref.verify.candidate import read_candidate
from hgref.verify.mistakes import Computation
from hgref.verify.pairs import singles
from hgref.verify.rounding import tolerances
from hgref.verify.vectors.cases import DYNAMICS, MORE, OBJECTIVES, cases
from hgref.verify.vectors.description import problem_of, read_file
from hgref.verify.vectors.vector import DATA, shipped

FILES = shipped()
every_vector = pytest.mark.parametrize("name", FILES)


def numbers(text):
    return np.asarray(text, dtype=float)


def test_there_is_one_for_every_dynamics_and_objective_and_the_others():
    assert set(FILES) == {f"{d}-{o}" for d in DYNAMICS for o in OBJECTIVES} | set(MORE)
    for case in cases():
        content = read_file(FILES[case["name"]])
        for way in case.keys() & {"truncated", "realtime"}:  # stands beside its answer
            assert case[way].items() <= content[way].items()
            case[way] = content[way]
        assert {field: content[field] for field in case} == case
    assert sum(path.stat().st_size for path in FILES.values()) < 2**21


@every_vector
def test_reverse_and_forward_lie_within_their_own_tolerance_of_the_certified_digits(name):
    content = read_file(FILES[name])
    problem, lam = problem_of(content)
    g = hgref.reverse(problem, lam)
    allowed = tolerances(problem.at(lam), g, 2.0**-53)
    for found in (g, hgref.forward(problem, lam)):
        assert found.f == pytest.approx(float(content["f"]), rel=1e-14)
        assert set(found) == set(content["grad"])
        for block, text in content["grad"].items():
            assert np.linalg.norm(found[block] - numbers(text)) <= allowed[block]
    assert hgref.check(problem, lam, {n: numbers(text) for n, text in content["grad"].items()})


@every_vector
def test_the_trace_is_that_of_the_run(name):
    content = read_file(FILES[name])
    problem, lam = problem_of(content)
    states = np.array(list(problem.states(lam)))
    np.testing.assert_allclose(numbers(content["states"]), states, rtol=1e-12, atol=1e-14)
    alphas, Zs = numbers(content["alphas"]), numbers(content["Z"])
    assert alphas.shape == (problem.T, problem.d)
    assert Zs.shape == (problem.T, problem.d, hgref.reverse(problem, lam).grad.size)
    for t in range(2, problem.T + 1):
        A = hgref.jacobians.A(problem, t, states[t - 1], lam)
        B = hgref.jacobians.B(problem, t, states[t - 1], lam)
        np.testing.assert_allclose(alphas[t - 2], alphas[t - 1] @ A, rtol=1e-9, atol=1e-11)
        np.testing.assert_allclose(Zs[t - 1], A @ Zs[t - 2] + B, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", MORE)
def test_the_truncated_gradient_and_the_path_in_real_time_are_those_of_the_run(name):
    content = read_file(FILES[name])
    problem, lam = problem_of(content)
    found = hgref.truncated(problem, lam, content["truncated"]["K"])
    for block, text in content["truncated"]["grad"].items():
        np.testing.assert_allclose(found[block], numbers(text), rtol=1e-9, atol=1e-11)
    asked = content["realtime"]
    outer = hgref.outer.GradientDescent(asked["rate"])
    run = hgref.realtime(problem, lam, asked["every"], outer)
    for block, text in asked["path"].items():
        np.testing.assert_allclose(run[block], numbers(text), rtol=1e-11, atol=1e-13)
    assert len(text) == problem.T // asked["every"] + 1
    assert run[block].std(axis=0).any() or not problem.learn_w0


@every_vector
def test_every_trap_is_wrong_and_is_called_by_its_name(name):
    content = read_file(FILES[name])
    problem, lam = problem_of(content)
    known = {mistake.name: mistake for mistake in CATALOGUE}
    assert len(content["traps"]) >= 8
    g = hgref.reverse(problem, lam)
    run = problem.at(lam)
    allowed = tolerances(run, g, 2.0**-53)
    made = {
        (mistake.name, variant): run.pull(wrong)
        for mistake, variant, _, wrong in singles(Computation(run.untransformed()))
    }
    for trap in content["traps"]:
        assert known[trap["name"]].sentence == trap["sentence"]
        given = read_candidate(trap["grad"], g.layout).blocks
        assert any(np.linalg.norm(given[n] - g[n]) > 10 * allowed[n] for n in given)
        wrong = made[trap["name"], trap["variant"]]
        for block, printed in trap["grad"].items():
            np.testing.assert_allclose(wrong[block], printed, rtol=1e-9, atol=1e-11)
    trap = content["traps"][-1]
    assert not hgref.check(problem, lam, read_candidate(trap["grad"], g.layout).blocks)
    wrong = made[trap["name"], trap["variant"]]  # in full precision: what it was printed from
    assert trap["name"] in {e.name for e in hgref.diagnose(problem, lam, wrong)}


# --- proofs (python-flint) ---


@every_vector
def test_every_digit_is_proven(name):
    flint = pytest.importorskip("flint")
    from hgref.verify.vectors.certify import certified
    from hgref.verify.vectors.vector import differences

    assert differences(FILES[name]) == []
    problem, lam = problem_of(read_file(FILES[name]))
    radii = [float(flint.arb(x).rad()) for x in certified(problem, lam).g.grad]
    assert max(radii) < 1e-25


def test_a_changed_digit_is_found(tmp_path):
    pytest.importorskip("flint")
    from hgref.verify.vectors.vector import differences

    content = read_file(FILES["adam-paper-quadratic"])
    digits = content["grad"]["eta"]
    content["grad"]["eta"] = digits[:-3] + str((int(digits[-3]) + 1) % 10) + digits[-2:]
    path = tmp_path / "v.json"
    path.write_text(json.dumps(content))
    assert differences(path) == ["grad"]
    content["traps"][0]["grad"]["eta"] += 1
    path.write_text(json.dumps(content))
    assert differences(path) == ["grad", "traps"]


def test_digits_are_only_those_that_are_proven():
    flint = pytest.importorskip("flint")
    from hgref.verify.vectors.certify import digits, exponent

    third = flint.arb(1) / 3
    assert digits(third, 10) == "0.3333333333"
    with pytest.raises(ValueError, match="expected 30 proven digits, found fewer"):
        digits(third, 30)  # 53 bits
    assert digits(flint.arb(0, 1e-60), 20) == "0"
    for text, power in (("123.4", 2), ("0.00123", -3), ("-1.5e-20", -20), ("9", 0)):
        assert exponent(text) == power == math.floor(math.log10(abs(float(text))))


def test_means_that_would_be_rounded_are_refused():
    pytest.importorskip("flint")
    from hgref.verify.vectors.certify import certified

    J = hgref.objectives.LeastSquares(np.ones((3, 1)), np.ones(3))
    problem = hgref.Problem(hgref.GradientDescent(J), J, 2)
    with pytest.raises(ValueError, match="expected a power of two in each mean, found 3"):
        certified(problem, {"eta": 0.5})
    for dampening, exact in ((0.75, True), (0.1, False)):
        J = hgref.objectives.Quadratic(np.eye(1), np.ones(1))
        problem = hgref.Problem(hgref.Momentum(J, dampening=dampening), J, 2)
        if exact:
            certified(problem, {"eta": 0.5, "mu": 0.5})
        else:
            with pytest.raises(ValueError, match="expected 1 - dampening to be a float64"):
                certified(problem, {"eta": 0.5, "mu": 0.5})


@pytest.mark.parametrize("kind", ["logistic", "softplus", "tanh", "softmax", "squares"])
def test_proven_digits_are_those_of_differences_in_balls(kind):
    """A difference quotient with a step of 2^-100, in balls of 400 bits, is right to 60 digits."""
    flint = pytest.importorskip("flint")
    from hgref.verify.vectors.certify import balls, certified, precision

    rng = np.random.default_rng(3)
    X, y = np.round(8 * rng.standard_normal((4, 2))) / 8, [0, 1, 1, 0]
    options = {"activation": kind, "classes": 2} if kind in ("softplus", "tanh") else {}
    J = {
        "logistic": lambda: hgref.objectives.Logistic(X, y),
        "softmax": lambda: hgref.objectives.Softmax(X, y, 2),
        "squares": lambda: hgref.objectives.LeastSquares(X, y),
    }.get(kind, lambda: hgref.objectives.MLP(X, y, (2,), **options))()
    w0 = np.round(8 * rng.standard_normal(J.p)) / 8
    J = J + hgref.objectives.L2()
    problem = hgref.Problem(hgref.Momentum(J), J, 3, w0)
    lam = problem.pack(eta=0.5, mu=0.75, l2=0.0625)
    proven = certified(problem, lam, 400).g.grad
    inside = hgref.Problem(problem.dynamics, J, 3, balls(w0))
    with precision(400):
        h = flint.arb(2) ** -100
        for j in range(lam.size):
            step = h * np.eye(lam.size, dtype=int)[j]
            slope = (inside.f(balls(lam) + step) - inside.f(balls(lam) - step)) / (2 * h)
            assert abs(slope - proven[j]) < flint.arb(2) ** -180


def test_the_command_derives_all_of_them_anew(capsys, tmp_path):
    pytest.importorskip("flint")
    assert main(["vectors", "--check"]) == 0
    assert capsys.readouterr().out.count(" ok\n") == len(FILES)
    assert main(["vectors", "--make", str(tmp_path)]) == 0
    for path in FILES.values():
        assert read_file(tmp_path / path.name)["grad"] == read_file(path)["grad"]


# --- the example consumer ---


def test_the_consumer_is_short_and_knows_nothing_of_hgref():
    text = (DATA.parent / "consumer.py").read_text(encoding="utf-8")
    assert len(text.splitlines()) < 190
    assert "hgref" not in text


def test_the_consumer_finds_every_vector_right_but_for_autodiffs_nan():
    """PyTorch's autograd, which shares nothing with hgref, agrees with the certified digits."""
    pytest.importorskip("torch")
    from hgref.verify.vectors import consumer

    verdicts = {
        name: consumer.verdict(json.loads(path.read_text())) for name, path in FILES.items()
    }
    # √u at a gradient that is exactly zero
    outside = {"adam-torch", "adam-tf1", "adamw-torch", "rmsprop-torch", "adagrad-torch"}
    nan = {f"{dynamics}-softmax" for dynamics in outside}
    assert {name for name, verdict in verdicts.items() if verdict == "NaN"} == nan
    assert {verdict for name, verdict in verdicts.items() if name not in nan} == {"right"}
    for name in nan:
        grad = read_file(FILES[name])["grad"]
        assert all(np.isfinite(numbers(text)).all() for text in grad.values())
