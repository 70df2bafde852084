"""Whole numbers of 62 bits for w and v, and a product with μ that can be taken back.

A number is a multiple of 2^-62 of the largest that is allowed, kept in an int64. Sums of such
numbers are exact. A product with μ < 1 is not one-to-one: f(v) = ⌊μ v⌋ sends one, two or more
neighbours to the same number. Which of them it was is all that has to be kept to come back:

    v ∈ {low(f), low(f) + 1, … low(f + 1) − 1},    low(y) = the least v with ⌊μ v⌋ >= y

One bit for each v that shares its product with one other: 2 (1 − μ) bits a product on average for
1/2 <= μ < 1. (What is lost by any product is log2(1/μ) bits at least.)
"""

from __future__ import annotations

import math

import numpy as np

from hgref.arguments import Array

BITS = 62
MU_BITS = 53  # μ in [1/2, 1) is a multiple of 2^-53 exactly, as every float64 there is
LOW = 2**27 - 1
LOOSE = 4096  # bits that are packed at a time


def product(v: Array, mu: float) -> Array:
    """⌊μ v⌋ for whole numbers |v| < 2^62, exactly; never decreasing in v."""
    n = round(math.ldexp(mu, MU_BITS))
    n1, n0 = n >> 27, n & LOW
    v1, v0 = v >> 32, v & (2**32 - 1)
    carried = v0 * n1 + (v0 * n0 >> 27)
    return (v1 * n1 << 6) + ((v1 * n0 << 5) + carried >> 26)


def least(y: Array, mu: float) -> Array:
    """low(y): the least v with ⌊μ v⌋ >= y; between two guesses by bisection."""
    v = np.rint(y / mu).astype(np.int64)
    v += np.rint((y - product(v, mu)) / mu).astype(np.int64)
    width = math.ceil(2 / mu) + 2  # further off no guess is
    above, below = v + width, v - width
    while np.any(above - below > 1):
        middle = below + (above - below >> 1)
        enough = product(middle, mu) >= y
        above, below = np.where(enough, middle, above), np.where(enough, below, middle)
    return above


class Buffer:
    """A stack of digits, as bits: what the products forgot.

    packed   bytes of eight bits each
    loose    the last bits, not packed yet
    """

    def __init__(self) -> None:
        self.packed, self.loose = bytearray(), np.zeros(0, np.uint8)

    @property
    def bits(self) -> int:
        """How many are in it."""
        return 8 * len(self.packed) + len(self.loose)

    def push(self, digits: Array, counts: Array) -> None:
        """A digit in 0 … count - 1 for each weight; where the count is 1 it takes no room."""
        for plane, wanted in planes(counts):
            bits = (digits[wanted] >> plane & 1).astype(np.uint8)
            self.loose = np.concatenate([self.loose, bits])
        if len(self.loose) >= LOOSE:
            whole = len(self.loose) // 8 * 8
            self.packed += np.packbits(self.loose[:whole]).tobytes()
            self.loose = self.loose[whole:]

    def pop(self, counts: Array) -> Array:
        """The digits that were pushed last, with the same counts."""
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
    """(place, where a digit has a bit there): as many places as the largest digit needs."""
    largest = int(counts.max(initial=1)) - 1
    return [(plane, counts - 1 >> plane > 0) for plane in range(largest.bit_length())]


def forgetful(v: Array, mu: float, buffer: Buffer) -> Array:
    """⌊μ v⌋, and what it forgets onto the buffer."""
    y = product(v, mu)
    low = least(y, mu)
    buffer.push(v - low, least(y + 1, mu) - low)
    return y


def remembered(y: Array, mu: float, buffer: Buffer) -> Array:
    """v from y = ⌊μ v⌋ and the buffer: the inverse of `forgetful`."""
    low = least(y, mu)
    return low + buffer.pop(least(y + 1, mu) - low)
