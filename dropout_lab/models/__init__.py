"""Networks, written once: each takes a :class:`dropout_lab.variants.Noise`, of any variant."""

from dropout_lab.models.blocks import ACTIVATIONS, NONNEGATIVE, Network
from dropout_lab.models.cnn import CNN
from dropout_lab.models.mlp import MLP
from dropout_lab.models.resnet import ResNet

MODELS: dict[str, type[Network]] = {"mlp": MLP, "cnn": CNN, "resnet": ResNet}

__all__ = ["ACTIVATIONS", "CNN", "MLP", "MODELS", "NONNEGATIVE", "Network", "ResNet"]
