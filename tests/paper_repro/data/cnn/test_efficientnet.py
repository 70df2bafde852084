"""The ONNX graph computes what EfficientNet-Lite0 is."""

import importlib.util

import numpy as np
import pytest
from network_by_hand import ByHand

from paper_repro.data.cnn.efficientnet import efficientnet
from paper_repro.data.cnn.features import Network
from paper_repro.data.cnn.weights import PACKAGE, pretrained

pytest.importorskip("onnx", reason="wants the extra `features`")
pytest.importorskip("onnxruntime", reason="wants the extra `features`")

needs_weights = pytest.mark.skipif(
    importlib.util.find_spec(PACKAGE) is None, reason="wants the weights of the extra `features`"
)


@pytest.fixture(scope="module")
def by_hand():
    made = ByHand()
    made.run(np.zeros((1, 32, 32, 3), np.uint8))
    return made


@pytest.mark.parametrize("px", [32, 44])  # 44 → 22 → 11 → 6 → 3: paddings even and odd
def test_the_graph_computes_what_numpy_does(by_hand, px):
    pixels = np.random.default_rng(px).integers(0, 256, (2, px, px, 3), np.uint8)
    features, logits = by_hand.run(pixels)
    assert 0.1 < np.std(features) < 3  # neither dead nor clipped everywhere
    cnn = Network(efficientnet(by_hand.weights, px))
    np.testing.assert_allclose(cnn.run(pixels, "features"), features, rtol=0, atol=1e-4)
    np.testing.assert_allclose(cnn.run(pixels, "logits"), logits, rtol=0, atol=1e-4)


def test_grey_is_the_same_in_three_channels(by_hand):
    pixels = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 1), np.uint8)
    cnn = Network(efficientnet(by_hand.weights, 32))
    same = np.repeat(pixels, 3, axis=3)
    np.testing.assert_array_equal(cnn.run(pixels, "features"), cnn.run(same, "features"))


@pytest.mark.parametrize("side", [28, 71, 160])  # grown, shrunk, averaged
def test_pictures_are_resized_bilinearly(by_hand, side):
    Image = pytest.importorskip("PIL.Image")
    picture = np.random.default_rng(1).integers(0, 256, (side, side, 3), np.uint8)
    resized = np.asarray(Image.fromarray(picture).resize((40, 40), Image.Resampling.BILINEAR))
    cnn = Network(efficientnet(by_hand.weights, 40))
    found, expected = (cnn.run(x[None], "features") for x in (picture, resized))
    other = cnn.run(np.roll(resized, 1, axis=0)[None], "features")
    # PIL rounds to whole numbers, which the network makes more of, but less than of a shift
    assert np.abs(found - expected).mean() < 0.1 * np.abs(other - expected).mean()


def test_the_same_weights_give_the_same_bytes(by_hand):
    model = efficientnet(by_hand.weights, 32)
    assert efficientnet(dict(by_hand.weights), 32) == model
    assert efficientnet(by_hand.weights, 64) != model


def test_weights_that_do_not_fit_are_refused(by_hand):
    weights = dict(by_hand.weights)
    weights["_conv_head.weight"] = weights["_conv_head.weight"][:-1]
    with pytest.raises(ValueError, match=r"_conv_head\.weight: expected shape \(1280, 320, 1, 1\)"):
        efficientnet(weights, 32)
    del weights["_conv_head.weight"]
    with pytest.raises(ValueError, match=r"expected _conv_head\.weight, found none"):
        efficientnet(weights, 32)


@needs_weights
@pytest.mark.parametrize(
    ("name", "label"),
    [("china.jpg", 698), ("flower.jpg", 985)],  # ImageNet: palace, daisy
)
def test_the_pretrained_network_knows_what_it_sees(name, label):
    datasets = pytest.importorskip("sklearn.datasets")
    picture = datasets.load_sample_image(name)
    left = (picture.shape[1] - picture.shape[0]) // 2
    square = picture[:, left : left + picture.shape[0]]
    logits = Network(efficientnet(pretrained(), 224)).run(square[None], "logits")
    assert logits.argmax() == label
