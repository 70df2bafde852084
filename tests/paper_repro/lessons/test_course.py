"""The course as it is kept in figures/lessons: current, complete, and open to every reader."""

import json
import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest

from paper_repro.lessons import pages, slides
from paper_repro.lessons.page import STYLE, title
from paper_repro.lessons.script import read, scripts

FOLDER = Path(__file__).parents[3] / "figures" / "lessons"
PAGES = sorted(path.name for path in FOLDER.glob("*.html"))
LARGEST = 15_000_000  # bytes of all
LOWEST = 4.5  # contrast of text, as WCAG 2.1 asks for
of_each_lesson = pytest.mark.parametrize("number", scripts())


def file_of(number, kind):
    return FOLDER / f"{scripts()[number].stem.replace('_', '-')}.{kind}"


@of_each_lesson
def test_the_notebook_has_the_cells_of_the_script(number):
    notebook = json.loads(file_of(number, "ipynb").read_text(encoding="utf-8"))
    kinds = [cell["cell_type"] for cell in notebook["cells"]]
    sources = ["".join(cell["source"]) for cell in notebook["cells"]]
    cells = read(scripts()[number])
    assert (kinds, sources) == ([c.kind for c in cells], [c.source for c in cells])
    outputs = [o for cell in notebook["cells"] for o in cell.get("outputs", ())]
    assert any(o["output_type"] == "display_data" for o in outputs)
    assert not any(o["output_type"] == "error" for o in outputs)


@of_each_lesson
def test_the_page_has_the_code_and_the_title_of_the_script(number):
    text = file_of(number, "html").read_text(encoding="utf-8")
    blocks = re.findall(r'<pre class="code" tabindex="0"><code>(.*?)</code></pre>', text, re.DOTALL)
    shown = [unescape(re.sub(r"<[^>]*>", "", block)).strip() for block in blocks]
    cells = read(scripts()[number])
    assert shown == [cell.source.strip() for cell in cells if cell.kind == "code"]
    assert f"<h1>{title(cells)}</h1>" in text


@of_each_lesson
def test_the_page_the_notebook_and_the_slides_are_of_one_run(number):
    cells = json.loads(file_of(number, "ipynb").read_text(encoding="utf-8"))["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", ())]
    printed = ["".join(o["text"]).rstrip() for o in outputs if o["output_type"] == "stream"]
    drawn = [o["data"]["image/png"] for o in outputs if o["output_type"] == "display_data"]
    text = file_of(number, "html").read_text(encoding="utf-8")
    blocks = re.findall(r'<pre class="output" tabindex="0">(.*?)</pre>', text, re.DOTALL)
    assert [unescape(block) for block in blocks] == [one for one in printed if one.strip()]
    deck = (FOLDER / "slides.html").read_text(encoding="utf-8")
    for one in drawn:
        assert one.strip() in text
        assert one.strip() in deck


def test_what_surrounds_the_lessons_is_current():
    assert pages.moving() in (FOLDER / "momentum.html").read_text(encoding="utf-8")
    for name in PAGES:
        style = slides.STYLE if name == "slides.html" else STYLE
        assert style.read_text(encoding="utf-8") in (FOLDER / name).read_text(encoding="utf-8")


def test_all_of_it_is_there_and_small():
    names = {"index.html", "api.html", "slides.html", "momentum.html"}
    names |= {file_of(n, kind).name for n in scripts() for kind in ("html", "ipynb")}
    assert {path.name for path in FOLDER.iterdir()} == names
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < LARGEST


class Page(HTMLParser):
    """What a reader needs of a page: headings, links, images, fields and their labels, ids."""

    def __init__(self, text):
        super().__init__()
        self.headings, self.links, self.images = [], [], []
        self.ids, self.fields, self.labels = [], [], []
        self.language, self.words = None, {}
        self.inside = None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        named = dict(attributes)
        self.ids += [named["id"]] if "id" in named else []
        self.language = named.get("lang") if tag == "html" else self.language
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag == "a":
            self.links.append([named["href"], named.get("aria-label", "")])
            self.inside = self.links[-1]
        self.images += (
            [named.get("alt") or named.get("aria-label")] if tag in ("img", "svg") else []
        )
        self.fields += [named["id"]] if tag == "input" else []
        self.labels += [named["for"]] if tag == "label" else []

    def handle_data(self, data):
        if self.inside is not None:
            self.inside[1] += data

    def handle_endtag(self, tag):
        self.inside = None if tag == "a" else self.inside


def page(name):
    return Page((FOLDER / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", PAGES)
def test_a_screen_reader_finds_its_way(name):
    found = page(name)
    assert found.language == "en"
    assert found.headings[0] == 1
    assert found.headings.count(1) == 1
    steps = zip(found.headings[:-1], found.headings[1:], strict=True)
    assert all(after <= before + 1 for before, after in steps)  # no level is left out
    assert all(text and len(text) > 20 for text in found.images)
    assert all(words.strip() for _, words in found.links)
    assert set(found.fields) <= set(found.labels)
    assert len(set(found.ids)) == len(found.ids)


def test_every_link_leads_somewhere():
    ids = {name: set(page(name).ids) for name in PAGES}
    for name in PAGES:
        for link, _ in page(name).links:
            file, _, anchor = link.partition("#")
            assert (FOLDER / (file or name)).is_file(), link
            assert not anchor or anchor in ids[file or name], link


def linear(channel):
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4


def luminance(colour):
    channels = (int(colour[j : j + 2], 16) / 255 for j in (1, 3, 5))
    return sum(w * linear(c) for w, c in zip((0.2126, 0.7152, 0.0722), channels, strict=True))


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_colours_can_be_read_by_day_and_by_night():
    style = (FOLDER / "index.html").read_text(encoding="utf-8").partition("</style>")[0]
    day, night, _ = (
        dict(re.findall(r"--(\w+): (#[0-9a-f]{6})\b", block))
        for block in re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    )
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    for colours in (day, night):
        for text in ("ink", "link", "grey", "string"):
            for ground in ("paper", "code"):
                assert contrast(colours[text], colours[ground]) > LOWEST, (text, ground)
    assert ":focus-visible { outline: 2px solid" in style
