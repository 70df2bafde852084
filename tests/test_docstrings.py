"""Docstrings of all public names: arguments, shapes, cost, equations, and examples that run."""

import dataclasses
import doctest
import functools
import inspect
import multiprocessing
import re
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest
from test_readme import equation_table

import hgref
from paper_repro.lessons.api import public

ORDER = ["Raises", "Cost", "Exact", "Beware", "Source", "Example"]
EVERYWHERE = {"self", "problem", "J"}  # have the same meaning everywhere
ARRAYS = {
    "lam", "s", "x", "v", "w0", "grad", "directions", "X", "y", "A", "b", "secondary",
    "candidate", "lo", "hi",
}  # fmt: skip
SHAPE = re.compile(r"\(\w[^()]*,[^()]*\)|\b(as in|see|as) ")
LABEL = re.compile(r"(\S[^ ]*(?:(?:, | and | = )\S+)*)\s{2,}(\S.*)")
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
NAMES = dict(public())


def described(item):
    """{label: its text}; a label of several names has one entry for each."""
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
    """Whether it only holds results."""
    return inspect.isclass(item) and (
        issubclass(item, (Exception, tuple))
        or (dataclasses.is_dataclass(item) and not hasattr(item, "update"))
    )


def arguments(item):
    """Names of its arguments, except those with the same meaning everywhere."""
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


def example(name):
    return inspect.getdoc(NAMES[name]).partition("\nExample\n")[2]


def failures(names):
    """{name: what doctest reports about its example}, without those that pass."""
    found = {}
    for name in names:
        space = {"hgref": hgref, "np": np}
        test = doctest.DocTestParser().get_doctest(example(name), space, name, None, 0)
        reports = []
        doctest.DocTestRunner(optionflags=FLAGS).run(test, out=reports.append)
        if reports:
            found[name] = "".join(reports)
    return found


@functools.cache
def failures_of_jax():
    """`failures` of hgref.interop.jax in a new process: once JAX has run, a fork is a warning."""
    names = [name for name in NAMES if name.startswith("hgref.interop.jax.") and example(name)]
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as executor:
        return executor.submit(failures, names).result()


@pytest.mark.parametrize(("name", "item"), NAMES.items())
def test_the_example_runs(name, item):
    assert example(name) or is_record(item), "expected an Example"
    with_jax = name.startswith("hgref.interop.jax.")
    found = failures_of_jax() if with_jax else failures([name])
    assert name not in found, found[name]
