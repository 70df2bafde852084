"""How the functions of this layer are compiled, and under which name Numba keeps them on disk.

    compiled     a leaf: compiled into each of its callers
    allocating   a leaf that makes arrays
    summing      a leaf of whose own sums the order is free, so that vector registers can serve
    viewing      a leaf that returns a view: its text is put into that of its callers
    kernel       called from Python as well, kept on disk
    threaded     a kernel with loops over threads' parts
    either       left as it is in Python, compiled where a compiled function calls it
    by_type      one name for several functions, chosen by the type of the first argument

Numba counts who holds an array, at every slice and at every field of a tuple, with instructions
that stop all cores: a third of a small problem's time. What makes no arrays needs no counts, and
is compiled without (`_nrt=False`). A view from a function that does not count would be counted
down once too often by one that does; so no function that does not count returns any.

Numba files a compiled function under its source file and name, and compiles anew when that one
file changes. A kernel holds the code of all that it calls, from other files too: edited there, the
old kernel would go on and return another law's numbers. So each kernel's name carries a fingerprint
of every file that may have gone into it, and an edit in any of them is a new name.
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
# the explicit loops over parts run on threads; nothing else is rewritten
ONLY_PRANGE: Any = dict.fromkeys(
    ("comprehension", "reduction", "inplace_binop", "setitem", "numpy", "stencil", "fusion"), False
) | {"prange": True}

UNCOUNTED: Any = OPTIONS | {"_nrt": False}
COUNTED: Any = OPTIONS | {"_nrt": True}
# only compiled functions call a leaf: what would unpack its arguments for others is left out
LEAF: Any = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}

compiled = numba.njit(**UNCOUNTED | LEAF)
allocating = numba.njit(**COUNTED | LEAF)
summing = numba.njit(**UNCOUNTED | LEAF | {"fastmath": {"reassoc"}})
either = register_jitable(**UNCOUNTED)
viewing = numba.njit(inline="always", **UNCOUNTED)


def sources() -> list[Path]:
    """The files out of which kernels are made: the laws and this folder."""
    return [Path(laws.__file__), *sorted(Path(__file__).parent.glob("*.py"))]


def fingerprint() -> str:
    """A name for the present contents of all of `sources`."""
    digest = hashlib.sha256()
    for path in sources():
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


FINGERPRINT = fingerprint()


def kernel(function: Callable[..., Any]) -> Any:
    """Compile a function that Python calls; keep it on disk under its name and the fingerprint."""
    return kept(function, UNCOUNTED | {"no_cfunc_wrapper": True})


def summing_kernel(function: Callable[..., Any]) -> Any:
    """A kernel of whose own sums the order is free."""
    return kept(function, UNCOUNTED | {"fastmath": {"reassoc"}})


def threaded(function: Callable[..., Any]) -> Any:
    """A kernel whose loops over `prange` run on threads."""
    return kept(function, COUNTED | {"parallel": ONLY_PRANGE})


def kept(function: Callable[..., Any], options: Any) -> Any:
    function.__qualname__ = f"{function.__qualname__}_{FINGERPRINT}"
    return numba.njit(cache=True, **options)(function)


def by_type(table: dict[type, Callable[..., Any]]) -> Callable[..., Any]:
    """A function of (first, …), without a result, that calls the one for the type of `first`."""

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
