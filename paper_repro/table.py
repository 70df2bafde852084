"""Format rows of text as a table: Markdown for files, aligned columns for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hgref.files import write_whole

Rows = Sequence[Sequence[str]]


def markdown(rows: Rows, numbers: bool = True) -> list[str]:
    """The lines of a Markdown table; the first row is the header.

    rows     text; bars are escaped, and line breaks become spaces
    numbers  True: right-align all columns but the first
    """
    rule = ["---"] + ["---:" if numbers else "---"] * (len(rows[0]) - 1)
    cells = [[" ".join(cell.split()).replace("|", r"\|") for cell in row] for row in rows]
    return ["| " + " | ".join(row) + " |" for row in (cells[0], rule, *cells[1:])]


def columns(rows: Rows) -> list[str]:
    """The rows in aligned columns: the first column to the left, the others to the right."""
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if j == 0 else cell.rjust(width)
            for j, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def write_text(path: Path, text: str) -> Path:
    """Write a text file atomically; what UTF-8 cannot encode becomes a question mark."""
    return write_whole(path, lambda file: file.write(text.encode(errors="replace")))
