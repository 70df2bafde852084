"""Save a figure beside the JSON file that it was drawn from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from hgref.files import write_whole

UNDATED: dict[str, dict[str, Any]] = {"png": {"Software": None}, "pdf": {"CreationDate": None}}


def save(figure: Figure, beside: Path, kinds: tuple[str, ...] = ("png",)) -> list[Path]:
    """Write the figure in each file format; the same numbers give the same bytes."""
    return [save_as(figure, beside.with_suffix(f".{kind}"), kind) for kind in kinds]


def save_as(figure: Figure, path: Path, kind: str) -> Path:
    return write_whole(
        path, lambda file: figure.savefig(file, format=kind, dpi=150, metadata=UNDATED[kind])
    )
