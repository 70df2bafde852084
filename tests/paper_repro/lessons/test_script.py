"""Scripts in percent format, read and run."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from paper_repro.lessons.script import Cell, read, run

SCRIPT = """# %% [markdown]
# # 1. A title
#
# Prose with $x_1$.
#     indented

# %%
import inspect
import matplotlib.pyplot as plt


def double(x):
    return 2 * x


print(inspect.getsource(double))

# %%
fig, ax = plt.subplots()
ax.plot([1, double(2)])
ax.set(xlabel="step t", ylabel="loss", title="A title\\nof two lines")
plt.show()
fig, ax = plt.subplots()

# %%
answer_1 = None  # your gradient here
print("answer", answer_1)
"""


@pytest.fixture
def cells(tmp_path):
    (tmp_path / "01_title.py").write_text(SCRIPT, encoding="utf-8")
    return read(tmp_path / "01_title.py")


def test_cells_are_read(cells):
    assert [cell.kind for cell in cells] == ["markdown", "code", "code", "code"]
    assert cells[0].source == "# 1. A title\n\nProse with $x_1$.\n    indented"
    assert cells[3].source.startswith("answer_1 = None")


def test_text_before_the_first_mark_is_refused(tmp_path):
    (tmp_path / "script.py").write_text("x = 1\n# %%\n", encoding="utf-8")
    with pytest.raises(ValueError, match="expected # %% as the first line, found 'x = 1'"):
        read(tmp_path / "script.py")


def test_cells_share_a_namespace_and_give_text_and_figures(cells):
    show, open_before = plt.show, plt.get_fignums()
    prose, code, figures, exercise = run(cells)
    assert (prose.text, prose.figures) == ("", ())
    assert code.text == "def double(x):\n    return 2 * x\n\n"
    assert len(figures.figures) == 2
    assert all(png.startswith(b"\x89PNG") for png in figures.figures)
    assert figures.captions == ("A title of two lines; loss against step t", "a figure")
    assert exercise.text == "answer None\n"
    assert plt.show is show
    assert plt.get_fignums() == open_before


def test_answers_take_the_place_of_none(cells):
    *_, output = run(cells, {"answer_1": r"answer_1 = double(21)  # \1"})
    assert output.text == "answer 42\n"
    with pytest.raises(ValueError, match="found 'answer_2'"):
        list(run(cells, {"answer_2": "answer_2 = 1"}))


def test_print_options_stay_in_the_script():
    before = np.get_printoptions()
    cells = [
        Cell("code", "import numpy as np; np.set_printoptions(precision=2)"),
        Cell("code", "print(np.array([1 / 3]))"),
    ]
    assert [output.text for output in run(cells)] == ["", "[0.33]\n"]
    assert np.get_printoptions() == before


def test_what_a_cell_raises_names_its_line():
    with pytest.raises(ZeroDivisionError) as caught:
        list(run([Cell("code", "x = 0\n1 / x")]))
    last = caught.traceback[-1]
    assert (str(last.path), last.lineno) == ("<cell 1>", 1)
