"""The static features: log-mel energies of 25 ms windows every 10 ms."""

from __future__ import annotations

from functools import cache

import numpy as np
import scipy.sparse

from hgref.arguments import Array
from paper_repro.data.speech.recording import RATE

WINDOW = 400  # samples, 25 ms
HOP = 160  # samples, 10 ms
FFT = 512
BANDS = 40
LOWEST = 20.0  # Hz; the highest frequency is half the rate
PREEMPHASIS = 0.97
FLOOR = float(np.finfo(np.float32).eps)  # lower bound of energies in the logarithm, as in Kaldi
STATIC = BANDS + 1


def fbank(x: Array) -> Array:
    """40 log-mel energies and the log energy of each window of a recording.

    x        (n,) samples
    returns  (frames, 41) float32, frames = 1 + (n - 400) // 160, or 0 if n < 400; frame t covers
             the samples 160 t … 160 t + 399
    Cost     one FFT of 512 numbers per frame
    Exact    agrees with Kaldi's fbank features without dither to 1e-4
    Source   Kaldi's feature-window and mel-computations; Povey's window is Hann's to the power 0.85
    """
    if len(x) < WINDOW:
        return np.zeros((0, STATIC), np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(x, WINDOW)[::HOP].astype(float)
    frames -= frames.mean(axis=1, keepdims=True)
    energy = np.square(frames).sum(axis=1)
    before = np.concatenate([frames[:, :1], frames[:, :-1]], axis=1)
    spectra = np.fft.rfft((frames - PREEMPHASIS * before) * povey_window(), FFT)
    power = spectra.real**2 + spectra.imag**2
    both = np.column_stack([power[:, : FFT // 2] @ mel_filters(), energy])
    return np.log(np.maximum(both, FLOOR)).astype(np.float32)


@cache
def povey_window() -> Array:
    return np.hanning(WINDOW) ** 0.85


@cache
def mel_filters() -> scipy.sparse.csr_array:
    """Triangular filters (256, 40), evenly spaced and linear on the mel scale.

    They are sparse to avoid BLAS: if another process keeps a core busy, its threads wait for each
    other forty times as long as they work on so thin a product.
    """
    edges = np.linspace(mel(LOWEST), mel(RATE / 2), BANDS + 2)
    left, middle, right = edges[:-2], edges[1:-1], edges[2:]
    m = mel(np.arange(FFT // 2) * RATE / FFT)[:, None]
    rising, falling = (m - left) / (middle - left), (right - m) / (right - middle)
    return scipy.sparse.csr_array(np.maximum(0, np.minimum(rising, falling)))


def mel(hertz: float | Array) -> Array:
    return 1127 * np.log1p(np.asarray(hertz) / 700)
