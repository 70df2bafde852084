"""The scripts: short, with nothing of hgref in them, and each ends as the report says."""

import ast
import re
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from paper_repro.peers.claims import CLAIMS, SCRIPTS, LibraryClaim, reproducers_of, verdict_of
from paper_repro.peers.libraries import LIBRARIES
from paper_repro.peers.reproduce import reproduce
from paper_repro.record import read_json

CARD = Path(__file__).parents[3] / "figures" / "report-card.json"
MAY_IMPORT = {
    "torch-func": {"torch"},
    "torch-optim": {"torch"},
    "higher": {"higher", "torch"},
    "torchopt": {"torchopt", "torch"},
    "betty": {"betty", "torch"},
    "hypergrad": {"hypergrad", "torch"},
    "optax": {"optax", "jax"},
    "jaxopt": {"jaxopt", "optax", "jax"},
    "autograd": {"autograd"},
}
everywhere = pytest.mark.parametrize("name", CLAIMS)


def test_there_is_a_claim_for_each_script_and_a_script_for_each_claim():
    assert {path.stem for path in SCRIPTS.glob("*.py")} == set(CLAIMS)


@everywhere
def test_a_script_is_short_and_stands_alone(name):
    text = (SCRIPTS / f"{name}.py").read_text(encoding="utf-8")
    assert len(text.splitlines()) < 30
    tree = ast.parse(text)
    assert ast.get_docstring(tree)
    imported = {
        (node.module if isinstance(node, ast.ImportFrom) else alias.name).partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    allowed = {"numpy", "sys", "warnings", *MAY_IMPORT[CLAIMS[name].library]}
    assert imported <= allowed
    assert re.search(r"\bexpected\b", text)
    assert "sys.exit(" in text


def skip_unless_as_on_the_card(library):
    """What the card says is about the versions on it."""
    first, *others = LIBRARIES[library].packages
    card = read_json(CARD)["libraries"][library]["versions"]
    try:
        here = {package: version(package) for package in (first, *others)}
    except PackageNotFoundError as missing:
        pytest.skip(f"wants {missing.name}")
    if here[first].partition("+")[0] != card[first].partition("+")[0]:
        pytest.skip(f"the card is about {first} {card[first]}, not {here[first]}")


@everywhere
def test_a_script_ends_as_the_report_says(name):
    claim = CLAIMS[name]
    skip_unless_as_on_the_card(claim.library)
    found = reproduce(name, claim, sys.executable)
    assert found["shown"], found


def test_an_accident_shows_nothing(tmp_path):
    (tmp_path / "accident.py").write_text("import no_such_library\n")
    (tmp_path / "wrong.py").write_text("import sys\nprint('found 1 expected 2')\nsys.exit(True)\n")
    (tmp_path / "right.py").write_text("print('found 1 expected 1')\n")
    wrong, right = (
        LibraryClaim("higher", False, "it is wrong"),
        LibraryClaim("higher", True, "it is right"),
    )
    assert not reproduce("accident", wrong, sys.executable, tmp_path)["shown"]
    found = reproduce("wrong", wrong, sys.executable, tmp_path)
    assert (found["shown"], found["exit"], found["printed"]) == (True, 1, ["found 1 expected 2"])
    assert found["verdict"] == "wrong"
    assert not reproduce("wrong", right, sys.executable, tmp_path)["shown"]
    assert reproduce("right", right, sys.executable, tmp_path)["shown"]
    assert not reproduce("right", wrong, sys.executable, tmp_path)["shown"]


def test_scripts_are_found_by_library_vector_and_verdict():
    assert reproducers_of("torch-optim", "nesterov-softmax", "wrong") == [
        "torch_optim_sgd_momentum"
    ]
    assert reproducers_of("torch-optim", "gd-softmax", "wrong") == []
    assert reproducers_of("higher", "nesterov-softmax", "wrong") == []
    assert reproducers_of("torch-optim", "adam-torch-softmax", "NaN") == [
        "torch_optim_zero_gradient"
    ]
    words = {verdict_of(claim) for claim in CLAIMS.values()}
    assert words == {"right", "wrong", "NaN"}
