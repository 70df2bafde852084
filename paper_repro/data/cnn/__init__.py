"""Features of pictures from the last layer of EfficientNet-Lite0, a CNN trained on ImageNet."""
