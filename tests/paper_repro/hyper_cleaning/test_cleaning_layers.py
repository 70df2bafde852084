"""Each layer of hgref cleans alike."""

import sys
from argparse import Namespace

import numpy as np
import pytest
from numba.core import config

import hgref.fast
from paper_repro.hyper_cleaning.command import run
from paper_repro.hyper_cleaning.corruption import corrupt
from paper_repro.hyper_cleaning.methods import clean
from paper_repro.layer import MODULES, layer_of


@pytest.mark.parametrize("layer", MODULES)
def test_each_layer_takes_the_same_path(images, setting, layer, request):
    if layer == "cuda":
        request.getfixturevalue("simulated")
    tiny = setting.changed(train=12, valid=12, T=2, hyper_iterations=2, R=(5,))
    data = corrupt(images, tiny)
    found = clean(data, tiny.changed(layer=layer), 5)
    other = clean(data, tiny.changed(layer="readable"), 5)
    np.testing.assert_allclose(found.lam, other.lam, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.f, other.f, rtol=1e-9)
    assert np.ptp(found.lam, axis=0).max() > 0.01


def test_each_layer_has_the_modes_of_the_experiments():
    for name in ("readable", "cpu"):
        layer = layer_of(name)
        assert layer.reverse.__name__ == "reverse"
        assert callable(layer.forward)
        assert callable(layer.realtime)


@pytest.mark.skipif(getattr(config, "ENABLE_CUDASIM", False), reason="there is a simulator")
def test_a_machine_without_a_gpu_says_so_before_it_trains(monkeypatch):
    monkeypatch.delitem(sys.modules, "hgref.fast.cuda", raising=False)
    monkeypatch.delattr(hgref.fast, "cuda", raising=False)
    monkeypatch.setattr("numba.cuda.is_available", lambda: False)
    with pytest.raises(ImportError, match="needs an NVIDIA GPU"):
        run(Namespace(size="small", layer="cuda"))


def test_single_precision_is_of_the_fast_layers(setting):
    with pytest.raises(ValueError, match="expected float64 with --layer readable"):
        setting.changed(layer="readable", dtype="float32")
