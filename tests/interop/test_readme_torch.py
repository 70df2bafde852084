"""The README's snippet for PyTorch finds its own gradient right."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")
ROOT = Path(__file__).parent.parent.parent


def test_the_snippet_for_torch_says_right():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (snippet,) = re.findall(r"```py\n(.*?)```", readme, re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", "import hgref\n" + snippet],
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("hypergradient: right\n")
