"""Projections: their variational inequality, their sets, and solvers that know nothing of them."""

import numpy as np
import pytest
import scipy.optimize
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import hgref
from hgref.constraints import (
    Box,
    CappedBox,
    CappedSum,
    L1Ball,
    NonNegative,
    Product,
    Simplex,
    Symmetric,
)
from hgref.objectives import L2, LeastSquares

points = st.integers(1, 12).flatmap(
    lambda n: arrays(float, n, elements=st.floats(-5, 5, allow_subnormal=False, width=32))
)
sizes = st.floats(0.01, 8)


def members(constraint, n, rng):
    """Points of the set, made without projecting onto it."""
    z = rng.dirichlet(np.ones(n))
    if isinstance(constraint, Simplex):
        return z * constraint.z
    if isinstance(constraint, L1Ball):
        return z * constraint.R * rng.choice([-1, 1], n) * rng.random()
    if isinstance(constraint, CappedSum):
        return z * constraint.R * rng.choice([1.0, rng.random()])
    if isinstance(constraint, CappedBox):
        y = rng.random(n)
        return y * min(1, constraint.R / y.sum()) * rng.choice([1.0, rng.random()])
    y = rng.standard_normal(n)
    if isinstance(constraint, Box):
        return np.minimum(np.maximum(y, constraint.lo), constraint.hi)
    raise AssertionError(constraint)


@pytest.mark.parametrize(
    "make",
    [
        lambda R: Box(-R, R / 2),
        lambda R: NonNegative(),
        lambda R: Simplex(R),
        lambda R: L1Ball(R),
        lambda R: CappedBox(R),
        lambda R: CappedSum(R),
    ],
)
@given(x=points, R=sizes, seed=st.integers(0, 1000))
def test_variational_inequality(make, x, R, seed):
    """P(x) is in the set, and (x − P(x))·(y − P(x)) ≤ 0 for every y in it: that defines P."""
    constraint, rng = make(R), np.random.default_rng(seed)
    p = constraint.project(x)
    assert constraint.contains(p)
    assert p.shape == x.shape
    for _ in range(5):
        y = members(constraint, x.size, rng)
        assert constraint.contains(y)
        assert (x - p) @ (y - p) <= 1e-10 * (1 + np.linalg.norm(x) ** 2)
    np.testing.assert_allclose(constraint.project(p), p, atol=1e-12)


@given(x=points, R=sizes)
def test_capped_box_against_a_root_finder(x, R):
    p = CappedBox(R).project(x)
    assert ((p >= 0) & (p <= 1)).all()
    assert p.sum() <= R + 1e-12 * x.size
    if np.clip(x, 0, 1).sum() <= R:
        assert np.array_equal(p, np.clip(x, 0, 1))
        return
    tau = scipy.optimize.brentq(
        lambda tau: np.clip(x - tau, 0, 1).sum() - R, x.min() - 1, x.max(), xtol=1e-14, rtol=1e-14
    )
    np.testing.assert_allclose(p, np.clip(x - tau, 0, 1), atol=1e-11)
    assert p.sum() == pytest.approx(R, abs=1e-12 * x.size)


@pytest.mark.parametrize("constraint", [CappedBox(1.5), CappedSum(1.5), Simplex(1.5), L1Ball(1.5)])
def test_projection_is_what_a_general_solver_finds(constraint):
    x = np.array([0.9, 1.7, -0.3, 0.4, 0.4])
    bounds = [(0, 1)] * 5 if isinstance(constraint, CappedBox) else [(0, None)] * 5
    kind = "eq" if isinstance(constraint, Simplex) else "ineq"
    found = scipy.optimize.minimize(
        lambda y: np.sum((y - np.abs(x) if isinstance(constraint, L1Ball) else y - x) ** 2),
        np.full(5, 0.3),
        bounds=bounds,
        constraints={"type": kind, "fun": lambda y: 1.5 - y.sum()},
        tol=1e-14,
    ).x
    if isinstance(constraint, L1Ball):
        found = found * np.sign(x)
    np.testing.assert_allclose(constraint.project(x), found, atol=1e-6)


def test_the_pho_set_by_hand():
    set_1 = CappedBox(1.0)
    assert set_1.project([0.2, 0.3]).tolist() == [0.2, 0.3]
    np.testing.assert_allclose(set_1.project([0.8, 0.8]), [0.5, 0.5])
    np.testing.assert_allclose(set_1.project([3.0, 0.5]), [1.0, 0.0])
    np.testing.assert_allclose(CappedBox(2.0).project([9.0, 0.9, 0.7]), [1.0, 0.6, 0.4])
    assert CappedBox(0.0).project([1.0, 2.0]).tolist() == [0.0, 0.0]
    assert CappedBox(2.0).project([5.0, 5.0, 5.0]).sum() == pytest.approx(2)
    assert CappedBox(3.0).project([5.0, 5.0, 5.0]).tolist() == [1, 1, 1]


