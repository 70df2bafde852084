"""Right, wrong, undecided: what a judge must not call right, and what it must not accuse."""

import numpy as np
import pytest

import hgref
from hgref.objectives import L2, MLP, Callback, LeastSquares, Objective, Quadratic, Softmax
from hgref.verify.arithmetic import FLOAT64, at_random


def quadratic(T=10, scale=1.0):
    J = Quadratic(np.diag([1.0, 2.0]), [1.0, -1.0])
    E = Quadratic(scale * np.eye(2), scale * np.ones(2))
    return hgref.Problem(hgref.GradientDescent(J), E, T)


# --- functions that are none ---


class Drawing(Objective):
    """A least-squares loss that draws its own batch at every call."""

    p = 3

    def __init__(self, cycle=None):
        rng = np.random.default_rng(0)
        self.X, self.y, self.calls = rng.standard_normal((20, 3)), rng.standard_normal(20), 0
        self.random, self.cycle = np.random.default_rng(1), cycle

    def batch(self):
        self.calls += 1
        if self.cycle:
            return np.arange(4) + 4 * (self.calls % self.cycle)
        return self.random.integers(0, 20, 4)

    def value(self, t, w, lam):
        rows = self.batch()
        return np.sum((self.X[rows] @ w - self.y[rows]) ** 2) / 8

    def grad(self, t, w, lam):
        rows = self.batch()
        return self.X[rows].T @ (self.X[rows] @ w - self.y[rows]) / 4

    def grad_vjp(self, t, w, lam, u):
        rows = self.batch()
        return self.X[rows].T @ (self.X[rows] @ u) / 4, {}


@pytest.mark.parametrize("cycle", [None, 5])
@pytest.mark.parametrize("times", [0.0, 1.0, -1.0, 2.0])
def test_a_loss_that_draws_its_own_batch_is_undecided(cycle, times):
    J = Drawing(cycle)
    problem = hgref.Problem(hgref.GradientDescent(J), Quadratic(np.eye(3), np.ones(3)), 10)
    g = hgref.reverse(problem, [0.1]).grad
    report = hgref.check(problem, [0.1], times * g)
    assert report.verdict == "undecided"
    assert "the value of J, Drawing, is not a function of (w, λ): two calls" in report.reason
    assert "batches=" in report.reason
    with pytest.raises(AssertionError, match=r"^undecided: the value of J, Drawing"):
        hgref.assert_hypergradient(problem, [0.1], times * g)
    assert len(hgref.diagnose(problem, [0.1], times * g)) == 0


def test_a_loss_that_changes_between_runs_is_undecided():
    class Ageing(Drawing):
        def batch(self):  # a new batch every 100 calls: neighbours agree
            self.calls += 1
            return np.arange(4) + self.calls // 100 % 16

    problem = hgref.Problem(hgref.GradientDescent(Ageing()), Quadratic(np.eye(3), np.ones(3)), 30)
    report = hgref.check(problem, [0.1], hgref.reverse(problem, [0.1]).grad)
    assert report.verdict == "undecided"
    assert "two runs at one λ gave" in report.reason


# --- runs that amplify rounding ---


def chaotic(hidden=6, T=120, dynamics=hgref.GradientDescent):
    rng = np.random.default_rng(3)
    X, Xv = rng.standard_normal((20, 4)), rng.standard_normal((20, 4))
    y, yv = rng.integers(0, 3, 20), rng.integers(0, 3, 20)
    J, E = MLP(X, y, [hidden], classes=3) + L2(), MLP(Xv, yv, [hidden], classes=3)
    w0 = rng.standard_normal(E.p)
    problem = hgref.Problem(dynamics(J), E, T, w0)
    lam = {"eta": 8.0, "l2": 1e-3}
    return problem, lam | ({"mu": 0.9} if dynamics is hgref.Momentum else {})


