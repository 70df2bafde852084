"""Bad data is refused with its name, what was expected and what was found."""

import numpy as np
import pytest
import scipy.sparse

import hgref
from hgref.objectives import (
    L2,
    MLP,
    Callback,
    Huber,
    LeastSquares,
    Logistic,
    MultiTask,
    Quadratic,
    Softmax,
    TaskCoupling,
)

X, y = np.ones((4, 2)), np.array([0, 1, 1, 0])
holed = np.array([[1.0, 2.0], [np.nan, 1.0], [1.0, 1.0], [1.0, 1.0]])

REFUSED = [
    (lambda: LeastSquares(holed, y), r"X: expected finite numbers, found nan at index \(1, 0\)"),
    (
        lambda: LeastSquares(scipy.sparse.csr_matrix(holed), y),
        r"X: expected finite numbers, found nan at index \(1, 0\)",
    ),
    (lambda: LeastSquares(X, [0, np.inf, 0, 0]), r"y: expected finite numbers, found inf"),
    (lambda: LeastSquares(X, [1.0, 2.0]), r"y: expected shape \(4,\), found \(2,\)"),
    (lambda: LeastSquares(X[0], y), r"X: expected shape \(n, features\), found \(2,\)"),
    (lambda: LeastSquares(X[:0], []), r"X: expected at least one row, found shape \(0, 2\)"),
    (lambda: LeastSquares("data", y), r"X: expected numbers, found str"),
    (lambda: LeastSquares([["a", "b"]], [1]), r"X: expected numbers, found entries of type <U1"),
    (lambda: Logistic(X, [0, 1, 2, 0]), r"y: expected labels 0 or 1, found 2.0 at index 2"),
    (lambda: Softmax(X, y, 1), r"y: expected labels from 0 to 0, found 0 to 1"),
    (lambda: Softmax(X, [0.5, 1, 1, 0]), r"y: expected integer labels, found dtype float64"),
    (lambda: Softmax(X, y[:3]), r"y: expected shape \(4,\), found \(3,\)"),
    (lambda: Softmax(X, y, 0), r"classes: expected at least 1, found 0"),
    (lambda: Softmax(X, y, 2.5), r"classes: expected an integer, found 2.5"),
    (lambda: Softmax(X, y, centre=[1.0]), r"centre: expected shape \(2,\), found \(1,\)"),
    (lambda: Softmax(X, y, batches=[[0, 4]]), r"batches: expected row numbers from 0 to 3"),
    (lambda: Softmax(X, y, batches=[[0.5]]), r"batches: expected a \(T, B\) table of integers"),
    (lambda: Softmax(X, y, batches=[0, 1]), r"batches: expected shape \(T, B\), found \(2,\)"),
    (lambda: MultiTask(X, y, np.ones((3, 2)), ()), r"secondary: expected shape \(4, q\)"),
    (lambda: MultiTask(X, y, [1, 2, np.nan, 0], ()), r"secondary: expected finite numbers"),
    (lambda: MultiTask(X, y, X, (), rho=""), r"rho: expected a number or the name of a block"),
    (lambda: MultiTask(X, y, X, (), rho=[1.0]), r"rho: expected shape \(\), found \(1,\)"),
    (lambda: MultiTask(X, [0, 1, 2.5, 0], X, ()), r"y: expected integer labels"),
    (lambda: TaskCoupling(1, 3), r"tasks: expected at least 2, found 1"),
    (lambda: TaskCoupling(3, 2.5), r"features: expected an integer, found 2.5"),
    (lambda: TaskCoupling(3, 2, "some"), r"unknown pairs 'some'"),
    (lambda: TaskCoupling(3, 2, C="rho"), r"C, rho: expected two names, found 'rho' for both"),
    (lambda: TaskCoupling(3, 2, rho=7), r"rho: expected the name of a block, found 7"),
    (lambda: MLP(X, y, 5), r"hidden: expected widths such as \(50, 20\), found 5"),
    (lambda: MLP(X, y, "wide"), r"hidden: expected widths such as \(50, 20\), found 'wide'"),
    (lambda: MLP(X, y, (3, 0)), r"hidden\[1\]: expected at least 1, found 0"),
    (lambda: MLP(X, y, (2.5,)), r"hidden\[0\]: expected an integer, found 2.5"),
    (
        lambda: MLP(X, y, (3,), activation="thanh"),
        r"unknown activation 'thanh': expected one of \['tanh', 'softplus', 'relu'\]; did you mean "
        r"'tanh'\?",
    ),
    (
        lambda: MLP(X, y, (3,), head="square"),
        r"unknown head 'square': expected one of \['softmax', 'squared'\]; did you mean 'squared'",
    ),
    (
        lambda: MLP(X, y, (3,), head="squared", classes=2),
        r"classes: expected None for the head 'squared', found 2",
    ),
    (lambda: MLP(X, [0.5, 1, 1, 0], (3,)), r"y: expected integer labels, found dtype float64"),
    (lambda: MLP(X, y, (3,), classes=1), r"y: expected labels from 0 to 0, found 0 to 1"),
    (lambda: MLP(X, X[:3], (3,), head="squared"), r"y: expected shape \(4, 2\), found \(3, 2\)"),
    (lambda: MLP(X, X[:, :0], (3,), head="squared"), r"y: expected shape \(n,\) or \(n, outputs\)"),
    (lambda: MLP(X, X[None], (3,), head="squared"), r"\(n, outputs\), found \(1, 4, 2\)"),
    (lambda: MLP(holed, y, (3,)), r"X: expected finite numbers, found nan at index \(1, 0\)"),
    (lambda: MLP(X, y, (3,), batches=[0, 1]), r"batches: expected shape \(T, B\), found \(2,\)"),
    (lambda: MLP(X, y, (3,)) + L2([0, 1]), r"expected one number of weights"),
    (lambda: LeastSquares(X, X), r"y: expected shape \(n,\), found \(4, 2\)"),
    (lambda: Quadratic(X, [1, 1]), r"A: expected a square matrix, found shape \(4, 2\)"),
    (lambda: Quadratic(np.eye(2), [1]), r"b: expected shape \(2,\), found \(1,\)"),
    (lambda: Softmax(X, y, batches=[[0, 1], [0]]), r"batches: expected a rectangular array"),
    (lambda: Quadratic(scipy.sparse.eye(2), [1, 1]), r"A: expected a dense matrix, found a sparse"),
    (lambda: L2(name=None), r"name: expected the name of a block, found None"),
    (lambda: Callback(len, len, p="2"), r"p: expected an integer, found '2'"),
    (lambda: Callback(len, len, hyper=["a"]), r"hyper: expected a mapping \{name: shape\}, found"),
    (lambda: Callback(len, len, hyper={"a": -1}), r"hyper a: expected at least 0, found -1"),
    (lambda: L2("block"), r"groups: expected None, 'weight' or integers \(p,\), found 'block'"),
    (lambda: L2([0.5]), r"groups: expected integers \(p,\), found dtype float64"),
    (lambda: L2([[0]]), r"groups: expected shape \(p,\), found \(1, 1\)"),
    (lambda: L2([-1]), r"groups: expected numbers from 0 to p - 1, for p = 1"),
    (lambda: Callback(3, len), r"value: expected a function, found int"),
    (lambda: LeastSquares(X, y) + Quadratic(np.eye(3), [1, 1, 1]), r"one number of weights"),
]


