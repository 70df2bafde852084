"""Reading pickles as plain data: nothing that a file names is ever imported or called."""

from __future__ import annotations

import io
import pickletools
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

MOST_OPERATIONS = 1_000_000  # CIFAR-100, the longest that is read here, has a quarter of that

# operations whose argument is the value, and those that are one
VALUES = {"BININT", "BININT1", "BININT2", "LONG1", "BINUNICODE", "BINBYTES", "SHORT_BINBYTES"}
VALUES |= {"BINSTRING", "SHORT_BINSTRING"}  # of Python 2: text or bytes, here Latin-1 text
CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
EMPTY: dict[str, Callable[[], Any]] = {"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple}
TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


class Named:
    """What stands for a function or class that a pickle may name: its name, and a stand-in.

    call     makes the stand-in's answer from the arguments in the file and raises ValueError
             where they are not right; None: the name may be mentioned, not called
    """

    def __init__(self, name: str, call: Callable[..., Any] | None):
        self.name, self.call = name, call


class Stateful:
    """What a stand-in returns where the pickle goes on to give it a state."""

    def set_state(self, state: Any) -> None:
        """Take over a state from the file; ValueError where it is not right."""
        raise NotImplementedError


def read_pickle(
    file: io.BytesIO,
    path: Path,
    known: Mapping[str, Callable[..., Any] | None],
    refer: Callable[[Any], Any] | None = None,
) -> Any:
    """The plain data of the next pickle in `file`: protocols 1 to 3, without importing anything.

    file     in memory, so that an announced length reserves nothing; left behind the pickle
    path     for messages
    known    "module name" → stand-in for every name that the pickle may contain; see Named
    refer    the stand-in for a persistent id; None: there may be none
    returns  dict, list, tuple, str, bytes, int, bool or None, and what the stand-ins return
    Raises   ValueError for anything else, for a damaged pickle and for one of too many operations
    Cost     a microsecond for each operation; memory in proportion to the file
    Beware   strings of Python 2 come as text of the code points 0 … 255
    Source   Python's pickletools, which describes every operation
    """
    machine = Machine(known, refer)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a text with escapes of old is refused all the same
            for count, (operation, argument, _) in enumerate(pickletools.genops(file)):
                if count >= MOST_OPERATIONS:
                    raise ValueError(f"more than {MOST_OPERATIONS} operations")
                machine.step(operation.name, argument)
        return machine.answer()
    except (ValueError, TypeError, IndexError, KeyError, OverflowError) as error:
        found = str(error)[:200]  # what a file says may be long
        raise ValueError(f"{path}: expected a pickle of plain data, found: {found}") from error


class Machine:
    """The stack and the memo with which a pickle is built.

    stack    values above the last mark; `below` keeps the stacks under the earlier marks
    """

    def __init__(
        self, known: Mapping[str, Callable[..., Any] | None], refer: Callable[[Any], Any] | None
    ):
        self.known, self.refer = known, refer
        self.stack: list[Any] = []
        self.below: list[list[Any]] = []
        self.memo: dict[int, Any] = {}

    def step(self, operation: str, argument: Any) -> None:
        """Carry out one operation."""
        if operation in VALUES:
            self.stack.append(argument)
        elif operation in CONSTANTS:
            self.stack.append(CONSTANTS[operation])
        elif operation in EMPTY:
            self.stack.append(EMPTY[operation]())
        elif operation in TUPLES:
            self.stack.append(tuple(self.pop(TUPLES[operation])))
        elif operation in ("BINPUT", "LONG_BINPUT"):
            self.memo[argument] = self.stack[-1]
        elif operation in ("BINGET", "LONG_BINGET"):
            self.stack.append(self.memo[argument])
        elif operation == "MARK":
            self.below.append(self.stack)
            self.stack = []
        elif operation == "GLOBAL":
            self.stack.append(self.named(argument))
        elif operation in self.CHANGES:
            self.CHANGES[operation](self)
        elif operation not in ("PROTO", "STOP"):
            raise ValueError(f"the operation {operation}")

    def answer(self) -> Any:
        """The one value that is left at the end."""
        if self.below or len(self.stack) != 1:
            raise ValueError(f"{len(self.below)} open marks, {len(self.stack)} values at the end")
        return self.stack[0]

    def pop(self, count: int) -> list[Any]:
        """The last `count` values, off the stack."""
        if count > len(self.stack):
            raise ValueError(f"{len(self.stack)} values where {count} are used")
        values = self.stack[len(self.stack) - count :]
        del self.stack[len(self.stack) - count :]
        return values

    def pop_mark(self) -> list[Any]:
        """All values above the last mark, off the stack together with it."""
        values, self.stack = self.stack, self.below.pop()
        return values

    def top(self, kind: type) -> Any:
        """The last value, which must be of that kind and stays."""
        if not isinstance(self.stack[-1], kind):
            found = type(self.stack[-1]).__name__
            raise ValueError(f"{found} used as a {kind.__name__}")
        return self.stack[-1]

    def named(self, name: str) -> Named:
        if name not in self.known:
            raise ValueError(f"the name {name!r}")
        return Named(name, self.known[name])

    def make_tuple(self) -> None:
        values = self.pop_mark()
        self.stack.append(tuple(values))

    def append(self, values: list[Any]) -> None:
        self.top(list).extend(values)

    def set_items(self, values: list[Any]) -> None:
        keys = values[::2]
        if len(values) % 2 or not all(isinstance(key, (str, bytes, int)) for key in keys):
            raise ValueError("a mapping whose keys are not texts, bytes or integers")
        self.top(dict).update(zip(keys, values[1::2], strict=True))

    def call(self) -> None:
        named, arguments = self.pop(2)
        if not isinstance(named, Named) or named.call is None or not isinstance(arguments, tuple):
            raise ValueError(f"a call of {type(named).__name__}")
        self.stack.append(named.call(*arguments))

    def set_state(self) -> None:
        (state,) = self.pop(1)
        self.top(Stateful).set_state(state)

    def refer_to(self) -> None:
        (identity,) = self.pop(1)
        if self.refer is None:
            raise ValueError("a persistent id")
        self.stack.append(self.refer(identity))

    CHANGES: Mapping[str, Callable[[Machine], None]] = {
        "TUPLE": make_tuple,
        "APPEND": lambda self: self.append(self.pop(1)),
        "APPENDS": lambda self: self.append(self.pop_mark()),
        "SETITEM": lambda self: self.set_items(self.pop(2)),
        "SETITEMS": lambda self: self.set_items(self.pop_mark()),
        "REDUCE": call,
        "BUILD": set_state,
        "BINPERSID": refer_to,
    }
