"""Slides: a title for each lesson, then each figure with its heading and the last equation."""

from paper_repro.lessons.script import Cell, Output
from paper_repro.lessons.slides import deck, slides

FIGURE = Output(Cell("code", "plt.show()"), "", (b"\x89PNG",), ("a curve of everything",))
LESSON = [
    Output(Cell("markdown", "# 3. Curves\n\nYou learn to draw $w$.\n\n*Before this: nothing.*")),
    Output(Cell("markdown", "## One\n\n$$a = b$$\n\n$$c = d$$")),
    FIGURE,
    FIGURE,
]


def as_it_is(text):
    return f"<p>{text}</p>\n"


def test_title_then_figures_and_an_equation_is_shown_once():
    first, second, third = slides(LESSON, as_it_is)
    assert "<h2>3\\. Curves</h2>" in first
    assert "You learn to draw" in first
    assert "<h2>One</h2>" in second
    assert "$$c = d$$" in second
    assert "$$a = b$$" not in second
    assert "<h2>One</h2>" in third
    assert "$$" not in third
    assert third.count("<img") == 1


def test_a_new_heading_has_its_own_equations():
    heading = Output(Cell("markdown", "## Two\n\nNo equation."))
    *_, last = slides([*LESSON[:2], heading, FIGURE], as_it_is)
    assert "<h2>Two</h2>" in last
    assert "$$" not in last


def test_a_deck_is_one_file_with_numbered_slides():
    text = deck({3: LESSON}, as_it_is)
    assert text.count("<section") == 3
    assert 'id="slide-3"' in text
    assert text.count("<h1") == 1
    assert "http" not in text
