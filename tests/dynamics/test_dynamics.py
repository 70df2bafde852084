"""Every dynamics x objective: jvp against the complex step of step, vjp as its transpose."""

import numpy as np
import pytest
from hypothesis import given
from strategies import DYNAMICS, KINKED, build, choices, few, pairs, relative

import hgref
from hgref.objectives import LeastSquares

H = 1e-30
every = pytest.mark.parametrize(("dynamics", "objective"), pairs(KINKED))


def a_step(dynamics, objective, choice):
    """A problem, a step number, a state that a run could have reached, and random directions."""
    problem, lam = build(dynamics, objective, choice)
    rng = np.random.default_rng(choice.seed + 1)
    layout = problem.at(lam).layout
    s = rng.uniform(-1, 1, problem.d)
    if "u" in problem.dynamics.state:
        problem.dynamics.split(s)[problem.dynamics.state.index("u")] **= 2
    t = int(rng.integers(1, problem.T + 1))
    return problem, layout, lam, t, s, rng.standard_normal(problem.d), rng.standard_normal(lam.size)


@every
@few
@given(choice=choices())
def test_jvp_is_the_complex_step_of_step(dynamics, objective, choice):
    problem, layout, lam, t, s, ds, dlam = a_step(dynamics, objective, choice)
    moved = layout.split(lam + 1j * H * dlam)
    witness = problem.dynamics.step(t, s + 1j * H * ds, moved).imag / H
    columns = {name: block[..., None] for name, block in layout.split(dlam).items()}
    found = problem.dynamics.jvp(t, s, layout.split(lam), ds[:, None], columns)
    assert found.shape == (problem.d, 1)
    assert relative(found[:, 0], witness) < 1e-12


@every
@few
@given(choice=choices())
def test_vjp_is_the_transpose_of_the_complex_step(dynamics, objective, choice):
    """<α, A ds + B dλ> = <αA, ds> + <αB, dλ>, with the left side by the complex step of step."""
    problem, layout, lam, t, s, ds, dlam = a_step(dynamics, objective, choice)
    alpha = np.random.default_rng(choice.seed + 2).standard_normal(problem.d)
    moved = layout.split(lam + 1j * H * dlam)
    down = problem.dynamics.step(t, s + 1j * H * ds, moved).imag / H
    row, share = problem.dynamics.vjp(t, s, layout.split(lam), alpha)
    back = row @ ds + sum(np.sum(b * layout.split(dlam)[n]) for n, b in share.items())
    scale = np.linalg.norm(alpha) * np.linalg.norm(down) + np.linalg.norm(row) * np.linalg.norm(ds)
    assert abs(alpha @ down - back) < 1e-12 * scale


@every
@few
@given(choice=choices())
def test_blocks_that_are_absent_count_as_zero(dynamics, objective, choice):
    problem, layout, lam, t, s, ds, _ = a_step(dynamics, objective, choice)
    lam = layout.split(lam)
    nothing = {name: np.zeros((*block.shape, 1)) for name, block in lam.items()}
    full = problem.dynamics.jvp(t, s, lam, ds[:, None], nothing)
    np.testing.assert_allclose(
        problem.dynamics.jvp(t, s, lam, ds[:, None], {}), full, rtol=1e-14, atol=1e-300
    )


@pytest.mark.parametrize("dynamics", DYNAMICS)
def test_columns_are_independent(dynamics):
    """A jvp of k columns is k jvps of one."""
    rng = np.random.default_rng(0)
    J = LeastSquares(rng.standard_normal((6, 3)), rng.standard_normal(6), example_weights=True)
    problem = hgref.Problem(DYNAMICS[dynamics](J), J, 4)
    shapes = problem.layout.shapes
    lam = {name: rng.uniform(0.1, 0.5, shape) for name, shape in shapes.items()}
    s, ds = rng.uniform(0.1, 1, problem.d), rng.standard_normal((problem.d, 5))
    dlam = {name: rng.standard_normal((*shape, 5)) for name, shape in shapes.items()}
    together = problem.dynamics.jvp(2, s, lam, ds, dlam)
    for k in range(5):
        one = {name: block[..., k : k + 1] for name, block in dlam.items()}
        alone = problem.dynamics.jvp(2, s, lam, ds[:, k : k + 1], one)
        np.testing.assert_allclose(together[:, k : k + 1], alone, rtol=1e-13)


def test_a_dynamics_needs_an_objective():
    with pytest.raises(TypeError, match="J: expected an objective, found int"):
        hgref.GradientDescent(3)


@pytest.mark.parametrize("name", ["step", "jvp", "vjp"])
def test_one_function_that_a_subclass_overrides_is_seen_by_at(name):
    """Also if it is the only one: the other two stay those of the built-in dynamics."""

    def doubled(self, *arguments):
        found = getattr(hgref.GradientDescent, name)(self, *arguments)
        return (2 * found[0], found[1]) if name == "vjp" else 2 * found

    J = hgref.objectives.Quadratic(np.diag([1.0, 0.5]), [1.0, -2.0])
    exact = hgref.GradientDescent(J)
    kind = type("Doubled", (hgref.GradientDescent,), {name: doubled})
    s, lam = np.array([1.0, 2.0]), {"eta": np.array(0.25)}
    ds, alpha = np.array([[1.0], [3.0]]), np.array([2.0, -1.0])
    parts = []
    for dynamics in (exact, kind(J)):
        step = dynamics.at(1, s, lam)
        parts.append({"step": step.value, "jvp": step.jvp(ds, {}), "vjp": step.vjp(alpha)[0]})
    for part, true in parts[0].items():
        assert np.array_equal(parts[1][part], 2 * true if part == name else true)


def test_a_function_beside_at_is_kept():
    """A class that defines `at` may define a cheaper `step` as well."""
    calls = []

    class Both(hgref.GradientDescent):
        def at(self, t, s, lam):
            return super().at(t, s, lam)

        def step(self, t, s, lam):
            calls.append(t)
            return super().step(t, s, lam)

    J = hgref.objectives.Quadratic(np.eye(2), np.ones(2))
    problem = hgref.Problem(Both(J), J, 3)
    problem.f([0.1])
    assert calls == [1, 2, 3]


@pytest.mark.parametrize(("name", "bad"), [("beta1", 1.0), ("beta2", 1.5), ("weight_decay", -0.1)])
def test_bad_rates_of_lion_are_refused_by_name(name, bad):
    J = hgref.objectives.Quadratic(np.eye(2), np.ones(2))
    problem = hgref.Problem(hgref.Lion(J), J, 3)
    good = {"eta": 0.1, "beta1": 0.0, "beta2": 0.9, "weight_decay": 0.0}
    problem.at(good)
    with pytest.raises(ValueError, match=rf"{name}: expected numbers .*, found {bad}"):
        problem.at({**good, name: bad})


def test_a_law_is_three_functions():
    with pytest.raises(TypeError, match="Law: expected step, jvp and vjp, found 2 functions"):
        hgref.Law(hgref.laws.gd_step, hgref.laws.gd_jvp)