def test_the_papers_size():
    """5000 entries that start at R/n plus noise: exact to rounding."""
    x = 0.2 + 0.3 * np.random.default_rng(0).standard_normal(5000)
    p = CappedBox(1000).project(x)
    assert p.sum() == pytest.approx(1000, rel=1e-13)
    free = (p > 0) & (p < 1)
    shift = (x - p)[free]
    assert np.ptp(shift) < 1e-14
    assert (x[p == 0] <= shift[0]).all()
    assert (x[p == 1] >= shift[0] + 1).all()


@pytest.mark.parametrize("constraint", [CappedBox(1.5), CappedSum(1.5), Simplex(1.5), L1Ball(1.5)])
@given(
    x=arrays(float, st.integers(1, 6), elements=st.floats(allow_nan=False, allow_infinity=False))
)
def test_any_finite_point_is_projected_into_the_set(constraint, x):
    p = constraint.project(x)
    assert np.isfinite(p).all()
    if isinstance(constraint, Simplex):
        assert p.sum() == pytest.approx(1.5)
    else:
        assert np.abs(p).sum() <= 1.5 + 1e-12
    assert constraint.contains(p)


def test_large_entries_do_not_cancel():
    np.testing.assert_allclose(CappedBox(1).project([1e17, 1e17]), [0.5, 0.5])
    np.testing.assert_allclose(CappedBox(1.5).project([1e17, 0.25, 0.5]), [1, 0.125, 0.375])
    np.testing.assert_allclose(Simplex(1).project([1e17, 1e17, -1e17]), [0.5, 0.5, 0])
    np.testing.assert_allclose(L1Ball(1).project([1e308, -1e308]), [0.5, -0.5])
    np.testing.assert_allclose(L1Ball(1e-17).project([1.0]), [1e-17])
    x = 1e9 + np.random.default_rng(0).random(5000)
    for constraint in (CappedBox(1000), Simplex(1000)):
        assert constraint.contains(constraint.project(x))


def test_symmetric():
    X = np.arange(9.0).reshape(3, 3)
    P = Symmetric().project(X)
    assert np.array_equal(P, P.T)
    assert np.array_equal(P, (X + X.T) / 2)
    assert np.array_equal(Symmetric().project(X.ravel()), P.ravel())
    assert Symmetric().contains(P)
    assert not Symmetric().contains(X)
    for x in (np.ones(3), np.ones((2, 8)), np.ones((4, 4, 1))):
        with pytest.raises(ValueError, match="x: expected a square matrix"):
            Symmetric().project(x)


def a_problem():
    rng = np.random.default_rng(0)
    J = LeastSquares(rng.standard_normal((4, 2)), np.ones(4), example_weights=True) + L2()
    return hgref.Problem(hgref.Momentum(J), LeastSquares(np.eye(2), np.ones(2)), 6)


def test_a_product_projects_named_blocks_of_a_flat_lambda():
    problem = a_problem()
    inside = Product(problem, weights=CappedBox(2.0), eta=NonNegative(), mu=Box(0, 0.9))
    lam = problem.pack(eta=-1.0, mu=2.0, weights=[1.0, 1.0, 1.0, 1.0], l2=-5.0)
    assert not inside.contains(lam)
    blocks = problem.unpack(inside.project(lam))
    assert (blocks["eta"], blocks["mu"], blocks["l2"]) == (0.0, 0.9, -5.0)
    np.testing.assert_allclose(blocks["weights"], 0.5)
    assert inside.contains(inside.project(lam))
    schedule = problem.pack(eta=-np.ones(6), mu=2.0, weights=np.ones(4), l2=0.0)
    assert problem.unpack(inside.project(schedule))["eta"].tolist() == [0.0] * 6


def test_a_product_projects_a_packed_vector_without_a_problem():
    problem = a_problem()
    inside = Product({"weights": CappedBox(2.0)}, mu=Box(0, 0.9))
    lam = problem.pack(eta=np.full(6, 0.1), mu=2.0, weights=np.ones(4), l2=0.0)
    p = inside.project(lam)
    assert inside.contains(p)
    assert not inside.contains(lam)
    blocks = problem.unpack(p)
    assert (blocks["eta"].shape, blocks["mu"]) == ((6,), 0.9)
    np.testing.assert_allclose(blocks["weights"], 0.5)


def test_a_product_projects_mappings_without_a_problem():
    inside = Product(a=NonNegative())
    assert inside.project({"a": [-1.0, 1.0], "b": 3})["a"].tolist() == [0.0, 1.0]
    assert inside.contains({"a": [0.0, 1.0], "b": -3})
    for use in (inside.project, inside.contains):
        with pytest.raises(TypeError, match="expected a mapping or a vector from `pack`"):
            use(np.ones(2))
    with pytest.raises(TypeError, match="Product: expected a problem or sets, found list"):
        Product([NonNegative()])
    with pytest.raises(ValueError, match="unknown hyperparameter 'a'"):
        inside.project({"b": 1.0})


