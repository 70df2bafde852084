"""The split, and the change of basis that makes it cheap: it changes nothing that is seen."""

import numpy as np
import pytest

import hgref
from paper_repro.data.tasks import Tasks
from paper_repro.task_interactions.methods import accuracy, inner_problem
from paper_repro.task_interactions.splits import Part, Split, split


@pytest.fixture(scope="module")
def data(tasks, setting):
    return split(tasks, setting, 0)


def test_every_part_has_the_same_number_of_each_class(data, setting):
    assert data.classes == 4
    for part, each in ((data.train, 3), (data.valid, 3), (data.test, 12)):
        assert np.bincount(part.y).tolist() == [each] * 4
        assert len(part.X) == len(part.y)


def test_no_example_stands_in_two_parts_or_loses_its_label(setting):
    number = np.arange(80)
    X = number[:, None].astype(np.float32)
    data = split(Tasks("numbers", X, number % 4, tuple("abcd"), None), setting, 3)
    parts = (data.train, data.valid, data.test)
    told = np.concatenate([part.X[:, 0] for part in parts])
    step = np.diff(np.sort(told)).min()  # from one number to the next
    found = np.rint((told - told[0]) / step).astype(int)
    np.testing.assert_allclose(told - told[0], found * step, atol=1e-9)
    assert len(set(found)) == 72
    labels = np.concatenate([part.y for part in parts])
    np.testing.assert_array_equal((found[:, None] - found) % 4 == 0, labels[:, None] == labels)


def test_the_seed_decides(tasks, setting, data):
    again, other = split(tasks, setting, 0), split(tasks, setting, 1)
    np.testing.assert_array_equal(data.test.X, again.test.X)
    assert not np.allclose(data.train.X, other.train.X)


def test_features_are_those_of_the_training_examples(data):
    np.testing.assert_allclose(data.train.X.mean(axis=0), 0, atol=1e-12)
    assert data.train.X.shape == (12, 12)
    assert data.test.X.shape == (48, 12)


@pytest.fixture(scope="module")
def full(tasks, setting):
    """The same split without the change of basis: the draw is repeated here."""
    rng, parts = np.random.default_rng(0), ([], [], [])
    for k in range(4):
        index = rng.permutation(np.flatnonzero(tasks.y == k))[: setting.per_class]
        for part, some in zip(parts, (index[:3], index[3:6], index[6:]), strict=True):
            part.extend(some)
    X = tasks.X[parts[0]].astype(float)
    features = (tasks.X - X.mean(axis=0)) / X.std()
    return Split(*(Part(features[part], tasks.y[part]) for part in parts), classes=4)


def test_the_change_of_basis_changes_no_prediction_and_no_hypergradient(data, full, setting):
    assert full.train.X.shape == (12, 25)
    rng = np.random.default_rng(1)
    C = rng.uniform(0, 0.02, (4, 4))
    seen = []
    for one in (data, full):
        problem = inner_problem("HMTL", one, setting)
        lam = problem.pack(C=C + C.T, rho=0.01, eta=0.05, mu=0.9)
        found = hgref.reverse(problem, lam)
        w = problem.dynamics.weights(found.s_T)
        norms = np.linalg.norm(w[:-4].reshape(4, -1), axis=1)
        seen.append((found, norms, [accuracy(part, 4, w) for part in (one.valid, one.test)]))
    (reduced, norms, right), (direct, norms_direct, right_direct) = seen
    assert right == right_direct
    np.testing.assert_allclose(norms, norms_direct, rtol=1e-9)
    assert reduced.f == pytest.approx(direct.f, rel=1e-9)
    assert np.abs(direct["C"]).max() > 1e-3
    np.testing.assert_allclose(reduced["C"], direct["C"], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(reduced["rho"], direct["rho"], rtol=1e-9)
