"""Reads pickles as plain data: Python's own unpickler, with a short list of allowed names."""

from __future__ import annotations

import io
import pickle
import pickletools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

MOST_OPERATIONS = 1_000_000  # CIFAR-100, the longest pickle read here, has a quarter of that
OPERATIONS = frozenset(
    b"\x80.(cRbQ"  # protocol, stop, mark, name, call, state, persistent id
    b"N\x88\x89KMJ\x8aTUXBC"  # None, truths, integers, texts, bytes
    b"])}aesut\x85\x86\x87qrhj"  # lists, tuples, mappings, memo
)

Refer = Callable[[Any], Any]


def read_pickle(
    file: io.BytesIO, path: Path, known: Mapping[str, Any], refer: Refer | None = None
) -> Any:
    """The plain data of the next pickle in `file`: protocols 1 to 3, without importing anything.

    file     in memory, so that an announced length reserves nothing; left behind the pickle
    path     for messages
    known    "module name" → stand-in, for every name that the pickle may contain. Stand-ins check
             their arguments, and their state in `__setstate__`; they raise ValueError
    refer    makes the stand-in for a persistent id; None: ids are refused
    returns  dict, list, tuple, str, bytes, int, bool or None, and what the stand-ins return
    Raises   ValueError for anything else, for a damaged pickle and for too many operations
    Cost     two microseconds for each operation; memory in proportion to the file
    Beware   strings of Python 2 come as text of the code points 0 … 255
    Source   Python's manual, pickle, "Restricting Globals"
    """
    try:
        start = file.tell()
        for count, (operation, _, _) in enumerate(pickletools.genops(file)):
            if ord(operation.code) not in OPERATIONS:
                raise ValueError(f"the operation {operation.name}")
            if count >= MOST_OPERATIONS:
                raise ValueError(f"more than {MOST_OPERATIONS} operations")
        file.seek(start)
        return PlainUnpickler(file, known, refer).load()
    except Exception as error:  # a damaged file can raise almost anything
        ours = type(error) is ValueError
        found = f"{error}" if ours else f"a damaged one ({type(error).__name__}: {error})"
        short = found[:200]  # what a file says may be long
        raise ValueError(f"{path}: expected a pickle of plain data, found: {short}") from error


# The unpickler in Python, as the one in C hashes a key before anybody can check it: a tuple of
# shared tuples takes for ever. It also reserves memory for any place in the memo.
class PlainUnpickler(pickle._Unpickler):
    """Finds stand-ins alone; keys are texts, bytes or integers, and stand-ins alone have states."""

    stack: list[Any]
    metastack: list[list[Any]]
    pop_mark: Callable[[], list[Any]]

    def __init__(self, file: io.BytesIO, known: Mapping[str, Any], refer: Refer | None):
        super().__init__(file, encoding="latin-1")
        self.known, self.refer = known, refer

    def find_class(self, module: str, name: str) -> Any:
        if f"{module} {name}" not in self.known:
            raise ValueError(f"the name {f'{module} {name}'!r}")
        return self.known[f"{module} {name}"]

    def persistent_load(self, identity: Any) -> Any:
        if self.refer is None:
            raise ValueError("a persistent id")
        return self.refer(identity)

    def load(self) -> Any:
        value = super().load()
        if self.stack or self.metastack:
            raise ValueError("values or marks that are left at the end")
        return value

    def load_setitem(self) -> None:
        self.set_items([self.stack.pop(-2), self.stack.pop()])

    def load_setitems(self) -> None:
        self.set_items(self.pop_mark())

    def set_items(self, items: list[Any]) -> None:
        keys, target = items[::2], self.stack[-1]
        if not isinstance(target, dict) or not all(isinstance(k, (str, bytes, int)) for k in keys):
            raise ValueError("a mapping whose keys are not texts, bytes or integers")
        target.update(zip(keys, items[1::2], strict=True))

    def load_build(self) -> None:
        state = self.stack.pop()
        if type(self.stack[-1]) not in self.known.values():
            raise ValueError(f"a state for a {type(self.stack[-1]).__name__}")
        self.stack[-1].__setstate__(state)

    dispatch = pickle._Unpickler.dispatch | {  # type: ignore[assignment]
        pickle.SETITEM[0]: load_setitem,
        pickle.SETITEMS[0]: load_setitems,
        pickle.BUILD[0]: load_build,
    }
