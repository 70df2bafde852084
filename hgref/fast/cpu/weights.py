"""The work of a step on each weight separately, between two passes over the data.

A step collects sums, applies a law and checks the result: about twenty loops over the weights. They
run one after the other on a piece of the weights that stays in the cache; with many weights, each
thread has its own pieces. One such sequence of loops is a job; its arrays are the fields of its
type, and `over_weights` runs it:

    over_weights(job, part, beside, opt, columns)

    part      all weights, as a Part or as Threads
    beside    the terms of J without data
    opt       the dynamics and its hyperparameters
    columns   of the passes
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np
from numba.extending import overload

from hgref.arguments import Array
from hgref.fast.cpu.compiled import UNCOUNTED, by_type, either, kernel, threaded
from hgref.fast.cpu.coordinates import jvp, step, vjp
from hgref.fast.cpu.training import add_penalty_shares, collect

PIECE = 8192  # weights: a dozen numbers of each stay in a second-level cache


class Part(NamedTuple):
    """The weights lo … hi-1, for one thread.

    sums    for each data loss G of its passes, see `features.Work`
    fine    (threads,) stays true if all that a thread has computed is finite
    q       the thread's number
    lo, hi  unsigned: signed indices are checked for wrap-around, which stops vectorisation
    """

    sums: tuple[Array, ...]
    fine: Array
    q: Any
    lo: Any
    hi: Any


class Threads(NamedTuple):
    """All weights, shared between threads; the first fields of `Part`."""

    sums: tuple[Array, ...]
    fine: Array


class Ahead(NamedTuple):
    """s (blocks, p) ← s_t, and g (p,) ← ∇J_t(w)."""

    t: int
    s: Array
    g: Array
    U: Array
    out: Array


class Tangents(NamedTuple):
    """Z (k, blocks, p) ← A_t Z + B_t and s ← s_t; U ← the weights' part of Z."""

    t: int
    s: Array
    g: Array
    U: Array
    out: Array
    Z: Array


class Again(NamedTuple):
    """states (last-first+1, blocks, p) ← s_{first-1} … s_{last-1}, from s and the tape's g_t."""

    first: int
    last: int
    s: Array
    tape: Array
    states: Array


class Through(NamedTuple):
    """α (blocks, p) ← α A_t without its H term, u (p,) ← the row to multiply by H and M."""

    t: int
    s: Array
    g: Array
    alpha: Array
    u: Array
    b_rates: Array


class Back(NamedTuple):
    """α ← α + u H, after the pass along u: U, out (1, p);  b_l2 (A, p) ← b_l2 + its part of u M."""

    w: Array
    g: Array
    U: Array
    out: Array
    alpha: Array
    b_l2: Array


@either
def ahead(job, part, beside, opt, columns):
    s, g, lo, hi = job.s, job.g, part.lo, part.hi
    collect(beside, part.sums, columns, s[-1], job.U, g, job.out, lo, hi)
    step(opt, job.t, s, g, lo, hi)
    part.fine[part.q] &= all_finite(s, lo, hi)


@either
def tangents(job, part, beside, opt, columns):
    s, g, Z, U, lo, hi = job.s, job.g, job.Z, job.U, part.lo, part.hi
    collect(beside, part.sums, columns, s[-1], U, g, job.out, lo, hi)
    jvp(opt, job.t, s, g, Z, job.out, lo, hi)
    step(opt, job.t, s, g, lo, hi)
    part.fine[part.q] &= all_finite(s, lo, hi)
    for c in range(len(Z)):
        part.fine[part.q] &= all_finite(Z[c], lo, hi)
        copy(U[c:], Z[c, -1:], lo, hi)


@either
def again(job, part, beside, opt, columns):
    copy(job.states[0], job.s, part.lo, part.hi)
    for t in range(job.first, job.last):
        s = job.states[t - job.first + 1]
        copy(s, job.states[t - job.first], part.lo, part.hi)
        step(opt, t, s, job.tape[t - job.first], part.lo, part.hi)


@either
def through(job, part, beside, opt, columns):
    b_rates = job.b_rates[part.q]
    vjp(opt, job.t, job.s, job.g, job.alpha, job.u, b_rates, part.lo, part.hi)


@either
def back(job, part, beside, opt, columns):
    w, uH, lo, hi = job.w, job.out[0], part.lo, part.hi
    collect(beside, part.sums, columns, w, job.U, job.g, job.out, lo, hi)
    add_penalty_shares(beside.l2, w, job.U[0], uH, job.b_l2, lo, hi)
    add(job.alpha[-1], uH, lo, hi)
    part.fine[part.q] &= all_finite(job.alpha, lo, hi)


JOBS: dict[type, Any] = {
    Ahead: ahead, Tangents: tangents, Again: again, Through: through, Back: back,
}  # fmt: skip
do = by_type(JOBS)


@threaded
def do_on_threads(job, threads, beside, opt, columns):
    sums, fine = threads.sums, threads.fine  # Numba cannot pass nested tuples to threads
    p, count = sums[0].shape[2], len(fine)
    for q in numba.prange(count):
        first, last = p * q // count, p * (q + 1) // count
        for lo in range(first, last, PIECE):
            bounds = np.uint64(lo), np.uint64(min(lo + PIECE, last))
            do(job, Part(sums, fine, np.int64(q), *bounds), beside, opt, columns)


def over_weights(job, part, beside, opt, columns):
    """Run the job on all weights."""
    (do_on_threads if isinstance(part, Threads) else do)(job, part, beside, opt, columns)


@overload(over_weights, jit_options=UNCOUNTED)
def compile_over_weights(job, part, beside, opt, columns):
    return JOBS[job.instance_class]  # a run that is compiled whole is small and has no Threads


@either
def all_fine(part):
    """Whether all that was computed since the last call is finite."""
    good = part.fine.all()
    part.fine[:] = True
    return good


@kernel
def all_finite(s, lo, hi):
    """Whether no number of s[:, lo:hi] is NaN or infinite."""
    bad = False
    for row in range(len(s)):
        for j in range(lo, hi):
            bad |= not (abs(s[row, j]) < np.inf)
    return not bad


@kernel
def add(to, x, lo, hi):
    """to[lo:hi] ← to[lo:hi] + x[lo:hi]."""
    for j in range(lo, hi):
        to[j] += x[j]


@kernel
def copy(to, s, lo, hi):
    """to[:, lo:hi] ← s[:, lo:hi]."""
    for row in range(len(s)):
        for j in range(lo, hi):
            to[row, j] = s[row, j]
