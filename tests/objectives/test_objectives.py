"""Every objective: grad against the complex step of value, the products against that of grad."""

import numpy as np
import pytest
from hypothesis import given
from strategies import KINKED, build, choices, few, relative

import hgref
from hgref.objectives import LeastSquares, Logistic

H = 1e-30


def a_point(objective, choice):
    problem, lam = build("gd", objective, choice)
    rng = np.random.default_rng(choice.seed + 1)
    layout = problem.at(lam).layout
    t = int(rng.integers(1, problem.T + 1))
    dw, dlam = rng.standard_normal(problem.p), rng.standard_normal(lam.size)
    return problem, layout, lam, t, rng.uniform(-1, 1, problem.p), dw, dlam


@pytest.mark.parametrize("objective", KINKED)
@pytest.mark.parametrize("role", ["J", "E"])
@few
@given(choice=choices())
def test_grad_is_the_complex_step_of_value(objective, role, choice):
    problem, layout, lam, t, w, dw, dlam = a_point(objective, choice)
    part = problem.dynamics.J if role == "J" else problem.E
    blocks = layout.split(lam)
    witness = part.value(t, w + 1j * H * dw, blocks).imag / H
    assert abs(part.grad(t, w, blocks) @ dw - witness) < 1e-12 * (1 + abs(witness))
    if role == "J" and objective == "callback":
        return  # this J was given no grad_lam
    witness = part.value(t, w, layout.split(lam + 1j * H * dlam)).imag / H
    direct = part.grad_lam(t, w, blocks)
    assert {n: np.shape(b) for n, b in direct.items()} == {n: blocks[n].shape for n in direct}
    found = sum(np.sum(b * layout.split(dlam)[n]) for n, b in direct.items())
    assert abs(found - witness) < 1e-12 * (1 + abs(witness))


@pytest.mark.parametrize("objective", KINKED)
@few
@given(choice=choices())
def test_products_are_the_complex_step_of_grad(objective, choice):
    problem, layout, lam, t, w, dw, dlam = a_point(objective, choice)
    J, blocks = problem.dynamics.J, layout.split(lam)
    witness = J.grad(t, w + 1j * H * dw, layout.split(lam + 1j * H * dlam)).imag / H
    columns = {name: block[..., None] for name, block in layout.split(dlam).items()}
    assert relative(J.grad_jvp(t, w, blocks, dw[:, None], columns)[:, 0], witness) < 1e-12
    u = np.random.default_rng(choice.seed + 2).standard_normal(problem.p)
    uH, uM = J.grad_vjp(t, w, blocks, u)
    assert {n: np.shape(b) for n, b in uM.items()} == {n: blocks[n].shape for n in uM}
    back = uH @ dw + sum(np.sum(b * layout.split(dlam)[n]) for n, b in uM.items())
    assert abs(u @ witness - back) < 1e-12 * (1 + np.linalg.norm(u) * np.linalg.norm(witness))


def test_a_term_without_weights_ignores_those_of_its_neighbour():
    """J = weighted loss of 6 examples + unweighted loss of 9: block `weights` is the first's."""
    rng = np.random.default_rng(0)
    weighted = Logistic(rng.standard_normal((6, 3)), rng.integers(0, 2, 6), example_weights=True)
    plain = Logistic(rng.standard_normal((9, 3)), rng.integers(0, 2, 9))
    problem = hgref.Problem(hgref.GradientDescent(weighted + plain), plain, 5)
    lam = problem.pack(eta=0.3, weights=rng.uniform(0, 1, 6))
    witness = hgref.witness.complex_step(problem.f, lam)
    for method in (hgref.forward, hgref.reverse):
        assert relative(method(problem, lam).grad, witness) < 1e-12


def test_an_example_that_occurs_twice_has_both_its_shares():
    """(u M)_i = r_i a_i / B for each of its occurrences, and ∂J/∂λ_i = ℓ_i / B."""
    X, y, rows = np.array([[1.0], [2.0], [3.0]]), np.array([0.5, -1.0, 2.0]), [2, 0, 2, 2]
    J = LeastSquares(X, y, example_weights=True, batches=[rows])
    w, u, lam = np.array([0.5]), np.array([2.0]), {"weights": np.array([0.5, 1.0, 2.0])}
    e, times = X[:, 0] * w - y, np.array([1, 0, 3])
    _, share = J.grad_vjp(1, w, lam, u)
    np.testing.assert_allclose(share["weights"], times * e * X[:, 0] * u / 4, rtol=1e-15)
    np.testing.assert_allclose(J.grad_lam(1, w, lam)["weights"], times * e**2 / 8, rtol=1e-15)


def test_a_callback_may_see_the_step():
    centres = np.array([[1.0], [2.0], [3.0]])
    J = hgref.objectives.Callback(
        value=lambda t, w, lam: ((w - centres[t - 1]) ** 2).sum() / 2,
        grad=lambda t, w, lam: w - centres[t - 1],
        grad_jvp=lambda t, w, lam, dw, dlam: dw,
        grad_vjp=lambda t, w, lam, u: (u, {}),
        sees_t=True,
    )
    E = hgref.objectives.Quadratic([[1.0]], [0.0])
    problem = hgref.Problem(hgref.GradientDescent(J), E, 3, [0.0])
    true = hgref.witness.complex_step(problem.f, [0.3])
    for algorithm in (hgref.reverse, hgref.forward):
        np.testing.assert_allclose(algorithm(problem, [0.3]).grad, true, rtol=1e-13)
    assert problem.f([1.0]) == 4.5  # w_T is the last centre
    with pytest.raises(ValueError, match="implicit: expected one J for all steps, found"):
        hgref.implicit(problem, [0.9])
