"""The fewest steps that a given number of checkpoints allows, found by trying."""

from __future__ import annotations

import numpy as np


def fewest_steps(T: int, slots: int) -> list[int]:
    """Steps that bring s_{T-1}, …, s_0 in this order with 1 … `slots` states kept, s_0 among them.

        F(1, n) = 0,   F(T, 1) = T(T-1)/2,   F(T, n) = min_k [k + F(T-k, n-1) + F(k, n)]

    go k steps and keep the state there, bring those after it with what slots are left, then free
    it and bring those before it. The closed form that is known is r T − C(n+r, n+1), r the least
    with C(n+r, n) >= T; it is not used here.

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
