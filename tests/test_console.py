"""The command lines on any terminal, and without the extras."""

import os
import subprocess
import sys

import pytest

from hgref.console import EXTRAS, in_a_line

COMMANDS = [["hgref", "--help"], ["hgref", "check", "--help"], ["paper_repro", "--list"],
            ["paper_repro", "hyper-cleaning", "--help"]]  # fmt: skip


@pytest.mark.parametrize(
    ("command", "encoding"), list(zip(COMMANDS, ["cp1252", "ascii"] * 2, strict=True))
)
def test_every_terminal_shows_the_output(command, encoding):
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    run = subprocess.run([sys.executable, "-m", *command], env=environment, capture_output=True)
    assert run.returncode == 0, run.stderr.decode(encoding)
    assert run.stdout


def test_a_report_on_a_terminal_without_greek(tmp_path):
    code = "from hgref.console import any_terminal; any_terminal(); print('∇f(λ) at ε = 0')"
    environment = {**os.environ, "PYTHONIOENCODING": "cp1252"}
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True)
    assert run.stdout.decode("cp1252").strip() == "?f(?) at ? = 0"


@pytest.mark.parametrize(("extra", "packages"), EXTRAS.items())
def test_a_missing_package_names_its_extra(extra, packages):
    for package in packages:
        error = ModuleNotFoundError(f"No module named '{package}'", name=f"{package}.part")
        assert f"hgref[{extra}]" in in_a_line(error)


def test_an_error_is_one_line():
    assert in_a_line(ValueError("a\n  b")) == "a b"
    assert in_a_line(MemoryError()) == "MemoryError"
    assert in_a_line(ModuleNotFoundError("No module named 'x'", name="x")) == "No module named 'x'"
