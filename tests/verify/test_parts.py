"""check_dynamics and check_objective: hgref's own are right, each spoiled function is named."""

import numpy as np
import pytest
from hypothesis import given
from strategies import JUMPING, KINKED, build, choices, few

import hgref
from hgref.objectives import L2, Callback, Objective, Quadratic
from hgref.verify.parts import beside_template


@pytest.mark.parametrize("dynamics", JUMPING)
@few
@given(choice=choices(max_T=4))
def test_every_dynamics_of_hgref_is_right(dynamics, choice):
    problem, lam = build(dynamics, "with-l2", choice)
    blocks = {n: b for n, b in problem.unpack(lam).items() if n != "w0"}
    report = hgref.check_dynamics(problem.dynamics, blocks, T=problem.T)
    assert report, str(report)


@pytest.mark.parametrize("objective", KINKED)
@few
@given(choice=choices(max_T=4))
def test_every_objective_of_hgref_is_right(objective, choice):
    problem, lam = build("gd", objective, choice)
    for J in (problem.dynamics.J, problem.E):
        report = hgref.check_objective(J, problem.unpack(lam))
        assert report, str(report)


def test_a_start_beside_zeros_is_above_them():
    """A state of zeros may hold squares."""
    start = beside_template(np.array([0.0, -1.0, 2.0]), 3, np.random.default_rng(0))
    assert 0 < start[0] < 0.02
    assert -1.02 < start[1] < -1
    assert 2 < start[2] < 2.02


def test_a_point_is_found_where_none_is_given():
    J = Quadratic(np.diag([1.0, 2.0]), [1.0, -1.0]) + L2("weight")
    for dynamics in (hgref.Momentum(J), hgref.AdamW(J), hgref.Lion(J)):
        report = hgref.check_dynamics(dynamics)
        assert report, str(report)
        assert report.reason is None
        assert repr(report) == f"PartReport({type(dynamics).__name__} right)"
    assert hgref.check_objective(L2())  # it takes any number of weights


class Cubic(Objective):
    """Σ c_j w_j³ / 3, all functions right."""

    p = 2

    def hyper(self, p):
        return {"c": (2,)}

    def value(self, t, w, lam):
        return (lam["c"] * w**3).sum() / 3

    def grad(self, t, w, lam):
        return lam["c"] * w**2

    def grad_jvp(self, t, w, lam, dw, dlam):
        return (2 * lam["c"] * w)[:, None] * dw + (w**2)[:, None] * dlam.get("c", 0)

    def grad_vjp(self, t, w, lam, u):
        return 2 * lam["c"] * w * u, {"c": w**2 * u}

    def grad_lam(self, t, w, lam):
        return {"c": w**3 / 3}


SPOILED = {
    "grad": (lambda self, t, w, lam: 1.0001 * lam["c"] * w**2, "grad of Spoiled is wrong in w"),
    "grad_jvp": (
        lambda self, t, w, lam, dw, dlam: (2 * lam["c"] * w)[:, None] * dw,
        "grad_jvp of Spoiled is wrong in c, step 1",
    ),
    "grad_vjp": (
        lambda self, t, w, lam, u: (2 * w * u, {"c": w**2 * u}),
        "grad_vjp of Spoiled is wrong in w, step 1",
    ),
    "grad_lam": (lambda self, t, w, lam: {"c": w**3}, "grad_lam of Spoiled is wrong in c"),
}


@pytest.mark.parametrize("name", SPOILED)
def test_the_function_that_is_wrong_is_named_with_its_block(name):
    assert hgref.check_objective(Cubic())
    function, sentence = SPOILED[name]
    report = hgref.check_objective(type("Spoiled", (Cubic,), {name: function})())
    assert report.verdict == "wrong"
    assert any(sentence in str(finding_sentence(report, f)) for f in report.findings)
    assert sentence.split(" is")[0] in report.reason
    assert "WRONG" in str(report)


def finding_sentence(report, finding):
    return f"{finding.function} is {finding.verdict} in {finding.block}"


def test_shapes_names_and_crashes_are_findings():
    def returning(**functions):
        return hgref.check_objective(type("Spoiled", (Cubic,), functions)())

    report = returning(grad_vjp=lambda self, t, w, lam, u: (u, {}))
    assert report.verdict == "wrong"
    assert "vjp of Spoiled: expected blocks ['c'], found []" in report.reason
    report = returning(grad_jvp=lambda self, t, w, lam, dw, dlam: dw[:, 0])
    assert "expected columns of shape (2, 1), found (2,)" in report.reason
    report = returning(grad_jvp=lambda self, t, w, lam, dw, dlam: 1 / 0)
    assert "ZeroDivisionError" in report.reason


