"""The reference of all public names, with signatures and docstrings, as HTML and Markdown."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from types import ModuleType
from typing import Any

MODULES = {  # in reading order: module → what it is for
    "hgref": "Dynamics, problems, algorithms",
    "hgref.objectives": "Training objectives and validation errors",
    "hgref.constraints": "Projections",
    "hgref.transforms": "Hyperparameters as people parametrise them",
    "hgref.outer": "The outer loop",
    "hgref.verify.witness": "Outside witnesses",
    "hgref.verify": "Right or wrong, and why",
    "hgref.verify.jacobians": "A_t and B_t, to look at",
    "hgref.interop.torch": "Losses, steps and maps written in PyTorch",
    "hgref.interop.jax": "Losses, steps and maps written in JAX",
    "hgref.fast.cpu": "The same, fast",
}
ABSENT = "Not installed where this page was made."
NUMBER = re.compile(r"\((\d+|PHO)\)")
LAMBDA = re.compile(r"<function \S*<lambda> at \w+>")
NAMED = re.compile(r"<(?:function|class) '?([\w.]+)[^>]*>")  # a function or class as default value
CITED = re.compile(r"eq\. \((?:\d+|PHO)\)(?:, \((?:\d+|PHO)\))*")


@dataclass(frozen=True)
class Entry:
    """One public name with its signature and docstring; `parts` are a class's own methods."""

    name: str
    signature: str
    text: str
    parts: tuple[Entry, ...] = ()


def public() -> Iterator[tuple[str, Any]]:
    """Yield (name, function or class); each object once, under the first module that has it."""
    seen: set[int] = set()
    for module_name in MODULES:
        module = loaded(module_name)
        for name in names(module) if module else ():
            item = getattr(module, name)
            own = getattr(item, "__module__", "").startswith("hgref")
            if own and callable(item) and id(item) not in seen:
                seen.add(id(item))
                yield f"{module_name}.{name}", item


def loaded(name: str) -> ModuleType | None:
    """Import the module; None if the framework that it needs is not installed."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as missing:
        if (missing.name or "hgref").startswith("hgref"):
            raise
        return None


def names(module: ModuleType) -> list[str]:
    """A module's public names, in its own order."""
    listed = getattr(module, "__all__", None)
    if listed is not None:
        return list(listed)
    here = ((n, x) for n, x in vars(module).items() if n[0] != "_" and callable(x))
    return [n for n, x in here if getattr(x, "__module__", "") == module.__name__]


def entries() -> dict[str, list[Entry]]:
    """The entries of each module; [] if the framework that it needs is not installed."""
    found: dict[str, list[Entry]] = {module: [] for module in MODULES}
    for name, item in public():
        found[name.rpartition(".")[0]].append(entry(name, item))
    return found


def entry(name: str, item: Any) -> Entry:
    methods = vars(item).items() if inspect.isclass(item) else ()
    own = ((n, m) for n, m in methods if n[0] != "_" and inspect.isfunction(m) and m.__doc__)
    parts = tuple(entry(f"{name}.{n}", method) for n, method in own)
    return Entry(name, signature(item), inspect.getdoc(item) or "", parts)


def signature(item: Any) -> str:
    """The signature without types; the docstring gives the shapes of the arguments instead."""
    found = inspect.signature(item)
    arguments = (p for p in found.parameters.values() if p.name != "self")
    plain = [p.replace(annotation=inspect.Parameter.empty) for p in arguments]
    text = str(found.replace(parameters=plain, return_annotation=inspect.Signature.empty))
    return NAMED.sub(r"\1", LAMBDA.sub("…", text))


# --- as HTML ---


def page(found: Mapping[str, list[Entry]], derived: Mapping[str, str]) -> str:
    """The body of api.html; `derived` maps the number of an equation to its lesson's page."""
    return "\n".join(
        ["<h1>All public names</h1>", *(chapter(name, found[name], derived) for name in found)]
    )


def chapter(module: str, found: list[Entry], derived: Mapping[str, str]) -> str:
    heading = f"<h2>{escape(module)}: {escape(MODULES[module])}</h2>"
    if not found:
        return f"{heading}\n<p>{ABSENT}</p>"
    links = (f'<li><a href="#{e.name}">{e.name.rpartition(".")[2]}</a></li>' for e in found)
    bodies = (section(e, derived) for e in found)
    return "\n".join([heading, f'<ul class="names">{"".join(links)}</ul>', *bodies])


def section(one: Entry, derived: Mapping[str, str]) -> str:
    """One entry, with the entries of its methods inside."""

    def linked(cited: re.Match[str]) -> str:
        return NUMBER.sub(to_lesson, cited[0])

    def to_lesson(number: re.Match[str]) -> str:
        file = derived.get(number[1])
        return f'<a href="{file}#equation-{number[1]}">{number[0]}</a>' if file else number[0]

    module, _, name = one.name.rpartition(".")
    head = f"<h3><code>{escape(module)}.<b>{escape(name)}</b>{escape(one.signature)}</code></h3>"
    text = f'<pre class="doc" tabindex="0">{CITED.sub(linked, escape(one.text))}</pre>'
    inner = "".join(section(part, derived) for part in one.parts)
    return f'<section id="{escape(one.name)}">{head}\n{text}{inner}</section>'


def links(found: Mapping[str, list[Entry]]) -> dict[str, str]:
    """Public name → its place in api.html."""
    return {e.name: f"api.html#{e.name}" for some in found.values() for e in some}


# --- as Markdown ---


def markdown(found: Mapping[str, list[Entry]]) -> str:
    lines = ["# All public names", "", "Made by `python -m paper_repro lessons`.", ""]
    for module, some in found.items():
        lines += [f"## {module}: {MODULES[module]}", ""]
        lines += [line for one in some for line in item(one)] or [ABSENT, ""]
    return "\n".join(lines)


def item(one: Entry) -> list[str]:
    text = ["```text", one.text, "```", ""]
    inner = [line for part in one.parts for line in item(part)]
    return [f"### `{one.name}{one.signature}`", "", *text, *inner]
