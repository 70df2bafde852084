"""How the functions of this layer are compiled, and the names under which Numba caches them.

    compiled     a leaf: compiled into each of its callers
    allocating   a leaf that allocates arrays
    summing      a leaf whose sums may be reordered, so that they vectorise
    viewing      a leaf that returns a view: its source is inlined in its callers
    kernel       also called from Python, cached on disk
    threaded     a kernel with parallel loops
    either       plain Python, compiled where a compiled function calls it
    by_type      one name for several functions, selected by the type of the first argument

Numba counts references to an array, at every slice and at every field of a tuple, with atomic
instructions: a third of a small problem's time. Functions that allocate nothing are compiled
without reference counting (`_nrt=False`). They must not return views: a caller that counts
references would release such a view once too often.

Numba caches a compiled function under its source file and name, and compiles it again when that
file changes. A kernel also contains the code of functions from other files; after an edit there,
the cached kernel would still compute the old law. So each kernel's name carries a fingerprint of
every file that may be compiled into it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
from numba.extending import overload, register_jitable

from hgref import laws

OPTIONS: Any = {
    "error_model": "numpy",
    "nogil": True,
}  # 0/0 is NaN, as in NumPy; signals get through
# run the explicit loops over parts on threads; rewrite nothing else
ONLY_PRANGE: Any = dict.fromkeys(
    ("comprehension", "reduction", "inplace_binop", "setitem", "numpy", "stencil", "fusion"), False
) | {"prange": True}

UNCOUNTED: Any = OPTIONS | {"_nrt": False}
COUNTED: Any = OPTIONS | {"_nrt": True}
# only compiled functions call a leaf: it needs no wrappers for Python and C
LEAF: Any = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}

compiled = numba.njit(**UNCOUNTED | LEAF)
allocating = numba.njit(**COUNTED | LEAF)
summing = numba.njit(**UNCOUNTED | LEAF | {"fastmath": {"reassoc"}})
either = register_jitable(**UNCOUNTED)
viewing = numba.njit(inline="always", **UNCOUNTED)


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


def kernel(function: Callable[..., Any]) -> Any:
    """Compile a function that Python calls; cache it under its name and the fingerprint."""
    return kept(function, UNCOUNTED | {"no_cfunc_wrapper": True})


def summing_kernel(function: Callable[..., Any]) -> Any:
    """A kernel whose sums may be reordered."""
    return kept(function, UNCOUNTED | {"fastmath": {"reassoc"}})


def threaded(function: Callable[..., Any]) -> Any:
    """A kernel whose loops over `prange` run on threads."""
    return kept(function, COUNTED | {"parallel": ONLY_PRANGE})


def kept(function: Callable[..., Any], options: Any) -> Any:
    function.__qualname__ = f"{function.__qualname__}_{FINGERPRINT}"
    return numba.njit(cache=True, **options)(function)


def by_type(table: dict[type, Callable[..., Any]]) -> Callable[..., Any]:
    """A function of (first, …) that calls the function for the type of `first`; returns None."""

    def chosen(first, *others):
        return table[type(first)](first, *others)

    def register(options):
        @overload(chosen, jit_options=options, strict=False)  # the names of the arguments differ
        def choose(first, *others):
            function = table[first.instance_class]
            if getattr(function, "targetoptions", UNCOUNTED)["_nrt"] == options["_nrt"]:
                return getattr(function, "py_func", function)
            return None

    register(UNCOUNTED)
    register(COUNTED)
    return chosen
