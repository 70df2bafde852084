"""A candidate that was made by differences is told with their step."""

import numpy as np
import pytest

import hgref
from hgref.objectives import L2, Logistic

RNG = np.random.default_rng(5)
X, Y = RNG.standard_normal((12, 4)), RNG.integers(0, 2, 12)


def posed():
    J = Logistic(X, Y) + L2()
    problem = hgref.Problem(hgref.Momentum(J), Logistic(X[:5], Y[:5]), 9, RNG.standard_normal(5))
    return problem, problem.pack(eta=0.3, mu=0.8, l2=0.05)


def by_differences(problem, lam, right, left, relative):
    found = []
    for j, size in enumerate(lam):
        e = np.eye(len(lam))[j] * (abs(size) if relative else 1.0)
        h = right - left
        found.append((problem.f(lam + right * e) - problem.f(lam + left * e)) / (h * e[j]))
    return np.array(found)


@pytest.mark.parametrize("h", [1e-2, 1e-3, 3e-4, 1e-5])
@pytest.mark.parametrize("scheme", ["forward", "backward", "central"])
@pytest.mark.parametrize("relative", [False, True])
def test_the_step_of_differences_is_found(h, scheme, relative):
    problem, lam = posed()
    right, left = {"forward": (h, 0), "backward": (0, -h), "central": (h, -h)}[scheme]
    found = hgref.diagnose(problem, lam, by_differences(problem, lam, right, left, relative), False)
    if scheme == "central" and h < 1e-3:  # as exact as its rounding: no step can be seen
        assert not found or found[0].name == "finite-differences"
        return
    assert found[0].name == "finite-differences"
    assert found[0].variant.startswith(f"{scheme}, h = {h:g}")
    assert found[0].variant.endswith("of each number") == relative


def test_one_number_has_a_step_that_is_a_power_of_ten():
    J = Logistic(X, Y)
    problem = hgref.Problem(hgref.GradientDescent(J), Logistic(X[:5], Y[:5]), 6)
    lam = np.array([0.4])
    for h, named in ((1e-3, True), (1.37e-3, False)):
        found = hgref.diagnose(problem, lam, by_differences(problem, lam, h, 0, False), False)
        assert (len(found) > 0 and found[0].name == "finite-differences") == named


def test_noise_is_not_taken_for_differences():
    problem, lam = posed()
    g = hgref.reverse(problem, lam).grad
    for size in (1e-2, 1e-4, 1e-6):
        noisy = g * (1 + size * RNG.standard_normal(g.size))
        assert len(hgref.diagnose(problem, lam, noisy, False)) == 0
