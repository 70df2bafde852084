"""What the adapters share, in NumPy: the vectors' losses and update rules are the vectors' own."""

import json

import numpy as np
import pytest

from hgref.verify.vectors.description import problem_of, read_file
from paper_repro.peers.adapters.written_out import train
from paper_repro.peers.pose import NotExpressible, loss, one_term, plain, read
from paper_repro.peers.setting import Setting

VECTORS = Setting().files()
everywhere = pytest.mark.parametrize("name", VECTORS)


def last_weights(content):
    state = np.array([float(x) for x in content["states"][-1]])
    return state[-len(content["w0"]) :]


@everywhere
def test_the_losses_are_those_of_the_vector(name):
    content, pose = read_file(VECTORS[name]), read(VECTORS[name])
    problem, lam = problem_of(content)
    w = last_weights(content)
    error = loss(np, pose.error, w, pose.lam, pose.T)
    assert np.isclose(error, float(content["f"]), rtol=1e-14)
    for t in (1, pose.T):
        training = loss(np, pose.training, w, pose.lam, t)
        assert np.isclose(training, problem.dynamics.J.value(t, w, lam), rtol=1e-14)


@everywhere
def test_the_rules_lead_to_the_certified_weights(name):
    content, pose = read_file(VECTORS[name]), read(VECTORS[name])
    problem, lam = problem_of(content)
    w = train(np, pose, pose.lam, pose.w0, lambda w, t: problem.dynamics.J.grad(t, w, lam))
    assert np.allclose(w, last_weights(content), rtol=1e-13, atol=1e-15)


def test_weighted_mini_batches():
    term = {"kind": "least-squares", "X": [[1.0], [2.0], [3.0]], "y": [0.0, 0.0, 1.0],
            "batches": [[0, 2], [1, 1]], "example_weights": True}  # fmt: skip
    lam = {"weights": np.array([2.0, 3.0, 5.0])}
    made = plain(term)
    assert one_term(np, made, np.ones(1), lam, 1) == (2 * 0.5 + 5 * 2.0) / 2
    assert one_term(np, made, np.ones(1), lam, 2) == 3 * 2.0


def test_what_the_adapters_do_not_know_is_not_posed():
    with pytest.raises(NotExpressible, match="no loss 'logistic'"):
        plain({"kind": "logistic", "X": [[1.0]], "y": [1]})
    with pytest.raises(NotExpressible, match="no loss 'softmax' with \\['bias'\\]"):
        plain({"kind": "softmax", "X": [[1.0]], "y": [1], "classes": 2, "bias": False})
    with pytest.raises(NotExpressible, match="no loss 'l2'"):
        plain({"kind": "l2", "groups": [0, 1]})


def test_an_unknown_rule_is_a_sentence(tmp_path):
    content = read_file(VECTORS["gd-quadratic"])
    content["dynamics"] = {"kind": "lion"}
    path = tmp_path / "lion.json"
    path.write_text(json.dumps(content))
    pose = read(path)
    with pytest.raises(NotExpressible, match="not written out the update of lion"):
        train(np, pose, pose.lam, pose.w0, lambda w, t: w)
