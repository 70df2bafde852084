"""The network written a second time, in NumPy, with weights made up as it goes: a witness."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

# Tan and Le 2019, table 1, spelled out: for each block kernel, stride, channels in, wide, out
BLOCKS = [
    (3, 1, 32, 32, 16),
    (3, 2, 16, 96, 24),
    (3, 1, 24, 144, 24),
    (5, 2, 24, 144, 40),
    (5, 1, 40, 240, 40),
    (3, 2, 40, 240, 80),
    (3, 1, 80, 480, 80),
    (3, 1, 80, 480, 80),
    (5, 1, 80, 480, 112),
    (5, 1, 112, 672, 112),
    (5, 1, 112, 672, 112),
    (5, 2, 112, 672, 192),
    (5, 1, 192, 1152, 192),
    (5, 1, 192, 1152, 192),
    (5, 1, 192, 1152, 192),
    (3, 1, 192, 1152, 320),
]


class ByHand:
    """`weights` by the names of the file, and `run`, which computes features and logits."""

    def __init__(self, seed=0):
        self.rng, self.weights = np.random.default_rng(seed), {}

    def weight(self, name, shape, low, high):
        if name not in self.weights:
            self.weights[name] = self.rng.uniform(low, high, shape).astype(np.float32)
        return self.weights[name].astype(np.float64)

    def conv(self, x, name, norm, shape, stride=1):
        scale = (6 / np.prod(shape[1:])) ** 0.5
        kernel = self.weight(f"{name}.weight", shape, -scale, scale)
        x = windows(x, shape[2], stride)
        if shape[1] == 1 and x.shape[1] == shape[0]:
            x = np.einsum("nchwij,cij->nchw", x, kernel[:, 0])
        else:
            x = np.einsum("nchwij,ocij->nohw", x, kernel, optimize=True)
        bounds = {
            "weight": (0.5, 1.5),
            "bias": (-1, 1),
            "running_mean": (-1, 1),
            "running_var": (0.5, 2),
        }
        g, b, mean, var = (
            self.weight(f"{norm}.{part}", shape[0], *bounds[part])[:, None, None] for part in bounds
        )
        return (x - mean) / np.sqrt(var + 0.001) * g + b

    def run(self, pixels):
        """pixels (n, side, side, 3) that need no resizing → features (n, 1280), logits (n, 1000)"""
        x = (pixels.astype(np.float64).transpose(0, 3, 1, 2) - 127) / 128
        x = relu6(self.conv(x, "_conv_stem", "_bn0", (32, 3, 3, 3), 2))
        for j, (kernel, stride, into, wide, out) in enumerate(BLOCKS):
            before, name = x, f"_blocks.{j}."
            if wide > into:
                x = self.conv(x, f"{name}_expand_conv", f"{name}_bn0", (wide, into, 1, 1))
                x = relu6(x)
            alone = (wide, 1, kernel, kernel)
            x = relu6(self.conv(x, f"{name}_depthwise_conv", f"{name}_bn1", alone, stride))
            x = self.conv(x, f"{name}_project_conv", f"{name}_bn2", (out, wide, 1, 1))
            if stride == 1 and into == out:
                x = x + before
        features = relu6(self.conv(x, "_conv_head", "_bn1", (1280, 320, 1, 1))).mean(axis=(2, 3))
        matrix = self.weight("_fc.weight", (1000, 1280), -0.1, 0.1)
        return features, features @ matrix.T + self.weight("_fc.bias", 1000, -1, 1)


def relu6(x):
    return np.minimum(np.maximum(x, 0), 6)


def windows(x, kernel, stride):
    """(n, c, h, w) → (n, c, h / stride, w / stride, kernel, kernel), padded as by TensorFlow."""
    pads = [(0, 0), (0, 0)]
    for length in x.shape[2:]:
        total = max((-(-length // stride) - 1) * stride + kernel - length, 0)
        pads.append((total // 2, total - total // 2))
    return sliding_window_view(np.pad(x, pads), (kernel, kernel), (2, 3))[:, :, ::stride, ::stride]
