"""The fewest steps with a given number of checkpoints, by dynamic programming."""

from __future__ import annotations

import numpy as np


def fewest_steps(T: int, slots: int) -> list[int]:
    """The fewest steps that visit s_{T-1}, …, s_0 in this order, for n = 1 … `slots`.

        F(1, n) = 0,   F(T, 1) = T(T-1)/2,   F(T, n) = min_k [k + F(T-k, n-1) + F(k, n)]

    where n is the number of states that may be kept, s_0 included: take k steps and keep the state
    there, visit the states after it with the remaining slots, then free its slot and visit those
    before it. This is a check of the known closed form r T − C(n+r, n+1), with the least r such
    that C(n+r, n) >= T, and does not use it.

    Cost     O(slots T²)
    Source   the recursion of Griewank 1992, solved by Griewank and Walther 2000, revolve
    """
    t = np.arange(T + 1)
    table = [t * (t - 1) // 2]
    for _ in range(1, slots):
        fewer, more = table[-1], np.zeros(T + 1, dtype=np.int64)
        for last in range(2, T + 1):
            before = slice(1, last)
            more[last] = (t[before] + fewer[last - 1 : 0 : -1] + more[before]).min()
        table.append(more)
    return [int(row[T]) for row in table]
