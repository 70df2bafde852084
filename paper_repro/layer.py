"""The layers of hgref that an experiment can be computed with."""

from __future__ import annotations

import argparse
import importlib
from typing import Any

MODULES = {"readable": "hgref", "cpu": "hgref.fast.cpu", "cuda": "hgref.fast.cuda"}


def add_layer(parser: argparse.ArgumentParser, *names: str, others: str) -> None:
    """Add --layer; `others` says what the layers beside the processor's fast one are for."""
    parser.add_argument(
        "--layer", choices=names,
        help=f"the layer of hgref that computes: hgref.fast.cpu (default), or {others}",
    )  # fmt: skip


def layer_of(name: str) -> Any:
    """The package with this layer's reverse, forward and realtime.

    Raises   ImportError, with what is missing, if the machine cannot run it
    """
    return importlib.import_module(MODULES[name])