def test_functions_that_need_not_be_given_are_no_fault():
    class Half(Objective):
        p = 2
        value = Cubic.value
        grad = Cubic.grad
        grad_vjp = Cubic.grad_vjp
        hyper = Cubic.hyper

    report = hgref.check_objective(Half())
    assert report, str(report)
    assert {f.function for f in report.findings if f.verdict == "not given"} >= {
        "grad_jvp of Half",
        "grad_lam of Half",
    }
    J = Callback(lambda w, lam: w @ w, lambda w, lam: 2 * w, grad_vjp=lambda w, lam, u: (2 * u, {}))
    assert hgref.check_objective(J, w=[1.0, 2.0])


def test_a_value_that_takes_no_complex_numbers_is_judged_by_differences():
    class Real(Cubic):
        def value(self, t, w, lam):
            return float(np.sum(lam["c"] * w**3)) / 3

        def grad(self, t, w, lam):
            if np.iscomplexobj(w):
                raise TypeError("no complex numbers")
            return lam["c"] * w**2

    assert hgref.check_objective(Real())

    class Wrong(Real):
        def grad_vjp(self, t, w, lam, u):
            return 2.001 * lam["c"] * w * u, {"c": w**2 * u}

    assert hgref.check_objective(Wrong()).verdict == "wrong"


def test_a_small_mistake_is_seen_by_the_complex_step():
    """Less than is asked where differences are the only witness."""

    class Off(Quadratic):
        def at(self, t, w, lam):
            exact = super().at(t, w, lam)
            return exact._replace(value=exact.value * (1 + 1e-6))

    report = hgref.check_objective(Off(np.diag([1.0, 2.0]), [1.0, -1.0]))
    assert report.verdict == "wrong"
    assert "grad of Off is wrong in w" in report.reason


def test_schedules_and_starts_are_tried():
    J = Quadratic(np.diag([1.0, 2.0]), [1.0, -1.0])

    class First(hgref.Dynamics):
        names = ("eta",)

        def rate(self, lam):
            return np.reshape(lam["eta"], -1)[0]  # of every step

        def step(self, t, s, lam):
            return s - self.rate(lam) * self.J.grad(t, s, lam)

        def jvp(self, t, s, lam, ds, dlam):
            down = ds - self.rate(lam) * self.J.grad_jvp(t, s, lam, ds, dlam)
            return down - self.J.grad(t, s, lam)[:, None] * np.reshape(dlam.get("eta", 0.0), -1)[:1]

        def vjp(self, t, s, lam, alpha):
            uH, uM = self.J.grad_vjp(t, s, lam, -self.rate(lam) * alpha)
            return alpha + uH, {**uM, "eta": -alpha @ self.J.grad(t, s, lam)}

    class Summed(First):
        def rate(self, lam):
            return np.sum(lam["eta"])

    class Late(First):
        def vjp(self, t, s, lam, alpha):
            row, share = super().vjp(t, s, lam, alpha)
            if np.ndim(lam["eta"]):
                share["eta"] = share["eta"] * (np.arange(lam["eta"].size) == t)
            return row, share

    for kind, part in ((First, "vjp"), (Summed, "step"), (Late, "vjp")):
        report = hgref.check_dynamics(kind(J))
        assert report.verdict == "wrong"
        assert f"{part} of {kind.__name__} is wrong in a schedule of eta" in report.reason

    class Elsewhere(hgref.GradientDescent):
        def start(self, w0):
            return 2 * w0

    report = hgref.check_dynamics(Elsewhere(J))
    assert report.reason.startswith("start of Elsewhere is wrong in w0: its weights should be w0")


def test_a_function_that_draws_is_undecided():
    rng = np.random.default_rng(0)

    class Noisy(Cubic):
        def value(self, t, w, lam):
            return super().value(t, w, lam) + rng.standard_normal()

    report = hgref.check_objective(Noisy())
    assert report.verdict == "undecided"
    assert "two calls at one point gave" in report.reason


def test_bad_arguments_are_refused():
    with pytest.raises(TypeError, match="J: expected an objective, found int"):
        hgref.check_objective(3)
    with pytest.raises(TypeError, match="dynamics: expected a dynamics, found Cubic"):
        hgref.check_dynamics(Cubic())
    with pytest.raises(ValueError, match=r"w: expected shape \(2,\), found \(3,\)"):
        hgref.check_objective(Cubic(), w=[1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match=r"missing hyperparameters \['c'\]"):
        hgref.check_objective(Cubic(), {"d": [1.0, 2.0]})
