"""`python -m paper_repro lessons`: which lessons, what it writes, what it says it lacks."""

import sys

import pytest

from hgref import console
from paper_repro.__main__ import main
from paper_repro.lessons import command, pages, recursions, script

LIBRARIES = ("markdown_it", "mdit_py_plugins", "latex2mathml", "nbformat", "pygments")
BARE = """# %% [markdown]
# # 1. Bare
#
# A lesson of one line and no picture.
#
# *Before this: nothing. About 1 minutes.*

# %%
print(1)
"""
WANTING = BARE.replace("1. Bare", "2. Wanting").replace("print(1)", "import no_such_module")


@pytest.fixture
def two(tmp_path, monkeypatch):
    """Two lessons; the second needs a module that is not installed."""
    paths = {1: tmp_path / "01_bare.py", 2: tmp_path / "02_wanting.py"}
    paths[1].write_text(BARE, encoding="utf-8")
    paths[2].write_text(WANTING, encoding="utf-8")
    for module in (script, command, pages):
        monkeypatch.setattr(module, "scripts", lambda: paths)
    monkeypatch.setitem(console.EXTRAS, "certify", ("no_such_module",))
    drawn = [tmp_path / "out" / f"recursions.{kind}" for kind in ("png", "gif")]
    drawn[0].parent.mkdir()
    for path in drawn:
        path.write_bytes(b"a picture")
    monkeypatch.setattr(recursions, "draw", lambda run, folder: drawn)
    return paths


def test_one_lesson_and_its_figure(tmp_path, capsys):
    assert main(["lessons", "2", "--out", str(tmp_path)]) == 0
    assert {path.name for path in tmp_path.iterdir()} == {"lesson-02.png", "api.md"}
    assert (tmp_path / "lesson-02.png").read_bytes().startswith(b"\x89PNG")
    assert "lesson-02.png" in capsys.readouterr().out


def test_several_figures_have_letters(tmp_path):
    run = [script.Output(script.Cell("code", ""), "", (b"1",), ("",)) for _ in range(3)]
    names = [path.name for path in command.save(7, run, tmp_path)]
    assert names == ["lesson-07-a.png", "lesson-07-b.png", "lesson-07-c.png"]
    assert command.save(8, run[:1], tmp_path) == [tmp_path / "lesson-08.png"]
    assert command.save(9, [], tmp_path) == []


def test_a_lesson_without_its_extra_is_skipped(two, tmp_path, capsys):
    assert main(["lessons", "--out", str(tmp_path / "out")]) == 0
    sentence = "skipped: lesson 2 needs no_such_module, which the extra `certify` installs"
    assert sentence in capsys.readouterr().out


def test_what_no_extra_brings_is_an_error(two, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(console.EXTRAS, "certify", ())
    assert main(["lessons", "2", "--out", str(tmp_path / "out")]) == 2
    assert "No module named 'no_such_module'" in capsys.readouterr().err


def test_unknown_lessons_are_refused(capsys):
    assert main(["lessons", "0"]) == 2
    assert "expected numbers among 1, 2, 3" in capsys.readouterr().err


def test_pages_without_the_libraries_say_how_to_get_them(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "markdown_it", None)
    assert main(["lessons", "--html"]) == 2
    assert 'python -m pip install -e ".[lessons]"' in capsys.readouterr().err


def test_pages_of_some(two, tmp_path, capsys):
    for module in LIBRARIES:
        pytest.importorskip(module)
    assert main(["lessons", "--html", "--out", str(tmp_path / "out")]) == 0
    folder = tmp_path / "out" / "lessons"
    others = {"api.html", "index.html", "momentum.html", "slides.html"}
    assert {p.name for p in folder.iterdir()} == {"01-bare.html", "01-bare.ipynb", *others}
    index = (folder / "index.html").read_text(encoding="utf-8")
    assert '<a href="01-bare.html">1. Bare</a>' in index
    assert "2. Wanting (not made)" in index
    assert index.index("data:image/png") < index.index("data:image/gif")


def test_solutions_are_printed_and_judged(tmp_path, capsys):
    assert main(["lessons", "2", "--solutions", "--out", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert all(source in said for source in script.solutions(2).values())
    assert "Exercise 1: hypergradient: right\nExercise 2: hypergradient: right" in said


def test_solved_pages_have_a_folder_of_their_own(tmp_path):
    for module in LIBRARIES:
        pytest.importorskip(module)
    assert main(["lessons", "2", "--solutions", "--html", "--out", str(tmp_path)]) == 0
    notebook = (tmp_path / "solutions" / "02-reverse.ipynb").read_text(encoding="utf-8")
    assert "answer_1 = None" not in notebook
    assert not (tmp_path / "lessons").exists()


@pytest.mark.parametrize("number", script.scripts())
def test_every_exercise_has_a_solution(number):
    text = script.scripts()[number].read_text(encoding="utf-8")
    asked = [line.partition(" = ")[0] for line in text.splitlines() if " = None" in line]
    assert [name for name in asked if name.startswith("answer_")] == [*script.solutions(number)]