@pytest.mark.parametrize(("make", "message"), REFUSED)
def test_bad_data_is_refused(make, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make()


def test_two_terms_may_not_share_a_name():
    J = LeastSquares(X, y) + L2() + L2()
    with pytest.raises(ValueError, match="two terms have a block 'l2'; give one of them another"):
        hgref.Problem(hgref.GradientDescent(J), J, 3)
    J = LeastSquares(X, y) + L2() + L2("weight", name="ridge")
    assert list(hgref.Problem(hgref.GradientDescent(J), LeastSquares(X, y), 3).layout.shapes) == [
        "eta",
        "l2",
        "ridge",
    ]


def test_a_callback_says_which_function_it_lacks():
    J = Callback(lambda w, lam: w @ w, lambda w, lam: 2 * w, p=2)
    problem = hgref.Problem(hgref.GradientDescent(J), J, 3, [1.0, 1.0])
    with pytest.raises(TypeError, match="needs the function grad_vjp=, found None"):
        hgref.reverse(problem, [0.1])
    with pytest.raises(TypeError, match="needs the function grad_jvp=, found None"):
        hgref.forward(problem, [0.1])


def test_a_callback_of_the_wrong_shape_is_named():
    J = Callback(lambda w, lam: w @ w, lambda w, lam: 2 * w[:1], p=2)
    problem = hgref.Problem(hgref.GradientDescent(J), J, 3, [1.0, 1.0])
    with pytest.raises(ValueError, match=r"Callback grad: expected shape \(2,\), found \(1,\)"):
        problem.f([0.1])
    J = Callback(
        lambda w, lam: w @ w,
        lambda w, lam: 2 * w,
        grad_vjp=lambda w, lam, u: (2 * u, {"c": 1}),
        p=2,
    )
    problem = hgref.Problem(hgref.GradientDescent(J), J, 3, [1.0, 1.0])
    with pytest.raises(ValueError, match="unknown block in Callback grad_vjp 'c'"):
        hgref.reverse(problem, [0.1])


def test_a_derivative_that_was_forgotten_is_not_taken_for_zero():
    E = Callback(lambda w, lam: w @ w * lam["z"], lambda w, lam: 2 * w * lam["z"], hyper={"z": ()})
    quadratic = Quadratic(np.eye(2), [1, 1])
    problem = hgref.Problem(hgref.GradientDescent(quadratic), E, 3)
    with pytest.raises(TypeError, match="needs the function grad_lam=, found None"):
        hgref.reverse(problem, [0.1, 1.0])
    J = Callback(
        lambda w, lam: w @ w * lam["z"],
        lambda w, lam: 2 * w * lam["z"],
        grad_vjp=lambda w, lam, u: (2 * u * lam["z"], {}),
        hyper={"z": ()},
        p=2,
    )
    problem = hgref.Problem(hgref.GradientDescent(J), quadratic, 3)
    with pytest.raises(
        ValueError, match=r"Callback grad_vjp: expected blocks \['z'\], lacks \['z'\]"
    ):
        hgref.reverse(problem, [0.1, 1.0])


@pytest.mark.parametrize("gradient", [np.array([1, 0]), [1, 0], np.array([1, 0], dtype=np.float32)])
def test_a_callback_may_return_numbers_of_any_kind(gradient):
    E = Callback(lambda w, lam: w[0], lambda w, lam: gradient)
    problem = hgref.Problem(hgref.GradientDescent(Quadratic(np.eye(2), [1, 1])), E, 3)
    g = hgref.reverse(problem, [0.1])
    assert g.grad.dtype == np.float64
    assert g["eta"] == pytest.approx(3 * 0.9**2, rel=1e-14)
    assert hgref.forward(problem, [0.1])["eta"] == pytest.approx(3 * 0.9**2, rel=1e-14)


def test_a_callback_cannot_change_the_run():
    def grad(w, lam):
        w *= 2
        return w

    J = Callback(lambda w, lam: w @ w, grad, p=2)
    problem = hgref.Problem(hgref.GradientDescent(J), J, 3, [1.0, 1.0])
    with pytest.raises(ValueError, match="read-only"):
        problem.f([0.1])


def test_a_callback_may_read_blocks_that_are_not_its_own():
    """Under wrt their tangents are zero, not missing."""
    J = Callback(
        lambda w, lam: w @ w * lam["l2"],
        lambda w, lam: 2 * w * lam["l2"],
        grad_jvp=lambda w, lam, dw, dlam: 2 * dw * lam["l2"] + 2 * w[:, None] * dlam["l2"],
        p=2,
    )
    problem = hgref.Problem(
        hgref.GradientDescent(J + L2()), Quadratic(np.eye(2), [1, 1]), 3, [1, 2]
    )
    lam = problem.pack(eta=0.1, l2=0.3)
    witness = hgref.witness.complex_step(problem.f, lam)
    np.testing.assert_allclose(hgref.forward(problem, lam).grad, witness, rtol=1e-12)
    np.testing.assert_allclose(
        hgref.forward(problem, lam, wrt=["eta"]).grad, witness[:1], rtol=1e-12
    )


def test_a_sum_needs_objectives():
    with pytest.raises(TypeError):
        LeastSquares(X, y) + 1


def test_a_number_without_a_tangent_does_not_move():
    J = hgref.objectives.Huber([[1.0], [2.0]], [0.5, 9.0], "delta")
    w, lam, dw = np.array([0.3]), {"delta": np.array(1.0)}, np.ones((1, 2))
    still = J.grad_jvp(1, w, lam, dw, {"delta": np.zeros(2)})
    np.testing.assert_array_equal(J.grad_jvp(1, w, lam, dw, {}), still)


def test_a_threshold_below_zero_is_refused():
    J = hgref.objectives.Huber([[1.0], [2.0]], [0.5, 9.0], "delta", example_weights=True)
    problem = hgref.Problem(hgref.GradientDescent(J), hgref.objectives.L2(), 2)
    good = {"eta": 0.1, "delta": 0.0, "weights": [0.0, 1.0], "l2": 0.0}
    problem.at(good)
    with pytest.raises(ValueError, match="delta: expected numbers >= 0, found -0.5"):
        problem.at({**good, "delta": -0.5})
    hgref.objectives.Huber([[1.0]], [0.5], 0.0)
    with pytest.raises(ValueError, match="threshold: expected numbers >= 0, found -0.5"):
        hgref.objectives.Huber([[1.0]], [0.5], -0.5)
    with pytest.raises(ValueError, match="weights: expected numbers >= 0, found -1.0 at index"):
        problem.at({**good, "weights": [0.0, -1.0]})


def test_a_parameter_of_a_loss_may_have_any_name_but_that_of_the_weights():
    """A block called `weights` that is no block of example weights gets its gradient."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((6, 2)), 3 * rng.standard_normal(6)
    E = LeastSquares(X, y)
    problem = hgref.Problem(hgref.GradientDescent(Huber(X, y, "weights")), E, 4)
    lam = problem.pack(eta=0.1, weights=1.0)
    witness = hgref.witness.complex_step(problem.f, lam)
    np.testing.assert_allclose(hgref.reverse(problem, lam).grad, witness, rtol=1e-12)
    direct = Huber(X, y, "weights").grad_lam(1, np.zeros(2), {"weights": np.array(1.0)})
    assert direct["weights"] > 0
    both = Huber(X, y, "weights", example_weights=True)
    with pytest.raises(ValueError, match="example_weights: expected another name than 'weights'"):
        hgref.Problem(hgref.GradientDescent(both), E, 4)


def test_weights_for_every_task_are_enough_and_one_less_is_not():
    J, E = TaskCoupling(3, 2), Quadratic(np.eye(6), np.zeros(6))
    assert hgref.Problem(hgref.GradientDescent(J + E), E, 2).p == 6
    less = Quadratic(np.eye(5), np.zeros(5))
    with pytest.raises(ValueError, match=r"expected at least tasks · features = 3 · 2 .*found 5"):
        hgref.Problem(hgref.GradientDescent(J + less), less, 2)
