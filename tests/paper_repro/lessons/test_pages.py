"""The pages: they parse, lead nowhere outside, and every formula, figure and link is there."""

import re
import shutil
import subprocess
from base64 import b64decode
from html.parser import HTMLParser

import pytest

from paper_repro.lessons import api, pages
from paper_repro.lessons.page import equations, intent, lesson, title
from paper_repro.lessons.prose import formula, translator
from paper_repro.lessons.script import Cell, Output, read, run, scripts

for module in ("markdown_it", "mdit_py_plugins", "latex2mathml", "nbformat", "pygments"):
    pytest.importorskip(module)

VOID = {"meta", "link", "img", "br", "hr", "input"}
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")


class Page(HTMLParser):
    """What stands in a page: elements that close, references, images, formulas, ids."""

    def __init__(self, text):
        super().__init__()
        self.open, self.references, self.images, self.ids = [], [], [], []
        self.formulas = 0
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        named = dict(attributes)
        self.references += [named[a] for a in ("href", "src", "srcset", "action") if a in named]
        self.ids += [named["id"]] if "id" in named else []
        self.images += [named] if tag == "img" else []
        self.formulas += tag == "math"
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Pages of two lessons."""
    folder = tmp_path_factory.mktemp("pages") / "lessons"
    pages.write({n: list(run(read(scripts()[n]))) for n in (2, 3)}, folder)
    return folder


def test_the_pages_that_are_made(folder):
    made = {"02-reverse", "03-forward"}
    names = {f"{stem}.{kind}" for stem in made for kind in ("html", "ipynb")}
    names |= {"api.html", "index.html", "momentum.html", "slides.html"}
    assert {path.name for path in folder.iterdir()} == names


def test_every_page_parses_and_leads_nowhere_outside(folder):
    found = {p.name: Page(p.read_text(encoding="utf-8")) for p in folder.glob("*.html")}
    notebooks = {p.name for p in folder.glob("*.ipynb")}
    for page in found.values():
        assert len(set(page.ids)) == len(page.ids)
        for reference in page.references:
            file, _, anchor = reference.partition("#")
            inside = reference.startswith(("data:", "#")) or file in {*found, *notebooks}
            assert inside, reference
            if anchor:
                assert anchor in found[file].ids if file else anchor in page.ids, reference
    for path in folder.glob("*.html"):
        assert "http" not in path.read_text(encoding="utf-8")
        assert "@import" not in path.read_text(encoding="utf-8")


def test_every_image_is_there_and_says_what_it_shows(folder):
    for name, count in {"02-reverse.html": 1, "03-forward.html": 2}.items():
        images = Page((folder / name).read_text(encoding="utf-8")).images
        assert len(images) == count
        for image in images:
            assert len(image["alt"]) > 20
            data = b64decode(image["src"].removeprefix("data:image/png;base64,"), validate=True)
            assert data.startswith(b"\x89PNG")


def test_every_formula_became_mathml(folder):
    for n, name in {2: "02-reverse.html", 3: "03-forward.html"}.items():
        prose = "\n".join(c.source for c in read(scripts()[n]) if c.kind == "markdown")
        displayed = len(re.findall(r"\$\$", prose)) // 2
        inline = len(re.findall(r"(?<!\$)\$(?!\$)", prose)) // 2
        text = (folder / name).read_text(encoding="utf-8")
        assert Page(text).formulas == displayed + inline
        outside = re.sub(r"<pre.*?</pre>|<style>.*?</style>", "", text, flags=re.DOTALL)
        assert "$" not in re.sub(r"<img [^>]*>", "", outside)


@pytest.mark.parametrize("number", scripts())
def test_the_prose_of_every_lesson_can_be_a_page(number):
    cells = read(scripts()[number])
    assert title(cells).startswith(f"{number}. ")
    assert len(intent(cells)) > 40
    Page(lesson([Output(cell) for cell in cells], translator({})))


def test_equations_have_their_numbers_and_are_found_from_the_docstrings(folder):
    assert equations(read(scripts()[2])) == ["6", "8", "9", "10"]
    text = (folder / "api.html").read_text(encoding="utf-8")
    assert '<a href="02-reverse.html#equation-8">(8)</a>' in text
    assert 'id="equation-8"' in (folder / "02-reverse.html").read_text(encoding="utf-8")


def test_all_public_names_have_a_section(folder):
    ids = Page((folder / "api.html").read_text(encoding="utf-8")).ids
    names = [name for name, _ in api.public()]
    assert {"hgref.forward", "hgref.outer.minimize", "hgref.fast.cpu.forward"} <= set(names)
    assert set(names) <= set(ids)
    markdown = api.markdown(api.entries())
    assert all(f"### `{name}(" in markdown for name in names)
    assert "`hgref.as_scipy(problem, hypergradient=reverse, like=None, wrt=None)`" in markdown
    assert " at 0x" not in markdown


def test_everything_is_escaped():
    outputs = [
        Output(Cell("markdown", '# <b>1</b>\n\n<script>x</script> `<i>` [a](b"c)')),
        Output(Cell("code", "a = '<b>'"), "1 < 2 & 3\n", (b"\x89PNG",), ('a "<b>"',)),
    ]
    text = lesson(outputs, translator({}))
    assert not re.search(r"<(b|i|script)>", text)
    assert "1 &lt; 2 &amp; 3" in text
    assert Page(text).images[0]["alt"] == 'a "<b>"'


def test_what_is_no_formula_is_refused():
    with pytest.raises(ValueError, match=r"formula: expected LaTeX .*, found '\\\\alpho'"):
        formula(r"\alpho", {"display_mode": False})


def test_names_in_code_become_links():
    text = translator({"hgref.forward": "api.html#hgref.forward"})("`hgref.forward(problem)` `x`")
    link = '<a href="api.html#hgref.forward"><code>hgref.forward(problem)</code></a>'
    assert text == f"<p>{link} <code>x</code></p>\n"


MEASURE = """<script>
const heights = [...document.querySelectorAll("math")].map(m => m.getBoundingClientRect().height);
document.title = [document.documentElement.scrollWidth, innerWidth, Math.min(...heights)].join(" ");
</script></body>"""


@pytest.mark.skipif(BROWSER is None, reason="wants chromium")
def test_a_browser_lays_the_page_out_for_a_phone(folder, tmp_path):
    """Nothing sticks out, every formula has a height, and the console stays empty."""
    text = (folder / "02-reverse.html").read_text(encoding="utf-8")
    (tmp_path / "page.html").write_text(text.replace("</body>", MEASURE), encoding="utf-8")
    quiet = "no-sandbox disable-gpu disable-quic no-first-run disable-background-networking"
    names = f"headless {quiet} disable-component-update disable-sync dump-dom".split()
    done = subprocess.run(
        [BROWSER, *(f"--{name}" for name in names), f"--user-data-dir={tmp_path / 'profile'}",
         "--enable-logging=stderr", "--window-size=500,900", (tmp_path / "page.html").as_uri()],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert "CONSOLE" not in done.stderr
    wide, window, lowest = re.search(r"<title>(\d+) (\d+) (\d+)", done.stdout).groups()
    assert int(wide) <= int(window)
    assert int(lowest) > 8
