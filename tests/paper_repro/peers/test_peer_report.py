"""The page and the picture: every cell has its place, and nothing is said that no script shows."""

from pathlib import Path

import pytest

from paper_repro.__main__ import main
from paper_repro.peers import compute as computing
from paper_repro.peers.claims import LibraryClaim
from paper_repro.peers.compute import ACCUSED, bear_out, compute, documented_calls
from paper_repro.peers.draw import COLOURS, draw, grid
from paper_repro.peers.libraries import LIBRARIES
from paper_repro.peers.marks import MEANINGS, SYMBOLS, shown_as, split
from paper_repro.peers.setting import Setting
from paper_repro.peers.table import brief, counts, page, rows
from paper_repro.record import read_json

CARD = Path(__file__).parents[3] / "figures" / "report-card.json"


class Bar:
    """A progress bar that counts."""

    def __init__(self):
        self.n = self.total = 0

    def reset(self, total):
        self.total = total

    def set_description(self, text):
        assert text

    def update(self):
        self.n += 1


@pytest.fixture
def content(library, tmp_path, monkeypatch):
    """The card of six made-up libraries; one of the two that err is shown to err by a script."""
    monkeypatch.setattr(
        computing, "CLAIMS", {"shown": LibraryClaim("wrong", False, "its sign is wrong")}
    )

    def shown(name, claim, python):
        about = {"library": claim.library, "verdict": "wrong", "says": claim.says}
        return {**about, "exit": 1, "printed": ["found 1 | expected -1"], "shown": True}

    monkeypatch.setattr(computing, "reproduce", shown)
    monkeypatch.setattr(
        computing,
        "reproducers_of",
        lambda name, *_: {"wrong": ["shown"], "nan": ["never-ran"]}.get(name, []),
    )
    endings = ("right", "wrong", "nan", "raises", "silent")
    libraries = {name: library(name) for name in endings}
    libraries["absent"] = library("right", ("no-such-distribution",))._replace(title="absent")
    bar = Bar()
    setting = Setting(vectors="gd-*")
    path = compute(setting, libraries, {}, tmp_path, bar, libraries)
    assert bar.n <= bar.total == 6 * 3 + 1
    return read_json(path)


def test_every_cell_has_its_verdict(content):
    assert [list(one["cells"]) for one in content["libraries"].values()] == 6 * [
        ["gd-quadratic", "gd-least-squares", "gd-softmax"]
    ]
    found = {name: {shown_as(c) for c in one["cells"].values()}
             for name, one in content["libraries"].items()}  # fmt: skip
    assert found == {
        "right": {"pass"},
        "wrong": {"wrong"},
        "nan": {"unsettled"},
        "raises": {"unsettled"},
        "silent": {"not expressible"},
        "absent": {"not installed"},
    }


def test_the_page(content):
    text = page(content)
    assert rows(content)[1:3] == [["right", "✓ ✓ ✓"], ["wrong", "✗ ✗ ✗"]]
    assert counts(content)[1][:2] == ["right", "3"]
    assert "| wrong | gd | wrong | 2e+00 | sign" in text
    assert "| `shown` |" in text
    assert "its sign is wrong" in text
    assert "* silent: it has no optimizer at all (gd)" in text
    assert "| not installed: pip install it |" in text
    assert r"found 1 \| expected -1" in text
    assert "| nan | gd | unsettled |" in text


def test_the_picture(content, tmp_path):
    figure = grid(content)
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts.count("✓") == texts.count("✗") == 3
    made = draw(tmp_path / "report-card.json")
    assert [path.name for path in made] == ["report-card.png", "report-card.md"]
    assert all(path.stat().st_size > 1000 for path in made)


def test_each_verdict_has_a_symbol_of_its_own_and_a_colour():
    assert len(set(SYMBOLS.values())) == len(SYMBOLS)
    assert set(COLOURS) == set(SYMBOLS)
    assert set(MEANINGS) == set(SYMBOLS) - {"not installed"}


def test_errors_beside_a_wrong_number_have_their_script_too():
    cell = {"verdict": "wrong", "failed": {"eta": "RuntimeError"}}
    found = {name: {"shown": True} for name in ("torch_optim_sgd_momentum", "torch_optim_sgd_rate")}
    bear_out("torch-optim", "momentum-softmax", cell, found)
    assert cell["reproducers"] == ["torch_optim_sgd_momentum", "torch_optim_sgd_rate"]
    del found["torch_optim_sgd_momentum"]
    bear_out("torch-optim", "momentum-softmax", cell, found)
    assert cell["reproducers"] == []
    assert shown_as(cell) == "unsettled"


def test_the_calls_are_those_of_the_adapters():
    for library in LIBRARIES.values():
        assert documented_calls(library.adapter), library.title


def test_the_card_that_is_shipped_says_nothing_that_no_script_showed():
    content = read_json(CARD)
    posed = {}
    for name, one in content["libraries"].items():
        assert set(one["cells"]) == set(Setting().files()), name
        for vector, cell in one["cells"].items():
            assert bool(cell.get("reproducers")) == (cell["verdict"] in ACCUSED), (name, vector)
            if cell["verdict"] in ("not expressible", "crashed"):
                assert cell["why"], (name, vector)
        posed[name] = sum(c["verdict"] != "not expressible" for c in one["cells"].values())
    assert sum(count >= 20 for count in posed.values()) >= 5
    assert all(found["shown"] for found in content["reproducers"].values())
    assert (CARD.with_suffix(".md")).read_text(encoding="utf-8") == page(content)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--limit", "0"], "limit: expected seconds > 0, found 0"),
        (["--vectors", "sgd*"], "vectors: expected a pattern of names, found none like sgd*"),
        (["--python", "higher"], "--python: expected LIBRARY=PATH, found higher"),
        (["--paper"], "--paper: peers has only its default size and --small"),
    ],
)
def test_bad_options_end_with_one_line(tmp_path, capsys, arguments, message):
    assert main(["peers", "--out", str(tmp_path), *arguments]) == 2
    assert message in capsys.readouterr().err


def test_without_any_library_it_says_how_to_get_them(library, tmp_path):
    absent = {"absent": library("right", ("no-such-distribution",))}
    with pytest.raises(ModuleNotFoundError, match=r"pip install -e \"\.\[peers\]\""):
        compute(Setting(vectors="gd-softmax"), absent, {}, tmp_path, Bar(), absent)
    assert not list(tmp_path.glob("*.json"))


def test_names_of_vectors():
    every = ["gd-quadratic", "gd-softmax", "dampened-softmax", "dampened-quadratic"]
    assert brief(every[:3], every) == "gd, dampened-softmax"
    assert split("adam-torch-least-squares") == ("adam-torch", "least-squares")
    assert split("something-else") == ("something-else", "")
