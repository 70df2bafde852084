"""Run the reproducers, each in its own process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from paper_repro.peers.claims import SCRIPTS, LibraryClaim, verdict_of
from paper_repro.peers.run import surroundings

LONGEST = 120.0  # seconds
MOST_LINES = 6


def reproduce(
    name: str, claim: LibraryClaim, python: str, folder: Path = SCRIPTS
) -> dict[str, Any]:
    """Run the script of a claim, and report what it printed and how it ended.

    returns  library, verdict, says: from the claim; exit: the status, None if it took too long;
             printed: the last lines; shown: whether it confirmed the claim, without a traceback
    """
    about = {"library": claim.library, "verdict": verdict_of(claim), "says": claim.says}
    command = [python, "-W", "ignore", str(folder / f"{name}.py")]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=LONGEST, env=surroundings()
        )
    except subprocess.TimeoutExpired:
        return {**about, "exit": None, "printed": [], "shown": False}
    said = [*done.stdout.splitlines(), *done.stderr.splitlines()]
    printed = [line for line in said if line.strip() and "[INFO]" not in line][-MOST_LINES:]
    accident = "Traceback (most recent call last)" in done.stderr  # exits with 1, too
    shown = done.returncode == (0 if claim.right else 1) and not accident
    return {**about, "exit": done.returncode, "printed": printed, "shown": shown}


def interpreter(library: str, pythons: dict[str, str]) -> str:
    """The interpreter for a library: this one, unless --python names another."""
    return pythons.get(library, sys.executable)
