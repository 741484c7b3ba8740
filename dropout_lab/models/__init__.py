"""The networks: each gets its layers from a :class:`dropout_lab.variants.LayerFactory`."""

from dropout_lab.models.blocks import ACTIVATIONS, Dense, Network
from dropout_lab.models.cnn import CNN
from dropout_lab.models.lookup import MODELS, model_named
from dropout_lab.models.mlp import MLP
from dropout_lab.models.reading import POSITIONS
from dropout_lab.models.resnet import ResNet
from dropout_lab.models.rnn import CELLS, RNN, SEQUENCES
from dropout_lab.models.transformer import POOLINGS, Transformer

__all__ = [
    "ACTIVATIONS",
    "CELLS",
    "CNN",
    "MLP",
    "MODELS",
    "POOLINGS",
    "POSITIONS",
    "RNN",
    "SEQUENCES",
    "Dense",
    "Network",
    "ResNet",
    "Transformer",
    "model_named",
]