@pytest.mark.parametrize("dynamics", [hgref.GradientDescent, hgref.Momentum])
def test_nothing_is_right_where_rounding_has_grown_over_all_digits(dynamics):
    problem, lam = chaotic(dynamics=dynamics)
    g = hgref.reverse(problem, lam)
    for times in (1.0, -1.0, 0.0) if dynamics is hgref.GradientDescent else (-1.0,):
        report = hgref.check(problem, lam, times * g.grad)
        assert report.verdict == "undecided", str(report)
        assert "no digit of eta can be known in float64: this run amplifies" in report.reason
        assert "fewer steps or a smaller eta would help" in report.reason
    diagnosis = hgref.diagnose(problem, lam, 1.7 * g.grad)
    assert len(diagnosis) == 0
    assert str(diagnosis).startswith("undecided: no digit")
    assert hgref.check(problem, lam, np.nan * g.grad).verdict == "wrong"


def test_a_run_that_single_precision_cannot_make_is_known_in_double():
    problem, lam = chaotic(T=25)
    g = hgref.reverse(problem, lam)
    assert hgref.check(problem, lam, g.grad)
    off = (1.05 * g.grad).astype(np.float32)
    report = hgref.check(problem, lam, off)
    assert report.verdict == "undecided", str(report)
    assert "known in float32" in report.reason
    assert "float64, or fewer steps, would help" in report.reason
    # what agrees to the last digit of its type is no accident
    assert hgref.check(problem, lam, g.grad.astype(np.float32))


def softmax_by_adam(T):
    rng = np.random.default_rng(0)
    X, Xv = rng.standard_normal((40, 6)), rng.standard_normal((30, 6))
    X[:, 5] *= 1e-4  # a feature that is nearly never there
    J = Softmax(X, rng.integers(0, 3, 40), 3) + L2()
    E = Softmax(Xv, rng.integers(0, 3, 30), 3)
    return hgref.Problem(hgref.Adam(J, "torch"), E, T)


def test_the_tolerance_is_this_runs_rounding_and_not_its_worst_case():
    """With errors as large as the largest entry in every entry of g, eps had a tolerance of 100."""
    problem = softmax_by_adam(100)
    lam = {"eta": 0.01, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "l2": 1e-3}
    g = hgref.reverse(problem, lam)
    report = hgref.check(problem, lam, g.grad.astype(np.float32))
    assert report, str(report)
    flipped = {**g.blocks, "eps": -g["eps"]}
    flipped = {name: block.astype(np.float32) for name, block in flipped.items()}
    report = hgref.check(problem, lam, flipped)
    assert report.verdict != "right", str(report)


@pytest.mark.parametrize("seed", range(10))
def test_adams_first_step_has_no_slope_in_its_betas(seed):
    """m̂ = g and û = g²: what float32 leaves of the two terms that cancel is no mistake."""
    rng = np.random.default_rng(seed)
    A, b = np.diag(rng.uniform(0.5, 2, 5)), rng.standard_normal(5)
    problem = hgref.Problem(hgref.Adam(Quadratic(A, b), "torch"), Quadratic(np.eye(5), b), 1)
    lam = {"eta": 0.1, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8}
    g = hgref.reverse(problem, lam)
    size = np.linalg.norm(g["eta"]) * 0.1
    noise = {n: np.float32(size * 6e-8 * rng.uniform(-1, 1)) for n in ("beta1", "beta2")}
    report = hgref.check(problem, lam, {"eta": np.float32(g["eta"]), **noise})
    assert report, str(report)
    wrong = {"eta": np.float32(g["eta"]), "beta1": np.float32(1e-3 * size)}
    assert hgref.check(problem, lam, wrong).verdict == "wrong"


@pytest.mark.parametrize("scale", [1e-160, 1e-85, 1e-20, 1e20, 1e78, 1e160])
def test_the_scale_of_the_error_does_not_matter(scale):
    problem = quadratic(scale=scale)
    g = hgref.reverse(problem, [0.1]).grad
    assert hgref.check(problem, [0.1], g), str(hgref.check(problem, [0.1], g))
    for wrong in (-g, 0 * g, g * (1 + 1e-9)):
        report = hgref.check(problem, [0.1], wrong)
        assert report.verdict == "wrong", str(report)
        assert "nan" not in report.reason


