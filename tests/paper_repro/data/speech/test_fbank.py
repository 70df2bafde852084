import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from paper_repro.data.speech.fbank import BANDS, LOWEST, STATIC, fbank, mel, mel_filters

rng = np.random.default_rng(0)
NOISE = (800 * rng.standard_normal(8000)).astype(np.int16)
TONE = (3000 * np.sin(2 * np.pi * 1000 / 16000 * np.arange(8000)) + NOISE / 20).astype(np.int16)


# Kaldi counts in float32: beside a loud tone, what is silent has fewer digits
@pytest.mark.parametrize(
    ("x", "exact"),
    [(NOISE, 1e-4), (TONE, 1e-3), (np.zeros(800, np.int16), 1e-6)],
    ids=["noise", "tone", "none"],
)
def test_as_kaldi_has_it(x, exact):
    kaldi = pytest.importorskip("kaldi_native_fbank", reason="the oracle is not installed")
    options = kaldi.FbankOptions()
    options.frame_opts.dither = 0
    options.mel_opts.num_bins = BANDS
    options.use_energy = True
    options.energy_floor = 0
    oracle = kaldi.OnlineFbank(options)
    oracle.accept_waveform(16000, x.astype(float).tolist())
    oracle.input_finished()
    expected = np.array([oracle.get_frame(i) for i in range(oracle.num_frames_ready)])
    found = fbank(x)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found[:, :BANDS], expected[:, 1:], atol=exact)
    np.testing.assert_allclose(found[:, BANDS], expected[:, 0], atol=exact)


@pytest.mark.parametrize(("n", "frames"), [(0, 0), (399, 0), (400, 1), (559, 1), (560, 2)])
def test_only_whole_windows_are_frames(n, frames):
    found = fbank(NOISE[:n])
    assert found.shape == (frames, STATIC)
    assert found.dtype == np.float32


def test_a_tone_is_in_the_band_of_its_frequency():
    edges = np.linspace(mel(LOWEST), mel(8000), BANDS + 2)
    loudest = fbank(TONE)[:, :BANDS].argmax(axis=1)
    np.testing.assert_array_equal(loudest, np.abs(edges[1:-1] - mel(1000)).argmin())


def test_the_energy_is_that_of_the_samples_less_their_mean():
    window = NOISE[160:560].astype(float)
    expected = np.log(np.sum((window - window.mean()) ** 2))
    np.testing.assert_allclose(fbank(NOISE)[1, BANDS], expected, rtol=1e-6)


@given(hnp.arrays(np.int16, st.integers(400, 900)), st.integers(1, 3))
def test_later_frames_are_those_of_later_samples(x, k):
    np.testing.assert_array_equal(fbank(x[160 * k :]), fbank(x)[k:])


@given(hnp.arrays(np.int16, st.integers(400, 600)))
def test_features_are_finite_and_fit_into_float16(x):
    found = fbank(x).astype(np.float16)
    assert np.isfinite(found).all()
    assert np.abs(found).max() < 64


def test_filters_are_triangles_that_overlap_by_halves():
    filters = mel_filters().toarray()
    assert filters.min() >= 0
    assert filters.max() <= 1
    frequencies = mel(np.arange(256) * 16000 / 512)
    edges = np.linspace(mel(LOWEST), mel(8000), BANDS + 2)
    inner = (frequencies >= edges[1]) & (frequencies <= edges[-2])
    np.testing.assert_allclose(filters[inner].sum(axis=1), 1)
