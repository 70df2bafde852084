"""Find the generated corpus, or generate it in a separate process."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO, Any

import paper_repro
from paper_repro.data.speech.recipe import Recipe

INSTALL = 'espeakng-loader is not installed: run python -m pip install -e ".[speech]"'


def generated_corpus(root: Path, recipe: Recipe, bar: Any = None) -> Path:
    """The folder with the corpus of this recipe, in TIMIT's layout; it is generated if missing.

    root     the folder of the data; its subfolder `speech` has a corpus for each recipe
    bar      a tqdm progress bar that counts seconds of speech, or None
    Raises   ModuleNotFoundError without espeakng-loader; RuntimeError if the generator fails
    Cost     five seconds for half an hour of speech, on one core
    Beware   an unfinished corpus has a temporary name; it is removed on failure, but stays if the
             process is killed
    """
    if importlib.util.find_spec("espeakng_loader") is None:
        raise ModuleNotFoundError(INSTALL)
    folder = root / "speech" / f"espeak-ng-{recipe.key()}"
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    half_made = Path(tempfile.mkdtemp(prefix=".half-made-", dir=folder.parent))
    try:
        run_generator(half_made, recipe, bar)
        half_made.chmod(0o755)  # mkdtemp creates folders with 0700
        publish(half_made, folder)
    finally:
        shutil.rmtree(half_made, ignore_errors=True)
    return folder


def publish(half_made: Path, folder: Path) -> None:
    """Rename the folder, unless another process was faster."""
    try:
        half_made.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise


def run_generator(folder: Path, recipe: Recipe, bar: Any) -> None:
    """Run `generate` into an empty folder, and move the bar by the seconds that it prints."""
    options = [f"--minutes={float(recipe.minutes)}", f"--seed={recipe.seed}"]
    levels = [str(float(level)) for level in recipe.noise]
    module = "paper_repro.data.speech.generate"
    command = [sys.executable, "-m", module, str(folder), *options, "--noise", *levels]
    if bar is not None:
        bar.reset(total=60 * recipe.minutes)
        bar.set_description("generating speech")
    with tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=complaints, text=True, env=importable()
        )
        try:
            follow(process, bar)
        finally:
            process.kill()
            process.wait()
        if process.returncode != 0:
            raise RuntimeError(f"{module}: exit status {process.returncode}: {end_of(complaints)}")


def follow(process: subprocess.Popen[str], bar: Any) -> None:
    """Read the seconds that the process prints, until it ends."""
    assert process.stdout is not None
    with process.stdout as lines:
        for line in lines:
            if bar is not None:
                bar.update(float(line))
    process.wait()


def importable() -> dict[str, str]:
    """The environment in which `python -m` finds this copy of the package first."""
    here = str(Path(paper_repro.__file__).parents[1])
    paths = [here, os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in paths if path)}


def end_of(file: IO[bytes]) -> str:
    """The last line that is not empty in a file."""
    file.seek(0)
    lines = file.read().decode(errors="replace").split("\n")
    return next((line for line in reversed(lines) if line.strip()), "no message")