# --- functions that contradict each other ---


class Shrinking(hgref.Dynamics):
    """w ← (1 − η) w − η g, whose vjp forgets the 1 − η."""

    names = ("eta",)

    def step(self, t, s, lam):
        return (1 - lam["eta"]) * s - lam["eta"] * self.J.grad(t, s, lam)

    def jvp(self, t, s, lam, ds, dlam):
        down = (1 - lam["eta"]) * ds - lam["eta"] * self.J.grad_jvp(t, s, lam, ds, dlam)
        if "eta" in dlam:
            down = down - (s + self.J.grad(t, s, lam))[:, None] * dlam["eta"]
        return down

    def vjp(self, t, s, lam, alpha):
        uH, uM = self.J.grad_vjp(t, s, lam, -lam["eta"] * alpha)
        return alpha + uH, {**uM, "eta": -alpha @ (s + self.J.grad(t, s, lam))}


def test_a_wrong_vjp_of_an_author_is_undecided_and_named():
    J = Quadratic(np.diag([1.0, 2.0]), [1.0, -1.0])
    problem = hgref.Problem(Shrinking(J), Quadratic(np.eye(2), [1, 1]), 10, [1.0, 2.0])
    g = hgref.reverse(problem, [0.1]).grad
    report = hgref.check(problem, [0.1], hgref.witness.complex_step(problem.f, [0.1]))
    assert report.verdict == "undecided"
    assert "disagree with reverse: vjp of Shrinking is wrong in w, step 1" in report.reason
    with pytest.raises(AssertionError, match="vjp of Shrinking"):
        hgref.assert_hypergradient(problem, [0.1], g)


def test_a_witness_that_cannot_speak_says_why_and_the_trial_goes_on():
    class OnlyBack(Shrinking):
        def step(self, t, s, lam):
            return s - lam["eta"] * self.J.grad(t, s, lam)

        def jvp(self, t, s, lam, ds, dlam):
            raise RuntimeError("no forward derivative\nfor this kernel")

        def vjp(self, t, s, lam, alpha):
            uH, uM = self.J.grad_vjp(t, s, lam, -lam["eta"] * alpha)
            return alpha + uH, {**uM, "eta": -alpha @ self.J.grad(t, s, lam)}

    J = Quadratic(np.diag([1.0, 2.0]), [1.0, -1.0])
    problem = hgref.Problem(OnlyBack(J), Quadratic(np.eye(2), [1, 1]), 10, [1.0, 2.0])
    g = hgref.reverse(problem, [0.1]).grad
    report = hgref.check(problem, [0.1], g)
    assert report, str(report)
    assert report.witnesses[1].silent == "RuntimeError: no forward derivative for this kernel"
    assert "forward       cannot speak" in str(report)
    assert hgref.diagnose(problem, [0.1], -g)[0].name == "sign"


def test_an_f_that_is_not_analytic_silences_the_complex_step_alone():
    E = Callback(lambda w, lam: np.abs(w) @ np.abs(w) / 2, lambda w, lam: w)
    J = Quadratic(np.diag([1.0, 2.0]), [1.0, -1.0])
    problem = hgref.Problem(hgref.GradientDescent(J), E, 10, [1.0, 2.0])
    report = hgref.check(problem, [0.1], hgref.reverse(problem, [0.1]).grad)
    assert report, str(report)
    step = next(w for w in report.witnesses if w.name == "complex step")
    assert step.silent is not None


# --- reports for people ---


