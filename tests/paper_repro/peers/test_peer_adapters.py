"""The adapters against gradient descent, which all of the libraries have right that run at all."""

import pytest

from hgref.verify.vectors.vector import shipped
from paper_repro.peers.judge import judge
from paper_repro.peers.libraries import LIBRARIES
from paper_repro.peers.run import pose_all

VECTORS = {name: shipped()[name] for name in ("gd-quadratic", "adagrad-optax-softmax")}
WITHOUT_RATE = ("hypergrad",)
CANNOT_RUN = ("betty",)


@pytest.mark.parametrize("name", LIBRARIES)
def test_gradient_descent(name):
    found = pose_all(LIBRARIES[name], VECTORS, 60.0, lambda: None)
    if found.missing:
        pytest.skip(f"wants {', '.join(found.missing)}")
    cell = judge(VECTORS["gd-quadratic"], found.answers["gd-quadratic"])
    if name in CANNOT_RUN:
        assert (cell.verdict, cell.why) == ("crashed", "KeyError: 'params'")
        return
    assert cell.verdict == "pass", cell
    assert set(cell.right) == {"eta", "l2", "w0"} - ({"eta"} if name in WITHOUT_RATE else set())
    other = judge(VECTORS["adagrad-optax-softmax"], found.answers["adagrad-optax-softmax"])
    expected = "pass" if name in ("torch-func", "optax", "jaxopt") else "not expressible"
    assert other.verdict == expected
