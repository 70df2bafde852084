"""check_hessian: right Hessians are right, in every form, and wrong ones are named."""

import numpy as np
import pytest

import hgref
from hgref.objectives import L2, Logistic, Quadratic
from hgref.verify.vectors.description import problem_of, read_file
from hgref.verify.vectors.vector import shipped

FILES = {name: path for name, path in shipped().items() if "hessian" in read_file(path)}


def test_forty_eight_vectors_have_one():
    """The others have √u at u = 0, where f has no second derivatives."""
    assert len(FILES) == 48
    lacking = set(shipped()) - set(FILES)
    assert all(name.endswith("-softmax") for name in lacking)
    for name in lacking:
        with pytest.raises(ArithmeticError, match="f has no second derivative here"):
            hgref.hessian(*problem_of(read_file(shipped()[name])))


@pytest.mark.parametrize("name", FILES)
def test_the_certified_digits_are_right_and_a_changed_one_is_wrong(name):
    content = read_file(FILES[name])
    problem, lam = problem_of(content)
    H = np.array(content["hessian"], dtype=float)
    found = hgref.check_hessian(problem, lam, H)
    assert found, str(found)
    assert max(block.error for block in found.blocks) < 1e-11
    rng = np.random.default_rng(0)
    j, k = rng.integers(0, len(H), 2)
    H[j, k] += 1e-9 * np.abs(H).max()
    wrong = hgref.check_hessian(problem, lam, H)
    assert wrong.verdict == "wrong"
    assert len([block for block in wrong.blocks if not block]) == 1


def a_problem(**options):
    rng = np.random.default_rng(1)
    J = Logistic(rng.standard_normal((8, 2)), rng.integers(0, 2, 8), bias=False) + L2()
    problem = hgref.Problem(hgref.Momentum(J), J, 4, rng.standard_normal(2), **options)
    return problem, {"eta": 0.2, "mu": 0.6, "l2": 0.1}


def test_rows_by_name_float32_and_printed_digits():
    problem, lam = a_problem()
    H = hgref.hessian(problem, lam)
    some = hgref.check_hessian(problem, lam, {"mu": H[1]})
    assert some
    assert some.missing == ("eta", "l2")
    single = H.astype(np.float32)
    assert hgref.check_hessian(problem, lam, single)
    assert hgref.check_hessian(problem, lam, single.astype(float)).verdict == "wrong"
    printed = [[f"{x:.5e}" for x in row] for row in H]
    assert hgref.check_hessian(problem, lam, printed)
    assert hgref.check_hessian(problem, lam, -H).verdict == "wrong"
    assert hgref.check_hessian(problem, lam, H * np.nan).verdict == "wrong"


def test_it_speaks_of_theta():
    problem, lam = a_problem(transform=hgref.transforms.Exp("l2"))
    theta = {**lam, "l2": np.log(lam["l2"])}
    assert hgref.check_hessian(problem, theta, hgref.hessian(problem, theta))
    plain, _ = a_problem()
    assert hgref.check_hessian(problem, theta, hgref.hessian(plain, lam)).verdict == "wrong"


def test_functions_that_contradict_each_other_leave_it_undecided():
    class Twice(Quadratic):
        def grad_vjp(self, t, w, lam, u):
            row, share = super().grad_vjp(t, w, lam, u)
            return 2 * row, share

    E = Quadratic(np.eye(2), [0.5, 1.0])
    problem = hgref.Problem(hgref.GradientDescent(Twice(np.eye(2), [1.0, -1.0])), E, 4)
    found = hgref.check_hessian(problem, {"eta": 0.3}, hgref.hessian(problem, {"eta": 0.3}))
    assert found.verdict == "undecided"
    assert found.reason.startswith("the functions of the problem contradict each other")


@pytest.mark.parametrize(
    ("candidate", "match"),
    [
        (np.ones((2, 2)), r"candidate: expected shape \(3, 3\), found \(2, 2\)"),
        ({"mu": np.ones(2)}, r"candidate mu: expected shape \(3,\), found \(2,\)"),
        ({"nu": np.ones(3)}, "nu"),
    ],
)
def test_bad_candidates_are_refused(candidate, match):
    problem, lam = a_problem()
    with pytest.raises(ValueError, match=match):
        hgref.check_hessian(problem, lam, candidate)
