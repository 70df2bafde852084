"""The README's snippets for PyTorch and optax find their own gradients right."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"```py\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize(
    ("framework", "snippet"), list(zip(("torch", "optax", "torch", "optax"), SNIPPETS, strict=True))
)
def test_the_snippet_says_right(framework, snippet):
    pytest.importorskip(framework)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", "import numpy as np\nimport hgref\n" + snippet],
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("hypergradient: right\n"), done.stdout
