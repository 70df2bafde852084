"""λ in and out, bad input, and runs that diverge."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hgref
from hgref.objectives import L2, LeastSquares, Quadratic, Softmax

rng = np.random.default_rng(0)
X, y = rng.standard_normal((6, 2)), np.array([0, 1, 2, 0, 1, 2])


def a_problem(T=5, **options):
    J = Softmax(X, y, 3, example_weights=True) + L2()
    return hgref.Problem(hgref.Momentum(J), Softmax(X, y, 3), T, **options)


GOOD = {"eta": 0.1, "mu": 0.9, "weights": np.ones(6), "l2": 1e-3}

# --- λ ---


def test_no_weights_are_refused():
    Q = hgref.objectives.Quadratic
    for make in (
        lambda: hgref.objectives.Softmax(np.zeros((3, 0)), [0, 1, 2], 3, bias=False),
        lambda: Q(np.zeros((0, 0)), []),
    ):
        with pytest.raises(ValueError, match=r"(w0|A|X): expected .*"):
            hgref.Problem(hgref.GradientDescent(make()), make(), 3)
    J = hgref.objectives.L2()
    with pytest.raises(ValueError, match="w0: expected at least one weight, found p = 0"):
        hgref.Problem(hgref.GradientDescent(J), J, 3, [])


def test_blocks_stand_in_the_order_dynamics_objective_w0():
    problem = a_problem(learn_w0=True)
    assert list(problem.layout.shapes) == ["eta", "mu", "weights", "l2", "w0"]
    lam = problem.pack(l2=3.0, eta=1.0, w0=np.arange(9.0), weights=np.full(6, 2.0), mu=0.5)
    assert lam.tolist() == [1.0, 0.5, *[2.0] * 6, 3.0, *range(9)]
    back = problem.unpack(lam)
    assert back["weights"].tolist() == [2.0] * 6
    assert back["eta"].shape == ()


def test_w0_defaults_to_the_problems_own():
    w0 = rng.standard_normal(9)
    problem = a_problem(learn_w0=True, w0=w0)
    assert np.array_equal(problem.unpack(problem.pack(**GOOD))["w0"], w0)


@given(late=st.tuples(st.booleans(), st.booleans()), T=st.integers(1, 6), flat=st.booleans())
def test_a_schedule_keeps_its_shape_through_pack_and_gradient(late, T, flat):
    problem = a_problem(T=T)
    values = {name: np.full(T, GOOD[name]) if yes else GOOD[name]
              for name, yes in zip(("eta", "mu"), late, strict=True)}  # fmt: skip
    blocks = {**GOOD, **values}
    g = hgref.reverse(problem, problem.pack(**blocks) if flat else blocks)
    for name, value in blocks.items():
        assert g[name].shape == np.shape(value)


def test_a_constant_schedule_is_the_number():
    problem = a_problem()
    number = hgref.reverse(problem, GOOD)
    schedule = hgref.reverse(problem, {**GOOD, "eta": np.full(5, 0.1)})
    assert schedule.f == number.f
    assert schedule["eta"].sum() == pytest.approx(number["eta"], rel=1e-12)


def test_a_packed_vector_knows_which_hyperparameter_is_the_schedule():
    """Two of one length, from one problem, in any order; and whatever is made of them."""
    problem = a_problem()
    late_mu = problem.pack(**{**GOOD, "mu": np.full(5, 0.5)})
    late_eta = problem.pack(**{**GOOD, "eta": np.full(5, 0.5)})
    assert late_mu.size == late_eta.size == 13
    for lam, name in ((late_mu, "mu"), (late_eta, "eta"), (2 * late_mu - late_mu, "mu")):
        for copied in (lam, lam.copy(), pickle.loads(pickle.dumps(lam)), lam + 1e-9):
            g = hgref.reverse(problem, copied)
            assert g[name].shape == (5,)
    witness = hgref.witness.complex_step(problem.f, late_mu)
    np.testing.assert_allclose(hgref.reverse(problem, late_mu).grad, witness, rtol=1e-10)
    assert hgref.witness.central_differences(problem.f, late_eta)[0].shape == (13,)


def test_a_plain_vector_that_could_mean_two_schedules_is_refused():
    problem = a_problem()
    problem.pack(**{**GOOD, "mu": np.full(5, 0.5)})
    with pytest.raises(ValueError, match="length 13 can be .*eta.* or .*mu.*; give a vector from"):
        hgref.reverse(problem, np.full(13, 0.1))
    both = hgref.reverse(problem, np.full(17, 0.1))  # two schedules: no doubt
    assert (both["eta"].shape, both["mu"].shape) == ((5,), (5,))


def test_a_vector_of_another_problem_is_read_by_its_length():
    other = a_problem(T=8)
    lam = other.pack(**{**GOOD, "mu": np.full(8, 0.5)})
    with pytest.raises(ValueError, match=r"lam: expected shape \(9,\), found \(16,\)|can be"):
        hgref.reverse(a_problem(T=4), lam)


def test_the_mapping_and_the_vector_are_one_point():
    problem = a_problem()
    assert np.array_equal(
        hgref.reverse(problem, GOOD).grad, hgref.reverse(problem, problem.pack(**GOOD)).grad
    )


def test_a_block_of_e_that_j_has_too_is_one_block():
    J = LeastSquares(X, y.astype(float)) + L2()
    problem = hgref.Problem(hgref.GradientDescent(J), J, 3)
    assert list(problem.layout.shapes) == ["eta", "l2"]
    E = LeastSquares(X, y.astype(float)) + L2("weight")
    with pytest.raises(
        ValueError, match=r"E: expected shape \(\) for its block 'l2'.* found \(2,\)"
    ):
        hgref.Problem(hgref.GradientDescent(J), E, 3)


def test_a_block_that_only_e_has_stands_after_those_of_j():
    J = LeastSquares(X, y.astype(float))
    problem = hgref.Problem(hgref.GradientDescent(J), J + L2(), 3, learn_w0=True)
    assert list(problem.layout.shapes) == ["eta", "l2", "w0"]


# --- refusals ---


@pytest.mark.parametrize("method", [hgref.reverse, hgref.forward, hgref.checkpointed])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lr": 0.1}, r"unknown hyperparameter 'lr': expected one of \['eta', 'mu', 'weights', "),
        ({"weight": 0.1}, "did you mean 'weights'?"),
        ({"weights": np.ones(5)}, r"weights: expected shape \(6,\), found \(5,\)"),
        ({"weights": 1.0}, r"weights: expected shape \(6,\), found \(\)"),
        ({"eta": np.ones(4)}, r"eta: expected shape \(5,\), found \(4,\)"),
        ({"eta": np.ones((5, 1))}, r"eta: expected shape \(\), found \(5, 1\)"),
        ({"mu": np.nan}, r"mu: expected finite numbers, found nan"),
        ({"mu": "0.9"}, r"mu: expected numbers, found str"),
        (
            {"weights": np.array([1, 1, 1, -0.5, 1, 1])},
            r"weights: expected numbers >= 0, found -0.5 at index \(3,\); project onto",
        ),
    ],
)
def test_a_bad_lambda_is_refused(method, change, message):
    with pytest.raises((ValueError, TypeError), match=message):
        method(a_problem(), {**GOOD, **change})


def test_blocks_of_j_may_not_be_called_like_those_of_the_dynamics():
    J = LeastSquares(X, y.astype(float)) + L2(name="eta")
    with pytest.raises(
        ValueError, match="J: its block 'eta' has the name of a hyperparameter of Gr"
    ):
        hgref.Problem(hgref.GradientDescent(J), J, 3)


def test_example_weights_of_e_can_have_a_name_of_their_own():
    J = LeastSquares(X, y.astype(float), example_weights=True)
    E = LeastSquares(X, y.astype(float), example_weights="validation")
    problem = hgref.Problem(hgref.GradientDescent(J), E, 3)
    lam = problem.pack(eta=0.1, weights=np.ones(6), validation=np.ones(6))
    witness = hgref.witness.complex_step(problem.f, lam)
    for method in (hgref.reverse, hgref.forward):
        np.testing.assert_allclose(method(problem, lam).grad, witness, rtol=1e-11)
    with pytest.raises(ValueError, match="validation: expected numbers >= 0"):
        hgref.reverse(problem, problem.pack(eta=0.1, weights=np.ones(6), validation=-np.ones(6)))


def test_a_block_of_the_objective_may_be_called_w0_where_the_start_is_not_learned():
    J = LeastSquares(X, y.astype(float)) + L2("weight", name="w0")
    E = LeastSquares(X, -y.astype(float))
    problem = hgref.Problem(hgref.GradientDescent(J), E, 3)
    lam = problem.pack(eta=0.1, w0=[0.1, 0.2])
    witness = hgref.witness.complex_step(problem.f, lam)
    for method in (hgref.reverse, hgref.forward):
        np.testing.assert_allclose(method(problem, lam).grad, witness, rtol=1e-11)
    with pytest.raises(ValueError, match="learn_w0: the objective has a block 'w0' already"):
        hgref.Problem(hgref.GradientDescent(J), E, 3, learn_w0=True)


def test_a_hypergradient_is_a_mapping():
    g = hgref.reverse(a_problem(), GOOD)
    assert "eta" in g
    assert "nu" not in g
    assert dict(g).keys() == GOOD.keys()
    assert np.array_equal(dict(g)["weights"], g["weights"])


def test_what_is_given_is_not_changed_and_what_is_kept_is_not_shared():
    w0 = np.ones(9)
    problem = a_problem(w0=w0, learn_w0=True)
    lam = problem.pack(**GOOD)
    before = lam.copy()
    expected = hgref.reverse(problem, lam).grad
    w0[:] = 7
    problem.unpack(lam)["weights"][:] = 7
    assert np.array_equal(hgref.reverse(problem, lam).grad, expected)
    assert np.array_equal(lam, before)


def test_missing_blocks_and_wrong_lengths_are_refused():
    problem = a_problem()
    with pytest.raises(ValueError, match=r"missing hyperparameters \['weights', 'l2'\]"):
        problem.pack(eta=0.1, mu=0.9)
    with pytest.raises(ValueError, match=r"lam: expected shape \(9,\), found \(8,\)"):
        hgref.reverse(problem, np.zeros(8))
    with pytest.raises(ValueError, match=r"lam: expected shape \(m,\), found \(3, 3\)"):
        hgref.reverse(problem, np.zeros((3, 3)))
    with pytest.raises(
        ValueError, match=r"lam: expected finite numbers, found inf at index \(2,\)"
    ):
        hgref.reverse(problem, [0.1, 0.1, np.inf, 1, 1, 1, 1, 1, 1])
    with pytest.raises(
        ValueError, match="unknown hyperparameter 'wieghts'.*did you mean 'weights'"
    ):
        hgref.forward(problem, GOOD, wrt=["wieghts"])
    with pytest.raises(TypeError, match="wrt: expected names of blocks, found int"):
        hgref.forward(problem, GOOD, wrt=5)
    with pytest.raises(ValueError, match="unknown hyperparameter 1"):
        hgref.forward(problem, GOOD, wrt=("eta", 1))
    with pytest.raises(ValueError, match="wrt: expected at least one"):
        hgref.forward(problem, GOOD, wrt=[])
    with pytest.raises(ValueError, match="unknown hyperparameter 'nu'"):
        hgref.reverse(problem, GOOD)["nu"]


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: a_problem(T=0), ValueError, "T: expected at least 1, found 0"),
        (lambda: a_problem(T=2.5), TypeError, "T: expected an integer, found 2.5"),
        (lambda: a_problem(T=True), TypeError, "T: expected an integer, found True"),
        (lambda: a_problem(w0=np.ones(8)), ValueError, r"w0: expected shape \(9,\), found \(8,\)"),
        (lambda: a_problem(w0=[np.nan] * 9), ValueError, "w0: expected finite numbers, found nan"),
        (
            lambda: hgref.Problem(L2(), L2(), 3),
            TypeError,
            "dynamics: expected a dynamics, found L2",
        ),
        (
            lambda: hgref.Problem(hgref.GradientDescent(L2()), 3, 3),
            TypeError,
            "E: expected an objective, found int",
        ),
        (
            lambda: hgref.Problem(hgref.GradientDescent(L2()), L2(), 3),
            ValueError,
            r"w0: expected \(p,\) numbers, as neither J nor E determines p; found None",
        ),
        (
            lambda: hgref.Problem(
                hgref.GradientDescent(Quadratic(np.eye(2), [1, 1])), Quadratic([[1]], [1]), 3
            ),
            ValueError,
            "E: expected p = 2 weights, as in training, found 1",
        ),
        (
            lambda: hgref.Problem(
                hgref.GradientDescent(Softmax(X, y, 3, batches=np.zeros((4, 2), int))), L2(), 3
            ),
            ValueError,
            r"batches: expected one row .* of the T = 3 steps, shape \(3, B\), found \(4, 2\)",
        ),
    ],
)
def test_a_bad_problem_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize("K", [0, 6])
def test_k_and_every_must_fit_into_t(K):
    problem = a_problem()
    with pytest.raises(ValueError, match=f"K: expected an integer from 1 to 5, found {K}"):
        hgref.truncated(problem, GOOD, K=K)
    with pytest.raises(ValueError, match=f"every: expected an integer from 1 to 5, found {K}"):
        hgref.checkpointed(problem, GOOD, every=K)


@pytest.mark.parametrize("jacobian", [hgref.jacobians.A, hgref.jacobians.B])
def test_jacobians_refuse_steps_and_states_that_are_not_there(jacobian):
    problem = a_problem()
    with pytest.raises(ValueError, match="t: expected an integer from 1 to 5, found 0"):
        jacobian(problem, 0, np.zeros(18), GOOD)
    with pytest.raises(ValueError, match=r"s: expected shape \(18,\), found \(9,\)"):
        jacobian(problem, 1, np.zeros(9), GOOD)


# --- runs that leave the finite numbers ---


@pytest.mark.parametrize("method", [hgref.reverse, hgref.forward, hgref.checkpointed])
def test_a_diverging_rate_says_where(method):
    """Each step multiplies coordinate 1 by 1 - 3e200: it alone overflows, at t = 2."""
    J = Quadratic(np.diag([1.0, 1e200]), [0.0, 0.0])
    problem = hgref.Problem(hgref.GradientDescent(J), J, 10, [1.0, 1.0])
    with pytest.raises(hgref.Diverged, match="t = 2, block 'w', coordinate 1") as caught:
        method(problem, {"eta": 3.0})
    assert (caught.value.t, caught.value.block, caught.value.coordinate) == (2, "w", 1)


def test_the_accessory_block_is_named():
    J = Quadratic(np.diag([1.0, 1e200]), [0.0, 0.0])
    problem = hgref.Problem(hgref.Adam(J, "torch"), J, 10, [1.0, 1.0])
    with pytest.raises(hgref.Diverged) as caught:
        hgref.reverse(problem, {"eta": 3.0, "beta1": 0.5, "beta2": 0.5, "eps": 1e-8})
    assert (caught.value.t, caught.value.block, caught.value.coordinate) == (1, "u", 1)


def test_a_sensitivity_that_overflows_alone_says_so():
    """w stays at its fixed point 0, its sensitivity to w_0 grows like 1e100 a step."""
    J = Quadratic(np.diag([1.0, 1e100]), [0.0, 0.0])
    problem = hgref.Problem(hgref.GradientDescent(J), J, 10, [0.0, 0.0], learn_w0=True)
    with pytest.raises(
        hgref.Diverged, match=r"Z_t left the finite numbers at step t = 4"
    ) as caught:
        hgref.forward(problem, {"eta": 1.0})
    assert (caught.value.block, caught.value.coordinate) == ("w", 1)


def test_a_multiplier_that_overflows_alone_says_so():
    J = Quadratic([[1e100]], [0.0])
    problem = hgref.Problem(hgref.GradientDescent(J), Quadratic([[0.0]], [1.0]), 10, [0.0])
    with pytest.raises(hgref.Diverged, match="alpha, going backwards, .* t = 6, block 'w'"):
        hgref.reverse(problem, {"eta": 1.0})


@pytest.mark.parametrize("method", [hgref.reverse, hgref.forward, hgref.checkpointed])
def test_an_error_that_overflows_alone_says_so(method):
    """s_T is finite, ½ s_Tᵀs_T is not."""
    J = Quadratic([[1.0]], [0.0])
    problem = hgref.Problem(hgref.GradientDescent(J), J, 1, [1e200])
    with pytest.raises(hgref.Diverged, match="the validation error left the finite numbers"):
        method(problem, {"eta": 1e3})


@pytest.mark.parametrize("method", [hgref.reverse, hgref.forward])
def test_a_direct_term_that_overflows_alone_names_its_block(method):
    """E = ½ l2 ‖w‖² and its gradient are 0 at l2 = 0; ∂E/∂l2 = ½ ‖w‖² is not finite."""
    J = Quadratic([[0.0]], [0.0])
    problem = hgref.Problem(hgref.GradientDescent(J), L2(), 1, [1e200])
    with pytest.raises(hgref.Diverged, match="∇E left the finite numbers at step t = 1") as caught:
        method(problem, {"eta": 0.1, "l2": 0.0})
    assert (caught.value.block, caught.value.coordinate) == ("l2", 0)


@pytest.mark.parametrize("method", [hgref.reverse, hgref.forward])
def test_a_gradient_that_overflows_alone_names_its_block(method):
    J = Quadratic([[1.0]], [0.0])
    linear = Quadratic([[0.0]], [-1e200])
    problem = hgref.Problem(hgref.GradientDescent(J), linear, 1, [1e109])
    with pytest.raises(hgref.Diverged, match="∇f left the finite numbers .* block 'eta'"):
        method(problem, {"eta": 1.0})


def test_a_divergence_can_be_copied_and_sent_between_processes():
    error = hgref.Diverged("the training run", 3, "w", 5)
    for twin in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert str(twin) == str(error)
        assert (twin.t, twin.block, twin.coordinate) == (3, "w", 5)


def test_no_warning_escapes_and_numpys_settings_are_left_alone():
    before = np.geterr()
    with pytest.raises(hgref.Diverged):
        a_problem(T=50).f([1e200, 0.9, *[1.0] * 6, 1e200])
    assert np.geterr() == before


def test_representations_tell_what_is_there():
    problem = a_problem()
    assert repr(problem) == (
        "Problem(Momentum, T=5, p=9, d=18, Layout(eta[], mu[], weights[6], l2[]; m=9))"
    )


@pytest.mark.parametrize("dynamics", [hgref.Momentum, hgref.Adam, hgref.GradientDescent])
@pytest.mark.parametrize("schedule", [False, True])
def test_windows_of_a_run_give_chained_the_gradient_of_the_whole(dynamics, schedule):
    """Backwards: α_0 of a window is α_T of the one before. Batches, corrections and rates go on."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((12, 3)), rng.integers(0, 3, 12)
    rows = rng.integers(0, 12, (9, 5))

    def problem(T, t0=1, s0=None):
        table = rows[: t0 - 1 + T]
        Phi = dynamics(Softmax(X, y, 3, batches=table, example_weights=True) + L2())
        return hgref.Problem(Phi, E, T, s0=s0, t0=t0)

    E = Softmax(X[:4], y[:4], 3)
    rates = {"eta": 0.1, "mu": 0.8, "beta1": 0.8, "beta2": 0.9, "eps": 0.01}
    lam = {n: rates[n] for n in problem(9).dynamics.names} | {
        "l2": 0.1,
        "weights": rng.uniform(0.5, 1, 12),
    }
    lam["eta"] = np.linspace(0.2, 0.1, 9) if schedule else 0.1
    whole = hgref.reverse(problem(9), lam, trace=True)

    def until(t):  # λ of a window that ends there
        return {**lam, "eta": lam["eta"][:t]} if schedule else lam

    s, windows = None, []
    for first, T in ((1, 2), (3, 4), (7, 3)):
        windows.append(problem(T, first, s))
        s = hgref.reverse(windows[-1], until(first + T - 1)).s_T
    np.testing.assert_array_equal(s, whole.s_T)

    alpha, total = None, {name: np.zeros(np.shape(x)) for name, x in whole.blocks.items()}
    for window in reversed(windows):
        g = hgref.reverse(window, until(window.last), trace=True, alpha=alpha)
        alpha = g.trace[0]
        for name, block in g.blocks.items():
            total[name][... if total[name].shape == block.shape else slice(len(block))] += block
    for name, block in whole.blocks.items():
        np.testing.assert_allclose(total[name], block, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(alpha, whole.trace[0], rtol=1e-12)


def test_a_window_is_judged_as_a_run_of_its_own():
    rng = np.random.default_rng(0)
    J = Softmax(rng.standard_normal((8, 2)), rng.integers(0, 2, 8), 2) + L2()
    E = Softmax(rng.standard_normal((5, 2)), rng.integers(0, 2, 5), 2)
    lam = {"eta": 0.1, "mu": 0.8, "l2": 0.1}
    s = hgref.reverse(hgref.Problem(hgref.Momentum(J), E, 4), lam).s_T
    window = hgref.Problem(hgref.Momentum(J), E, 3, s0=s, t0=5)
    assert repr(window).startswith("Problem(Momentum, t=5 … 7, p=6, d=12")
    true = hgref.witness.complex_step(window.f, window.pack(**lam))
    for algorithm in (hgref.reverse, hgref.forward, hgref.checkpointed):
        np.testing.assert_allclose(algorithm(window, lam).grad, true, rtol=1e-12)
    assert hgref.check(window, lam, true).verdict == "right"
    assert hgref.diagnose(window, lam, -true)[0].name == "sign"


def test_windows_that_do_not_fit_are_refused():
    J = Quadratic(np.eye(2), [1.0, 0.0])
    with pytest.raises(ValueError, match=r"s0: expected shape \(4,\), found \(2,\)"):
        hgref.Problem(hgref.Momentum(J), J, 3, s0=[1.0, 2.0])
    with pytest.raises(ValueError, match="w0: expected None and learn_w0=False, as s0"):
        hgref.Problem(hgref.Momentum(J), J, 3, w0=[1.0, 2.0], s0=np.zeros(4))
    window = hgref.Problem(hgref.Momentum(J), J, 3, s0=np.zeros(4), t0=2)
    with pytest.raises(ValueError, match="reversible: expected a run from its beginning"):
        hgref.reversible(window, {"eta": 0.1, "mu": 0.5})
