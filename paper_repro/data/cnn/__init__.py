"""Features of pictures from the last layer of a CNN, EfficientNet-Lite0 trained on ImageNet."""
