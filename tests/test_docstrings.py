"""What the docstrings of all public names have to say: arguments, shapes, cost, equations."""

import dataclasses
import inspect
import re

import pytest
from test_readme import equation_table

from paper_repro.lessons.api import public

ORDER = ["Raises", "Cost", "Exact", "Beware", "Source"]
EVERYWHERE = {"self", "problem", "J"}  # the same thing wherever they stand
ARRAYS = {
    "lam", "s", "x", "v", "w0", "grad", "directions", "X", "y", "A", "b", "secondary",
    "candidate", "lo", "hi",
}  # fmt: skip
SHAPE = re.compile(r"\(\w[^()]*,[^()]*\)|\b(as in|see|as) ")
LABEL = re.compile(r"(\S[^ ]*(?:(?:, | and | = )\S+)*)\s{2,}(\S.*)")
NAMES = dict(public())


def described(item):
    """{label: what stands beside it and below it}; a label for several names counts for each."""
    found, labels = {}, []
    for line in inspect.getdoc(item).splitlines():
        match = LABEL.fullmatch(line)
        if match:
            labels = re.split(r", | and ", match[1])
            found.update(dict.fromkeys(labels, match[2]))
        elif line.startswith(" "):
            found.update({label: f"{found[label]} {line.strip()}" for label in labels})
        else:
            labels = []
    return found


def is_record(item):
    """Whether it holds what was found out, and does nothing."""
    return inspect.isclass(item) and (
        issubclass(item, Exception)
        or (dataclasses.is_dataclass(item) and not hasattr(item, "update"))
    )


def arguments(item):
    """Names of its arguments, less those that are the same everywhere."""
    kinds = (inspect.Parameter.VAR_KEYWORD,)
    found = inspect.signature(item).parameters.values()
    return [p.name for p in found if p.kind not in kinds and p.name not in EVERYWHERE]


@pytest.mark.parametrize(("name", "item"), NAMES.items())
def test_the_parts_stand_in_order(name, item):
    lines = [line.split() for line in inspect.getdoc(item).splitlines()]
    parts = [line[0] for line in lines if line and line[0] in ORDER]
    assert parts == [part for part in ORDER if part in parts]


@pytest.mark.parametrize(("name", "item"), NAMES.items())
def test_cost_and_source_are_told(name, item):
    if not is_record(item):
        assert {"Cost", "Source"} <= set(described(item))


@pytest.mark.parametrize(("name", "item"), NAMES.items())
def test_every_argument_is_named(name, item):
    text, found = inspect.getdoc(item), described(item)
    for argument in arguments(item):
        named = argument in found or re.search(rf"\b{argument}\b", text)
        assert named or "others" in found, argument


@pytest.mark.parametrize(("name", "item"), NAMES.items())
def test_arrays_have_shapes(name, item):
    found = described(item)
    for argument in arguments(item):
        if argument in ARRAYS and argument in found:
            assert SHAPE.search(found[argument]), argument


@pytest.mark.parametrize(("name", "item"), NAMES.items())
def test_what_is_returned_is_told(name, item):
    if inspect.isfunction(item) and inspect.signature(item).return_annotation not in ("None", None):
        first = inspect.getdoc(item).partition("\n")[0]
        assert "returns" in described(item) or re.search(r"\(\w*,\)", first)


@pytest.mark.parametrize(("name", "item"), NAMES.items())
def test_equations_are_in_the_readmes_table(name, item):
    known = {number for number, _ in equation_table()}
    for cited in re.findall(r"eq\. (.*)", inspect.getdoc(item)):
        numbers = re.findall(r"\(\w+\)", cited)
        assert numbers
        assert set(numbers) <= known