def test_bad_sets_and_points_are_refused():
    with pytest.raises(ValueError, match="Box: expected lo <= hi"):
        Box(1, 0)
    with pytest.raises(ValueError, match="Box: expected lo <= hi"):
        Box(0, float("nan"))
    with pytest.raises(TypeError, match="Box lo: expected real numbers, found <U"):
        Box("a", 1)
    with pytest.raises(ValueError, match=r"Box hi: expected shape \(2,\), found \(3,\)"):
        Box([0, 0], [1, 1, 1])
    with pytest.raises(TypeError, match="CappedBox: R: expected a real number, found 1j"):
        CappedBox(1j)
    with pytest.raises(ValueError, match=r"CappedBox: R: expected a number >= 0, found -1.0"):
        CappedBox(-1)
    with pytest.raises(ValueError, match="L1Ball: R: expected finite numbers, found nan"):
        L1Ball(float("nan"))
    with pytest.raises(ValueError, match="Simplex z: expected a number > 0"):
        Simplex(0)
    with pytest.raises(ValueError, match=r"x: expected finite numbers, found nan at index \(1,\)"):
        CappedBox(1).project([0.0, np.nan])
    with pytest.raises(ValueError, match="x: expected 2 entries as Box lo, found 3"):
        Box([0, 0], 1).project([1, 2, 3])
    with pytest.raises(
        ValueError, match="unknown hyperparameter 'wieghts'.*did you mean 'weights'"
    ):
        Product(a_problem(), wieghts=NonNegative())
    with pytest.raises(TypeError, match="Product: eta: expected a constraint, found int"):
        Product(eta=3)
    assert repr(Product(weights=CappedBox(2), eta=Box(0, 1))) == (
        "Product(weights=CappedBox(2.0), eta=Box(0.0, 1.0))"
    )


def test_contains_allows_tol_times_the_size_of_an_entry():
    assert Box(0, 1).contains([0.0, 0.5, 1.0], tol=0)
    assert Box(0, 1e12).contains([1e12 + 1])
    assert not Box(0, 1).contains([1 + 1.5e-9])


def test_a_box_may_have_bounds_for_each_entry():
    box = Box([0, 1], [2, np.inf])
    assert box.project([-1.0, 5.0]).tolist() == [0, 5]
    assert box.project([3.0, 0.0]).tolist() == [2, 1]


def test_balls_of_radius_0_and_1_and_results_that_are_ones_own():
    assert L1Ball(0).project([1.0, -2.0]).tolist() == [0, 0]
    np.testing.assert_allclose(L1Ball(1).project([2.0, -2.0]), [0.5, -0.5])
    x = np.array([0.1, 0.2])
    L1Ball(1).project(x)[0] = 7
    assert x[0] == 0.1
    assert Product(a_problem(), eta=NonNegative()).contains({"eta": 0.1})


WITHIN = [NonNegative(), CappedSum(1.5), L1Ball(1.5), Simplex(1.5), CappedBox(1.5), Box(-1, 0.5)]


@pytest.mark.parametrize("within", WITHIN, ids=repr)
@given(X=arrays(float, (3, 3), elements=st.floats(-5, 5, allow_subnormal=False, width=32)),
       seed=st.integers(0, 1000))  # fmt: skip
def test_symmetric_within_a_set(within, X, seed):
    """The variational inequality against symmetric members of the set."""
    constraint, rng = Symmetric(within), np.random.default_rng(seed)
    P = constraint.project(X)
    assert np.array_equal(P, P.T)
    assert within.contains(P)
    for _ in range(5):
        Y = members(within, 9, rng).reshape(3, 3)
        Y = (Y + Y.T) / 2
        assert constraint.contains(Y)
        assert np.sum((X - P) * (Y - P)) <= 1e-10 * (1 + np.linalg.norm(X) ** 2)


def test_symmetric_refuses_a_set_that_tells_entries_apart():
    with pytest.raises(ValueError, match="within: expected a Box with two numbers"):
        Symmetric(Box(np.zeros(4), 1))
    with pytest.raises(TypeError, match="within: expected a constraint or None, found 3"):
        Symmetric(3)


def test_a_product_contains_up_to_rounding_as_its_sets_do():
    box = hgref.constraints.Box(0, 1)
    product = hgref.constraints.Product(a=box)
    for x, inside in ((1 + 1e-10, True), (1 + 1e-8, False), (-1e-10, True), (-1e-8, False)):
        assert box.contains([x]) is product.contains({"a": [x]}) is inside
