"""62-bit integers for w and v, and a product with μ that can be inverted.

A number is an integer multiple of 2^-62 of the largest number allowed, stored in an int64, so
that sums are exact. A product with μ < 1 is not one-to-one: f(v) = ⌊μ v⌋ maps one, two or more
neighbours to the same number. To invert it, one has to store which of them it was:

    v ∈ {low(f), low(f) + 1, … low(f + 1) − 1},    low(y) = the least v with ⌊μ v⌋ >= y

This takes one bit for each v that shares its product with one other: on average 2 (1 − μ) bits a
product, for 1/2 <= μ < 1. (Any product loses at least log2(1/μ) bits.)
"""

from __future__ import annotations

import math

import numpy as np

from hgref.arguments import Array

BITS = 62
MU_BITS = 53  # every float64 μ in [1/2, 1) is a multiple of 2^-53
LOW = 2**27 - 1
LOOSE = 4096  # bits packed at a time


def product(v: Array, mu: float) -> Array:
    """⌊μ v⌋ for integers |v| < 2^62, exactly; never decreasing in v."""
    n = round(math.ldexp(mu, MU_BITS))
    n1, n0 = n >> 27, n & LOW
    v1, v0 = v >> 32, v & (2**32 - 1)
    carried = v0 * n1 + (v0 * n0 >> 27)
    return (v1 * n1 << 6) + ((v1 * n0 << 5) + carried >> 26)


def least(y: Array, mu: float) -> Array:
    """low(y): the least v with ⌊μ v⌋ >= y, by bisection around a guess."""
    v = np.rint(y / mu).astype(np.int64)
    v += np.rint((y - product(v, mu)) / mu).astype(np.int64)
    width = math.ceil(2 / mu) + 2  # no guess is further off
    above, below = v + width, v - width
    while np.any(above - below > 1):
        middle = below + (above - below >> 1)
        enough = product(middle, mu) >= y
        above, below = np.where(enough, middle, above), np.where(enough, below, middle)
    return above


class Buffer:
    """A stack of digits, stored as bits: what the products lost.

    packed   bytes of eight bits each
    loose    the last bits, not packed yet
    """

    def __init__(self) -> None:
        self.packed, self.loose = bytearray(), np.zeros(0, np.uint8)

    @property
    def bits(self) -> int:
        """The number of bits stored."""
        return 8 * len(self.packed) + len(self.loose)

    def push(self, digits: Array, counts: Array) -> None:
        """Store a digit in 0 … count - 1 for each weight; a count of 1 takes no bit."""
        for plane, wanted in planes(counts):
            bits = (digits[wanted] >> plane & 1).astype(np.uint8)
            self.loose = np.concatenate([self.loose, bits])
        if len(self.loose) >= LOOSE:
            whole = len(self.loose) // 8 * 8
            self.packed += np.packbits(self.loose[:whole]).tobytes()
            self.loose = self.loose[whole:]

    def pop(self, counts: Array) -> Array:
        """The digits that were pushed last, given the same counts."""
        digits = np.zeros_like(counts)
        for plane, wanted in reversed(planes(counts)):
            number = int(wanted.sum())
            if number > len(self.loose):
                start = max(len(self.packed) - LOOSE // 8 - number // 8, 0)
                more = np.frombuffer(self.packed[start:], np.uint8)
                self.loose = np.concatenate([np.unpackbits(more), self.loose])
                del self.packed[start:]
            left = len(self.loose) - number
            digits[wanted] |= self.loose[left:].astype(np.int64) << plane
            self.loose = self.loose[:left]
        return digits


def planes(counts: Array) -> list[tuple[int, Array]]:
    """(place, mask of the digits that have a bit there), for each place of the largest digit."""
    largest = int(counts.max(initial=1)) - 1
    return [(plane, counts - 1 >> plane > 0) for plane in range(largest.bit_length())]


def forgetful(v: Array, mu: float, buffer: Buffer) -> Array:
    """⌊μ v⌋; pushes what it loses onto the buffer."""
    y = product(v, mu)
    low = least(y, mu)
    buffer.push(v - low, least(y + 1, mu) - low)
    return y


def remembered(y: Array, mu: float, buffer: Buffer) -> Array:
    """v from y = ⌊μ v⌋ and the buffer: the inverse of `forgetful`."""
    low = least(y, mu)
    return low + buffer.pop(least(y + 1, mu) - low)
