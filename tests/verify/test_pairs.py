"""Two mistakes at once: made by hand, one on top of the other, and which pairs come first."""

import numpy as np
import pytest

import hgref
from hgref.objectives import L2, Softmax
from hgref.verify import CATALOGUE
from hgref.verify.mistakes import Computation
from hgref.verify.pairs import answered, composed, distance, singles

RNG = np.random.default_rng(4)
X, Y = RNG.standard_normal((10, 3)), RNG.integers(0, 3, 10)
XV, YV = RNG.standard_normal((7, 3)), RNG.integers(0, 3, 7)
W0, T = RNG.standard_normal(12), 8
ETA, MU, L = 0.2, 0.7, 0.1


def problem(kind=hgref.Momentum, **options):
    J, E = Softmax(X, Y, 3) + L2(), Softmax(XV, YV, 3)
    posed = hgref.Problem(kind(J, **options), E, T, W0)
    known = {"eta": ETA, "mu": MU, "l2": L}
    return posed, posed.pack(**{n: known[n] for n in posed.layout.shapes})


def softmax(w, X, y, c):
    """(gradient, its product with a tangent) of c Σ_i ℓ_i, weights by rows and biases last."""
    A = np.hstack([X, np.ones((len(X), 1))])
    W = np.hstack([w[:9].reshape(3, 3), w[9:, None]])
    P = np.exp(A @ W.T)
    P /= P.sum(axis=1, keepdims=True)

    def flat(G):
        return np.concatenate([G[:, :3].ravel(), G[:, 3]])

    def product(u):
        Z = A @ np.hstack([u[:9].reshape(3, 3), u[9:, None]]).T
        R = P * (Z - (P * Z).sum(axis=1, keepdims=True))
        return flat(c * R.T @ A)

    return flat(c * (P - np.eye(3)[y]).T @ A), product


def by_hand(J=1 / 10, E=1 / 7, penalty=1.0, K=T, keep_v=1.0, H=1.0, data=(XV, YV)):
    """∇f of momentum with factors of the losses, of H, of the velocity's path; the last K steps."""
    v, w, past = 0 * W0, W0, []
    for _ in range(T):
        g, product = softmax(w, X, Y, J)
        past.append((v, w, product))
        v = MU * v + g + penalty * L * w
        w = w - ETA * v
    velocities = [v for v, _, _ in past[1:]] + [v]
    to_v, to_w = 0 * w, softmax(w, *data, E)[0]
    total = {"eta": 0.0, "mu": 0.0, "l2": 0.0}
    for t in range(T, T - K, -1):
        v, w, product = past[t - 1]
        to_new = to_v - ETA * to_w
        total["eta"] -= to_w @ velocities[t - 1]
        total["mu"] += to_new @ v
        total["l2"] += penalty * to_new @ w
        to_w = to_w + H * (product(to_new) + penalty * L * to_new)
        to_v = keep_v * MU * to_new
    return total


@pytest.mark.parametrize(
    ("names", "wrong"),
    [
        ({"sum-for-mean", "truncated"}, {"E": 1.0, "K": 3}),
        ({"sum-for-mean", "first-order"}, {"J": 1 / 100, "H": 0.0}),
        ({"half-missing", "accessory-state-detached"}, {"penalty": 2.0, "keep_v": 0.0}),
        ({"first-order", "E-on-training-data"}, {"H": 0.0, "E": 1 / 10, "data": (X, Y)}),
        ({"half-missing", "loss-twice-or-half"}, {"penalty": 2.0, "J": 1 / 5}),
    ],
)
def test_two_mistakes_made_by_hand_are_named(names, wrong):
    posed, lam = problem()
    assert hgref.check(posed, lam, by_hand())
    found = hgref.diagnose(posed, lam, by_hand(**wrong))
    assert {mistake.name for mistake in found[0].mistakes} == names, str(found)


def test_the_most_promising_pairs_come_first():
    """The sum of two effects, or their product, is near what both together do."""
    posed, lam = problem()
    base, true = Computation(posed.at(lam)), hgref.reverse(posed, lam).blocks
    wrong = by_hand(penalty=2.0, keep_v=0.0)
    pairs = list(composed(base, list(singles(base)), true, wrong))
    names = [{m.name for m in mistakes} for mistakes, _, _ in pairs]
    place = names.index({"half-missing", "accessory-state-detached"})
    assert place < len(pairs) / 20, (place, len(pairs))


def test_pairs_are_of_two_mistakes_the_later_one_first():
    posed, lam = problem()
    base = Computation(posed.at(lam))
    tried = list(singles(base))
    pairs = list(answered(base, tried))
    assert len(pairs) > 100
    for (first, second), _, _ in pairs:
        assert CATALOGUE.index(second) < CATALOGUE.index(first)
    assert any(first.name == "truncated" for (first, _), _, _ in pairs)


def test_the_distance_is_at_most_one_a_block():
    true, one, given = ({"a": np.array([x, 2.0])} for x in (1.0, 3.0, 3.0))
    assert distance(true, one, true, given) == 0
    assert distance(true, one, one, {"a": np.full(2, 1e-9)}) == 1
