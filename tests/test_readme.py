"""What the README says is so: its code, its output, its equations, its table, its commands."""

import contextlib
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from hgref.__main__ import parser as hgref_parser
from paper_repro.__main__ import parser as paper_repro_parser

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
NUMBER = r"\((?:\d+|PHO)\)"


def run(code):
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8", cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_first_snippet_prints_what_stands_under_it():
    lines = [line for line in SNIPPETS[0].splitlines() if line.strip()]
    assert len(lines) == 12
    printed = re.search(r"```text\n(.*?)```", README, re.DOTALL).group(1)
    found = run(SNIPPETS[0]).splitlines()
    assert len({line.partition("[")[2] for line in found}) == 1  # four witnesses, one gradient
    for line, expected in zip(found, printed.splitlines(), strict=True):
        assert line.partition("[")[0] == expected.partition("[")[0]
        numbers = [float(x) for x in line.partition("[")[2].rstrip("]").split()]
        digits = [float(x) for x in expected.partition("[")[2].rstrip("]").split()]
        assert numbers == pytest.approx(digits, abs=2e-8)


def test_the_later_snippets_run():
    shapes = "print([getattr(x, 'shape', ()) for x in (g.f, g['beta2'], g['weights'], g.s_T)])"
    assert run("\n".join([*SNIPPETS[:2], shapes])).splitlines()[-1] == "[(), (), (20,), (54,)]"


def test_the_diagnosis_is_what_stands_under_it():
    _, known, unknown = re.findall(r"```text\n(.*?)```", README, re.DOTALL)[:3]
    assert run("\n".join(SNIPPETS)).endswith(known + unknown)


def equation_table():
    """(number, file) of each row of the table of equations."""
    section = README.partition("## Where each equation")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (\(\w+\)|Algorithm 1) \| .* \| `(.*)` \|$", section, re.MULTILINE)
    assert len(rows) == section.count("\n| ") - 2
    return rows


@pytest.mark.parametrize(("number", "file"), equation_table())
def test_each_equation_is_cited_in_its_file(number, file):
    assert number in (ROOT / file).read_text(encoding="utf-8")


def test_each_equation_cited_in_the_code_is_in_the_table():
    known = {number for number, _ in equation_table()}
    for folder in ("hgref", "paper_repro"):
        for path in (ROOT / folder).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            for cited in re.findall(rf"eq\. ({NUMBER}(?:, {NUMBER})*)", text):
                assert set(cited.split(", ")) <= known, path
            assert text.count("eq. ") == len(re.findall(rf"eq\. {NUMBER}", text)), path


def test_pictures_and_files_that_are_named_exist():
    headings = {
        "#" + re.sub(r"[^\w -]", "", line.lower()).strip().replace(" ", "-")
        for line in README.splitlines()
        if line.startswith("#")
    }
    for link in re.findall(r"\]\((.*?)\)", README):
        assert link in headings or (ROOT / link).is_file(), link


PROGRAMS = {"paper_repro": paper_repro_parser, "hgref": hgref_parser}


def commands():
    """Each command of the README that calls Python, without what stands after it."""
    for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL):
        for line in block.splitlines():
            for command in line.partition("  #")[0].split(" && "):
                yield command.strip()


@pytest.mark.parametrize("command", dict.fromkeys(commands()))
def test_every_command_is_one_that_its_program_knows(command):
    words = shlex.split(command)
    if words[:2] == ["python", "-m"] and words[2] in PROGRAMS:
        with pytest.raises(SystemExit) if "--help" in words else contextlib.nullcontext():
            PROGRAMS[words[2]]().parse_args(words[3:])  # exits where it does not know them
    elif words[:4] == ["python", "-m", "pip", "install"]:
        extras = re.findall(r"[\w]+", words[-1])
        text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
        assert all(re.search(rf"^{extra} = \[", text, re.MULTILINE) for extra in extras)
    elif words[:3] == ["python", "-m", "pytest"]:
        assert words[3:] in ([], ["-m", "gpu"])
    else:
        assert words[0] == "python"
        assert (ROOT / words[1]).is_file()


def test_ci_calls_the_commands_of_the_readme():
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert 'python -m pip install -e ".[test]" && python -m pytest' in README
    assert 'python -m pip install -e ".[test]" && python -m pytest' in ci
