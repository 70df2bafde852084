"""Markdown with formulas as HTML with MathML, and Python with its words marked."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from html import escape
from typing import Any

NUMBERED = re.compile(r"(?P<formula>.*?)\\q?quad\s*\((?P<number>\d+|PHO)\)", re.DOTALL)
NOT_UNDERSTOOD = re.compile(r"\\|>&<")
EXTRA = 'pages want the extra `lessons`: python -m pip install -e ".[lessons]"'


def translator(links: Mapping[str, str]) -> Callable[[str], str]:
    """A function from Markdown to HTML; text is escaped, and `names` in code become links.

    links   what stands in code → where it is explained
    Raises  ModuleNotFoundError, with the command that helps, without the extra `lessons`
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
    """One formula as MathML; a number (8) at the end of a displayed one becomes its mark.

    Raises  ValueError for what the library did not understand
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
    return re.sub(r' xmlns="[^"]*"', "", drawn)  # in HTML the name alone tells


def python(source: str) -> str:
    """Python with spans around its keywords, strings and comments."""
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    marked = highlight(source, PythonLexer(stripnl=False), HtmlFormatter(nowrap=True))
    return f'<pre class="code" tabindex="0"><code>{marked.rstrip()}</code></pre>'


def preformatted(text: str, kind: str) -> str:
    return f'<pre class="{kind}" tabindex="0">{escape(text.rstrip())}</pre>'
