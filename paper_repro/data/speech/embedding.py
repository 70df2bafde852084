"""The secondary target: a vector for each spoken phone that describes the phones around it."""

from __future__ import annotations

import numpy as np
import scipy.linalg
import scipy.sparse

from hgref.arguments import Array, as_count
from paper_repro.data.speech.context import bounds_of

REACH = 3  # phones to each side


def embedding(phone: Array, starts: Array, alphabet: int, weight: Array, q: int) -> Array:
    """q numbers for each spoken phone: a PCA of the one-hot window of ±3 phones around it.

    phone     (s,) 0 … alphabet - 1, the spoken phones of all recordings in temporal order
    starts    (U + 1,) recording u has the phones starts[u] … starts[u + 1] - 1
    alphabet  number of different phones
    weight    (s,) number of training frames of each spoken phone, its weight in the PCA
    q         number of components, at most 7 · alphabet
    returns   (s, q) float32, components by decreasing variance; mean square 1 over training frames
    Raises    ValueError if q is too large, or there are no training frames
    Cost      an eigendecomposition of size 7 · alphabet
    Exact     the sign of a direction makes its largest entry positive
    Beware    the paper's target is an embedding learned on TIMIT (Badino 2016), which is not
              public; this one also describes the surrounding phones, and needs no training
    """
    as_count("q", q, 1, (2 * REACH + 1) * alphabet)
    if not weight.sum() > 0:
        raise ValueError("weight: expected training frames, found none")
    windows = one_hot_windows(phone, starts, alphabet)
    p = weight / weight.sum()
    mean = windows.T @ p
    covariance = (windows.T @ windows.multiply(p[:, None])).toarray() - np.outer(mean, mean)
    width = len(mean)
    _, directions = scipy.linalg.eigh(covariance, subset_by_index=(width - q, width - 1))
    directions = directions[:, ::-1]
    largest = np.abs(directions).argmax(axis=0)
    directions = directions * np.sign(directions[largest, np.arange(q)])
    code = windows @ directions - mean @ directions
    scale = np.sqrt(p @ np.square(code).mean(axis=1))
    return (code / (scale if scale > 0 else 1)).astype(np.float32)


def one_hot_windows(phone: Array, starts: Array, alphabet: int) -> scipy.sparse.csr_array:
    """(s, 7 · alphabet): block k of row t one-hot encodes phone t + k - 3 of the same recording."""
    s = len(phone)
    low, high = bounds_of(starts)
    t = np.arange(s)[:, None] + np.arange(-REACH, REACH + 1)
    inside = (t >= low[:, None]) & (t <= high[:, None])
    columns = phone[np.where(inside, t, 0)] + alphabet * np.arange(2 * REACH + 1)
    rows = np.broadcast_to(np.arange(s)[:, None], t.shape)
    ones = np.ones(np.count_nonzero(inside))
    shape = (s, (2 * REACH + 1) * alphabet)
    return scipy.sparse.csr_array((ones, (rows[inside], columns[inside])), shape=shape)