def test_the_report_speaks_in_tests_notebooks_and_terminals():
    problem = quadratic()
    g = hgref.reverse(problem, [0.1]).grad
    right, wrong = hgref.check(problem, [0.1], g), hgref.check(problem, [0.1], 2 * g)
    assert (right.verdict, right.reason, repr(right)) == ("right", None, "Report(right)")
    assert wrong.reason.startswith("eta is off by 1.0e+00, tolerance")
    assert repr(wrong) == f"Report(wrong: {wrong.reason})"
    with pytest.raises(AssertionError) as raised:
        hgref.assert_hypergradient(problem, [0.1], 2 * g)
    assert str(raised.value).splitlines()[0] == f"wrong: {wrong.reason}"
    hidden = [entry.locals.get("__tracebackhide__") for entry in raised.traceback]
    assert hidden[1] is True
    html = wrong._repr_html_()
    assert html.count("<tr>") == 2
    assert "WRONG" in html
    assert "\033[1;31mWRONG\033[0m" in wrong.text(colour=True)
    assert "\033" not in str(wrong)


def test_progress_is_told():
    problem = quadratic()
    seen = []
    report = hgref.check(
        problem, [0.1], [1.0], progress=lambda steps: [seen.append(s) or s for s in steps]
    )
    assert report.verdict == "wrong"
    assert len(seen) >= 4


# --- many right gradients and many wrong ones ---


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_right_gradients_are_never_wrong_and_wrong_ones_never_right(kind):
    rng = np.random.default_rng(0)
    for seed in range(4):
        X, Xv = rng.standard_normal((2, 10, 4))
        y, yv = rng.standard_normal((2, 10))
        J, E = LeastSquares(X, y) + L2(), LeastSquares(Xv, yv)
        T = int(np.exp(rng.uniform(1, np.log(60))))
        problem = hgref.Problem(hgref.Momentum(J), E, T, rng.standard_normal(4))
        lam = {"eta": rng.uniform(0.01, 0.1), "mu": rng.uniform(0, 0.9), "l2": rng.uniform(0, 0.2)}
        g = hgref.reverse(problem, lam)
        report = hgref.check(problem, lam, {n: b.astype(kind) for n, b in g.blocks.items()})
        assert report, f"{seed}\n{report}"
        factors = {block.name: 1 + 3 * block.tolerance for block in report.blocks}
        for wrong in (dict.fromkeys(g, -1.0), dict.fromkeys(g, 0.0), factors):
            candidate = {name: (wrong[name] * g[name]).astype(kind) for name in g}
            for block in hgref.check(problem, lam, candidate).blocks:
                if block.error > 1.1 * block.tolerance:
                    assert block.verdict != "right", f"{seed}\n{block}"


@pytest.mark.parametrize("kind", [np.float16, np.float32])
@pytest.mark.parametrize("T", [20, 60, 150, 300])
def test_numbers_below_the_smallest_of_their_type_are_never_wrong(kind, T):
    """α_t halves in every step: in the type's own loop it ends at its smallest number, or at 0."""
    J, E = Quadratic(np.diag([1.0, 2.0]), [1.0, -1.0]), Quadratic(np.eye(2), [0.3, 0.2])
    problem = hgref.Problem(hgref.GradientDescent(J), E, T, [1.0, 2.0], learn_w0=True)
    lam = problem.pack(eta=0.45)
    alpha = (hgref.reverse(problem, lam).s_T - [0.3, 0.2]).astype(kind)
    for _ in range(T):
        alpha = (alpha - kind(0.45) * (np.array([1, 2], kind) * alpha)).astype(kind)
    assert hgref.check(problem, lam, {"w0": alpha}).verdict in ("right", "undecided")


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_errors_are_those_of_the_type_also_below_its_smallest_normal_number(kind):
    limits = np.finfo(kind)
    u, spacing = float(limits.eps) / 2, float(limits.smallest_subnormal)
    err = at_random(u, seed=0)
    large, small = np.full(4000, 3.0), np.full(4000, 8 * spacing)
    assert 0.9 * u < np.abs(err(large) / large - 1).max() <= u * (1 + 1e-3) + FLOAT64
    assert np.abs(err(small) - small).max() == pytest.approx(spacing, rel=0.01)
    assert not err(np.zeros(4)).any()
