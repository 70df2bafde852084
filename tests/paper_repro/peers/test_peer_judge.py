"""Verdicts on answers, against the certified digits."""

import numpy as np
import pytest

import hgref
from hgref.verify.vectors.description import problem_of, read_file
from hgref.verify.vectors.vector import shipped
from paper_repro.peers.judge import judge, numbers

PATH = shipped()["momentum-softmax"]
CERTIFIED = {name: numbers(block) for name, block in read_file(PATH)["grad"].items()}


def verdict(grad, **about):
    answer = {"left out": {}, "failed": {}, **about}
    return judge(
        PATH, {**answer, "grad": {name: np.asarray(x).tolist() for name, x in grad.items()}}
    )


def test_right():
    cell = verdict(CERTIFIED)
    assert (cell.verdict, cell.right, cell.why) == ("pass", list(CERTIFIED), "")
    assert cell.plain() == {"verdict": "pass", "right": list(CERTIFIED)}


def test_rounding_is_right_and_single_precision_is_told_apart():
    assert verdict({name: x * (1 + 1e-15) for name, x in CERTIFIED.items()}).verdict == "pass"
    single = {name: x.astype(np.float32).astype(float) for name, x in CERTIFIED.items()}
    cell = verdict(single)
    assert cell.verdict == "float32"
    assert 0 < max(cell.off.values()) < 1e-6


def test_a_known_mistake_is_named():
    problem, lam = problem_of(read_file(PATH))
    g = hgref.truncated(problem, lam, K=4)
    cell = verdict({"weights": g["weights"]})
    assert cell.verdict == "wrong"
    assert cell.why == "truncated (K = 4): only the last K steps were differentiated"
    true = CERTIFIED["weights"]
    error = np.linalg.norm(g["weights"] - true) / np.linalg.norm(true)
    assert np.isclose(cell.off["weights"], error)


def test_one_wrong_block_is_enough():
    cell = verdict({**CERTIFIED, "mu": 3.25})
    assert (cell.verdict, cell.right) == ("wrong", ["eta", "weights"])
    assert cell.why.startswith("no known mistake matches")


def test_nan():
    cell = verdict({**CERTIFIED, "mu": np.nan})
    assert (cell.verdict, cell.off) == ("NaN", {"mu": None})
    assert cell.why.startswith("not-finite")


def test_blocks_that_were_left_out_or_failed():
    left = verdict({"weights": CERTIFIED["weights"]}, **{"left out": {"eta": "a float"}})
    assert (left.verdict, left.right, left.left_out) == ("pass", ["weights"], {"eta": "a float"})
    failed = verdict({"weights": CERTIFIED["weights"]}, failed={"eta": "RuntimeError: in place"})
    assert (failed.verdict, failed.why) == ("crashed", "RuntimeError: in place")
    wrong = verdict({"weights": -CERTIFIED["weights"]}, failed={"eta": "RuntimeError: in place"})
    assert (wrong.verdict, wrong.why[:4]) == ("wrong", "sign")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"not expressible": "no Adam"}, ("not expressible", "no Adam")),
        ({"crashed": "KeyError: 'params'"}, ("crashed", "KeyError: 'params'")),
        ({"out of time": 1.5}, ("out of time", "no answer within 1.5 seconds")),
        (
            {"grad": {}, "left out": {"eta": "a float"}, "failed": {}},
            ("not expressible", "a float"),
        ),
    ],
)
def test_answers_without_numbers(answer, expected):
    cell = judge(PATH, answer)
    assert (cell.verdict, cell.why) == expected
