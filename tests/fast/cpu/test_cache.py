"""What is kept on disk is never older than the sources it was made from."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import hgref
from hgref.fast.cpu.compiled import sources

PROGRAM = """
import hgref
from hgref.fast import cpu
from hgref.objectives import Quadratic
J, E = Quadratic([[2.0]], [1.0]), Quadratic([[1.0]], [3.0])
problem = hgref.Problem(hgref.GradientDescent(J), E, 4)
print(hgref.__file__)
print(repr(float(cpu.reverse(problem, {"eta": 0.1}).grad[0])))
print(repr(float(hgref.reverse(problem, {"eta": 0.1}).grad[0])))
"""


def run(folder):
    environment = {**os.environ, "PYTHONPATH": str(folder), "NUMBA_CACHE_DIR": "", "NUMBA_OPT": "1"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True, text=True, check=True, env=environment, cwd=folder,
    )  # fmt: skip
    where, fast, readable = done.stdout.splitlines()
    assert Path(where).parent.parent == folder
    return float(fast), float(readable)


def test_an_edited_law_is_seen_by_the_next_process(tmp_path):
    package = shutil.copytree(
        Path(hgref.__file__).parent,
        tmp_path / "hgref",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    fast, readable = run(tmp_path)
    assert abs(fast - readable) < 1e-13
    kept = list((package / "fast" / "cpu" / "__pycache__").glob("*.nbc"))
    assert kept, "nothing was kept on disk: this test would show nothing"
    laws = package / "laws.py"
    before = laws.read_text(encoding="utf-8")
    after = before.replace(
        "return b_w, -eta * b_w, -g * b_w", "return b_w, -eta * b_w, -2 * g * b_w"
    )
    assert before != after
    laws.write_text(after, encoding="utf-8")
    wrong, as_readable = run(tmp_path)
    assert abs(wrong - 2 * fast) < 1e-12  # the share of eta is twice what it was
    assert abs(wrong - as_readable) < 1e-12


def test_the_name_on_disk_depends_on_every_file_that_is_compiled():
    folder = Path(hgref.__file__).parent
    assert set(sources()) == {folder / "laws.py"} | set((folder / "fast" / "cpu").glob("*.py"))
