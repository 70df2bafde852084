"""A lesson as a notebook: valid, the same each time, with what it printed and drew."""

import json

import pytest

from paper_repro.lessons.notebook import notebook
from paper_repro.lessons.script import Cell, Output

nbformat = pytest.importorskip("nbformat")
OUTPUTS = [
    Output(Cell("markdown", "# 1. A lesson")),
    Output(Cell("code", "print(1)"), "1\n"),
    Output(Cell("code", "plt.show()"), "", (b"\x89PNG",), ("a curve",)),
]


def test_it_is_valid_and_holds_every_output():
    text = notebook(OUTPUTS)
    nbformat.validate(nbformat.reads(text, as_version=4))
    cells = json.loads(text)["cells"]
    assert [cell["cell_type"] for cell in cells] == ["markdown", "code", "code"]
    assert [cell["execution_count"] for cell in cells[1:]] == [1, 2]
    assert cells[1]["outputs"][0]["text"] == ["1\n"]
    assert cells[2]["outputs"][0]["data"]["image/png"] == "iVBORw=="
    assert cells[2]["outputs"][0]["data"]["text/plain"] == ["a curve"]


def test_the_same_twice():
    assert notebook(OUTPUTS) == notebook(OUTPUTS)
