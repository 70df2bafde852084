"""Numbers with a derivative along one direction: x + x' ε, ε² = 0.

The readable code runs on them as on any numbers, so that its derivative is known as exactly as the
numbers are: for balls, proven.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np


class Kink(ArithmeticError):
    """A function is asked for a derivative that it does not have."""


def binary(rule: Callable[[Dual, Any], Any]) -> Callable[[Dual, Any], Any]:
    """An operator of two numbers; NumPy applies it to the entries of an array."""

    @wraps(rule)
    def operator(self: Dual, other: Any) -> Any:
        return NotImplemented if isinstance(other, np.ndarray) else rule(self, Dual.of(other))

    return operator


class Dual:
    """x + x' ε; the usual rules. Comparisons look at x alone."""

    __slots__ = ("slope", "value")

    def __init__(self, value: Any, slope: Any = 0):
        self.value, self.slope = value, slope

    @staticmethod
    def of(x: Any) -> Dual:
        return x if isinstance(x, Dual) else Dual(x)

    def __neg__(self) -> Dual:
        return Dual(-self.value, -self.slope)

    @binary
    def __add__(self, other: Any) -> Dual:
        return Dual(self.value + other.value, self.slope + other.slope)

    @binary
    def __sub__(self, other: Any) -> Dual:
        return self + -other

    @binary
    def __rsub__(self, other: Any) -> Dual:
        return other + -self

    @binary
    def __mul__(self, other: Any) -> Dual:
        return Dual(self.value * other.value, self.slope * other.value + self.value * other.slope)

    @binary
    def __truediv__(self, other: Any) -> Dual:
        quotient = self.value / other.value
        return Dual(quotient, (self.slope - quotient * other.slope) / other.value)

    @binary
    def __rtruediv__(self, other: Any) -> Dual:
        return other / self

    def __pow__(self, n: Any) -> Dual:
        if n < 1 and self.value == 0:
            raise Kink("a root of 0 has no derivative")
        return Dual(self.value**n, n * self.value ** (n - 1) * self.slope)

    def __float__(self) -> float:
        return float(self.value)

    def __abs__(self) -> Dual:
        return -self if self.value < 0 else self

    def exp(self) -> Dual:
        value = self.value.exp()
        return Dual(value, value * self.slope)

    def tanh(self) -> Dual:
        value = self.value.tanh()
        return Dual(value, (1 - value * value) * self.slope)

    def log(self) -> Dual:
        return Dual(self.value.log(), self.slope / self.value)

    def log1p(self) -> Dual:
        return (1 + self).log()

    def sqrt(self) -> Dual:
        return self**0.5

    @binary
    def __lt__(self, other: Any) -> bool:
        return bool(self.value < other.value)

    @binary
    def __gt__(self, other: Any) -> bool:
        return bool(self.value > other.value)

    @binary
    def __le__(self, other: Any) -> bool:
        return bool(self.value <= other.value)

    @binary
    def __ge__(self, other: Any) -> bool:
        return bool(self.value >= other.value)

    def __eq__(self, other: object) -> bool:
        return bool(self.value == Dual.of(other).value)

    __radd__, __rmul__ = __add__, __mul__
    __hash__ = None  # type: ignore[assignment]
