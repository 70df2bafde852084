"""The package as a whole: what importing costs, how it is layered, who prints."""

import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_importing_loads_neither_numba_nor_matplotlib_nor_scipy():
    code = "import sys, hgref; print([m for m in sys.modules if m.partition('.')[0] in " + (
        "('numba', 'matplotlib', 'scipy', 'tqdm', 'hypothesis')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


LAYERS = [  # a module may import from its own layer or from one above it in this list
    {"arguments", "laws", "files"},
    {"layout", "nested"},
    {"transforms"},
    {"at", "console"},
    {"objectives"},
    {"dynamics"},
    {"run"},
    {"problem"},
    {"constraints", "descent"},
    {"hypergradient"},
    {"outer", "verify"},
    {"fast"},
    {"planning"},
    {"interop", "__main__"},
]


def imported(path):
    """First parts of the names under hgref that a module imports when it is loaded."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    later = {
        id(node)
        for branch in ast.walk(tree)
        if isinstance(branch, ast.If) and ast.unparse(branch.test) == "TYPE_CHECKING"
        for node in ast.walk(branch)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and id(node) not in later:
            parts = (node.module or "").split(".")
            if parts[0] == "hgref":
                yield from [parts[1]] if parts[1:] else [alias.name for alias in node.names]


def test_imports_go_downwards():
    level = {name: j for j, names in enumerate(LAYERS) for name in names}
    for path in (ROOT / "hgref").rglob("*.py"):
        here = path.relative_to(ROOT / "hgref").parts[0].removesuffix(".py")
        if here == "__init__":
            continue
        for name in imported(path):
            assert level[name] <= level[here], f"{path} imports {name}"


def test_no_prints_and_no_addresses():
    for path in [*(ROOT / "hgref").rglob("*.py"), *(ROOT / "paper_repro").rglob("*.py")]:
        text = path.read_text(encoding="utf-8")
        calls = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call))
        prints = any(ast.unparse(call.func) == "print" for call in calls)
        programs = ("__main__.py", "command.py", "consumer.py", "generate.py", "exercise.py")
        lesson = path.parent.name == "lessons" and path.name[:2].isdigit()
        script = path.parent.name == "reproducers"  # to be shown to a library's maintainers
        assert not prints or path.name in programs or lesson or script, path
        assert "http" not in text, path
