"""The candidate is read in whatever form people hold it."""

import json
from decimal import Decimal

import numpy as np
import pytest

import hgref
from hgref.__main__ import main
from hgref.objectives import L2, Quadratic
from hgref.verify.vectors.vector import shipped


@pytest.fixture
def problem():
    J = Quadratic(np.diag([1.0, 2.0]), [1.0, -1.0]) + L2("weight")
    return hgref.Problem(hgref.Momentum(J), Quadratic(np.eye(2), [1, 1]), 8, learn_w0=True)


LAM = {"eta": 0.1, "mu": 0.5, "l2": [0.1, 0.2]}


def told(problem, candidate):
    return hgref.check(problem, LAM, candidate)


def test_a_hypergradient_is_a_candidate(problem):
    assert told(problem, hgref.reverse(problem, LAM))


def test_none_is_a_tensor_that_is_not_connected(problem):
    g = hgref.reverse(problem, LAM)
    report = told(problem, {**g.blocks, "mu": None})
    assert report.verdict == "wrong"
    assert report.reason.startswith("mu is None: this tensor was not connected to the loss")
    zero = hgref.Problem(hgref.GradientDescent(Quadratic(np.eye(2), [0, 0])), problem.E, 3)
    assert hgref.check(zero, {"eta": 0.1}, {"eta": None})  # from the minimum nothing moves


@pytest.mark.parametrize("digits", [16, 14, 12, 8])
def test_printed_digits_are_the_precision(problem, digits):
    g = hgref.reverse(problem, LAM)
    printed = {
        n: np.vectorize(lambda x: f"{x:.{digits}g}")(b).tolist() for n, b in g.blocks.items()
    }
    report = told(problem, printed)
    assert report, str(report)
    assert report.roundoff == max(0.5 * 10.0 ** (1 - digits) if digits < 16 else 0, 2.0**-53)
    exact = {n: np.vectorize(Decimal)(b) for n, b in g.blocks.items()}
    assert told(problem, exact).roundoff == 2.0**-53
    off = {n: np.vectorize(lambda x: f"{1.001 * x:.{digits}g}")(b) for n, b in g.blocks.items()}
    assert told(problem, off).verdict == "wrong"


def test_whole_numbers_among_printed_ones_are_exact(problem):
    report = told(problem, {"l2": ["0", "1.2345678"], "mu": 3})
    assert report.roundoff == 0.5e-7


@pytest.mark.parametrize("text", ["nan", "NaN", "Infinity", "-inf"])
def test_printed_nan_is_wrong(problem, text):
    report = told(problem, {"eta": text})
    assert report.verdict == "wrong"
    assert "eta is not finite" in report.reason


def test_the_start_may_have_the_shapes_of_the_parameters(problem):
    g = hgref.reverse(problem, LAM)
    assert told(problem, {"w0": {"a": g["w0"][:1], "b": g["w0"][1:]}})
    assert told(problem, {"w0": [g["w0"][:1], g["w0"][1:]]})
    with pytest.raises(ValueError, match=r"candidate w0: expected shape \(2,\), found \(3,\)"):
        told(problem, {"w0": {"a": g["w0"], "b": g["w0"][1:]}})


def test_half_precisions_near_one_are_read():
    """0.9999 rounded to float16 is 1: the run in that precision is not defined, but no crash."""
    J = Quadratic(np.diag([1.0, 2.0]), [1.0, -1.0])
    problem = hgref.Problem(hgref.Adam(J, "torch"), Quadratic(np.eye(2), [1, 1]), 5)
    lam = {"eta": 0.1, "beta1": 0.9, "beta2": 0.9999, "eps": 1e-3}
    g = hgref.reverse(problem, lam)
    report = hgref.check(problem, lam, {n: b.astype(np.float16) for n, b in g.blocks.items()})
    assert report, str(report)
    assert hgref.check(problem, lam, (-g.grad).astype(np.float16)).verdict != "right"


def test_the_command_line_takes_nan_and_printed_digits(tmp_path, capsys):
    path = shipped()["adam-torch-least-squares"]
    grad = json.loads(path.read_text())["grad"]
    mine = tmp_path / "mine.json"

    def status(content):
        mine.write_text(json.dumps(content))
        return main(["check", str(path), str(mine)])

    assert status(grad) == 0  # decimal strings, as the vectors have them
    assert status({n: float(f"{float(x):.8g}") for n, x in grad.items() if isinstance(x, str)}) == 0
    assert "the digits given, u = 5.0e-08" in capsys.readouterr().out
    assert status({"eta": [float("nan")] * 5}) == 1
    assert "eta is not finite" in capsys.readouterr().out


def test_an_undecided_candidate_has_a_status_of_its_own(tmp_path, monkeypatch):
    import hgref.__main__ as command

    path = shipped()["gd-quadratic"]
    problem = hgref.Problem(
        hgref.GradientDescent(Quadratic(np.eye(1), [0.0]) + L2()), Quadratic([[1.0]], [1.0]), 300
    )
    monkeypatch.setattr(command, "problem_of", lambda content: (chaotic(), {"eta": 3.9}))
    mine = tmp_path / "mine.json"
    mine.write_text('{"eta": 1.0}')
    assert problem.T == 300
    assert main(["check", str(path), str(mine)]) == 3


def chaotic():
    """w ← η w (1 − w), the logistic map, as descent on a Callback whose gradient is w / η − …"""
    J = hgref.objectives.Callback(
        value=lambda w, lam: 0 * w.sum(),
        grad=lambda w, lam: w / lam["eta"] - w * (1 - w),
        grad_jvp=lambda w, lam, dw, dlam: (
            (1 / lam["eta"] - 1 + 2 * w)[:, None] * dw
            - (w / lam["eta"] ** 2)[:, None] * dlam["eta"]
        ),
        grad_vjp=lambda w, lam, u: ((1 / lam["eta"] - 1 + 2 * w) * u, {}),
        p=1,
    )
    return hgref.Problem(hgref.GradientDescent(J), Quadratic([[1.0]], [1.0]), 300, [0.3])
