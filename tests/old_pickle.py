"""Writes pickles byte by byte as Python 2's cPickle did at protocol 2, for tests of readers."""

import struct

import numpy as np


class Name(str):
    """ "module name", for a GLOBAL."""


class Call:
    """A function's name, its arguments, and a state that its answer is given."""

    def __init__(self, name, *arguments, state=None):
        self.name, self.arguments, self.state = Name(name), arguments, state


class Unicode(str):
    """Text that was a unicode string."""


class Reference:
    """A persistent id."""

    def __init__(self, *identity):
        self.identity = identity


class OldPickler:
    def __init__(self):
        self.memo = 0

    def put(self):
        self.memo += 1
        short = self.memo < 256
        return struct.pack("<cB", b"q", self.memo) if short else struct.pack("<cI", b"r", self.memo)

    def write(self, value):
        if value is None or isinstance(value, bool):
            return {None: b"N", True: b"\x88", False: b"\x89"}[value]
        if isinstance(value, Name):
            return b"c" + value.replace(" ", "\n").encode() + b"\n" + self.put()
        if isinstance(value, Unicode):
            data = value.encode()
            return struct.pack("<cI", b"X", len(data)) + data + self.put()
        if isinstance(value, str):
            data = value.encode("latin-1")
            start = struct.pack("<cB", b"U", len(data)) if len(data) < 256 else None
            return (start or struct.pack("<ci", b"T", len(data))) + data + self.put()
        if isinstance(value, np.ndarray):
            return self.write(array_call(value))
        return self.composed(value)

    def composed(self, value):
        if isinstance(value, int):
            return integer(value)
        if isinstance(value, list):
            items = [self.write(item) for item in value]
            return b"]" + self.put() + b"(" + b"".join(items) + b"e"
        if isinstance(value, tuple):
            items = b"".join(self.write(item) for item in value)
            if not value:
                return b")"
            ends = {1: b"\x85", 2: b"\x86", 3: b"\x87"}
            return (
                items + ends[len(value)] if len(value) < 4 else b"(" + items + b"t"
            ) + self.put()
        if isinstance(value, dict):
            items = [self.write(part) for pair in value.items() for part in pair]
            return b"}" + self.put() + b"(" + b"".join(items) + b"u"
        if isinstance(value, Reference):
            return self.write(value.identity) + b"Q"
        made = self.write(value.name) + self.write(value.arguments) + b"R" + self.put()
        return made if value.state is None else made + self.write(value.state) + b"b"


def integer(n):
    if 0 <= n < 256:
        return struct.pack("<cB", b"K", n)
    if 0 <= n < 65536:
        return struct.pack("<cH", b"M", n)
    if -(2**31) <= n < 2**31:
        return struct.pack("<ci", b"J", n)
    data = n.to_bytes(n.bit_length() // 8 + 1, "little", signed=True)
    return struct.pack("<cB", b"\x8a", len(data)) + data


def array_call(array):
    """An array as NumPy's __reduce__ told it to Python 2."""
    code = array.dtype.str[1:]
    order = "|" if array.dtype.itemsize == 1 else "<"
    dtype = Call("numpy dtype", code, 0, 1, state=(3, order, None, None, None, -1, -1, 0))
    return Call(
        "numpy.core.multiarray _reconstruct", Name("numpy ndarray"), (0,), "b",
        state=(1, array.shape, dtype, False, array.tobytes().decode("latin-1")),
    )  # fmt: skip


def old_pickle(value):
    return b"\x80\x02" + OldPickler().write(value) + b"."
