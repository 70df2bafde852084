"""How the functions of this layer are compiled, and how Numba keeps them on disk.

    leaf       compiled into each of its callers
    inlined    its source is copied to its one caller, which saves compiling it on its own
    kernel     called from Python, kept on disk
    summing    a kernel whose sums may be reordered, so that they vectorise

Numba counts references to an array at every slice and at every field of a tuple, with atomic
instructions: a third of a small problem's time. These functions allocate nothing and return no
views, so they are compiled without (`_nrt=False`).

Numba keeps a compiled function under its source file and name, and compiles it again when that
file changes. A kernel also contains the code of functions from other files; after an edit there,
the kept kernel would still compute the old law. So each kernel's name carries a fingerprint of
every file that may be compiled into it.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable
from pathlib import Path
from types import FunctionType
from typing import Any

import numba
from numba.core.caching import FunctionCache

from hgref import laws

# 0/0 is NaN, as in NumPy; other threads run meanwhile
OPTIONS: Any = {"error_model": "numpy", "nogil": True, "_nrt": False, "no_cfunc_wrapper": True}

LEAF: Any = {"no_cpython_wrapper": True}  # Python never calls it

leaf = numba.njit(**OPTIONS, **LEAF)
inlined = numba.njit(**OPTIONS, inline="always")


def sources() -> list[Path]:
    """The source files of the kernels: the laws and this folder."""
    return [Path(laws.__file__), *sorted(Path(__file__).parent.glob("*.py"))]


def fingerprint() -> str:
    """A short hash of the contents of all `sources`."""
    digest = hashlib.sha256()
    for path in sources():
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


FINGERPRINT = fingerprint()


class Kept(FunctionCache):
    """Numba's cache of a function on disk; a damaged or unwritable one is as good as none."""

    def load_overload(self, *arguments: Any) -> Any:
        try:
            return super().load_overload(*arguments)
        except Exception:  # unpickling damaged bytes may raise anything
            self.forget()
            return None

    def save_overload(self, *arguments: Any) -> None:
        try:
            super().save_overload(*arguments)
        except Exception:
            self.forget()

    def forget(self) -> None:
        try:
            self.flush()
        except OSError:
            self.disable()


def bound(function: Callable[..., Any], name: str, **names: Any) -> Any:
    """The same code with other global names: one function for each loss, or for each law."""
    made = FunctionType(function.__code__, {**function.__globals__, **names}, function.__name__)
    made.__qualname__ = f"{function.__qualname__}_{name}"
    return made


def kernel(function: Callable[..., Any], **options: Any) -> Any:
    """Compile a function that Python calls; keep it under its name and the fingerprint."""
    function.__qualname__ = f"{function.__qualname__}_{FINGERPRINT}"
    made: Any = numba.njit(**OPTIONS, **options)(function)
    if not numba.config.DISABLE_JIT:  # type: ignore[attr-defined]
        with contextlib.suppress(RuntimeError):  # no folder can be written to: nothing is kept
            made._cache = Kept(function)
    return made


def summing(function: Callable[..., Any]) -> Any:
    """A kernel whose sums may be reordered."""
    return kernel(function, fastmath={"reassoc"})
