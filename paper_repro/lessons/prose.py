"""Translate Markdown with formulas to HTML with MathML, and highlight Python."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from html import escape
from typing import Any

NUMBERED = re.compile(r"(?P<formula>.*?)\\q?quad\s*\((?P<number>\d+|PHO)\)", re.DOTALL)
NOT_UNDERSTOOD = re.compile(r"\\|>&<")
EXTRA = 'pages need the extra `lessons`: python -m pip install -e ".[lessons]"'


def translator(links: Mapping[str, str]) -> Callable[[str], str]:
    """A function from Markdown to HTML that escapes text and links `names` in code.

    links   name in code → the page that explains it
    Raises  ModuleNotFoundError without the extra `lessons`, with the command that installs it
    """
    try:
        from markdown_it import MarkdownIt
        from mdit_py_plugins.dollarmath import dollarmath_plugin
    except ModuleNotFoundError as missing:
        raise ModuleNotFoundError(EXTRA, name=missing.name) from missing

    def code(self: Any, tokens: Any, j: int, *_: Any) -> str:
        name = tokens[j].content
        text = f"<code>{escape(name)}</code>"
        link = links.get(name.partition("(")[0])
        return f'<a href="{escape(link)}">{text}</a>' if link else text

    def fence(self: Any, tokens: Any, j: int, *_: Any) -> str:
        return preformatted(tokens[j].content, "code")

    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    markdown.use(dollarmath_plugin, renderer=formula, allow_labels=False, double_inline=True)
    markdown.add_render_rule("code_inline", code)
    markdown.add_render_rule("fence", fence)
    markdown.add_render_rule("code_block", fence)
    markdown.add_render_rule("table_open", lambda *_: '<div class="scroll"><table>')
    markdown.add_render_rule("table_close", lambda *_: "</table></div>")
    return markdown.render


def formula(latex: str, where: dict[str, bool]) -> str:
    """One formula as MathML; a displayed formula that ends in a number such as (8) gets an anchor.

    Raises  ValueError for LaTeX that the library cannot translate
    """
    latex = latex.strip()
    if not where["display_mode"]:
        return mathml(latex, "inline")
    number = NUMBERED.fullmatch(latex)
    if number is None:
        return f'<div class="equation">{mathml(latex, "block")}</div>'
    mark = number["number"]
    drawn = mathml(number["formula"], "block")
    return f'<div class="equation" id="equation-{mark}">{drawn}<span>({mark})</span></div>'


def mathml(latex: str, display: str) -> str:
    from latex2mathml.converter import convert

    drawn = convert(latex.replace("{aligned}", "{align*}"), display=display)
    unknown = NOT_UNDERSTOOD.search(drawn)
    if unknown:
        raise ValueError(f"formula: expected LaTeX that becomes MathML, found {latex!r}")
    return re.sub(r' xmlns="[^"]*"', "", drawn)  # HTML knows the element by name


def python(source: str) -> str:
    """Python source as HTML, with spans around keywords, strings and comments."""
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    marked = highlight(source, PythonLexer(stripnl=False), HtmlFormatter(nowrap=True))
    return f'<pre class="code" tabindex="0"><code>{marked.rstrip()}</code></pre>'


def preformatted(text: str, kind: str) -> str:
    return f'<pre class="{kind}" tabindex="0">{escape(text.rstrip())}</pre>'
