"""Networks, written once: each takes a :class:`dropout_lab.variants.Noise`, of any variant."""

from dropout_lab.models.blocks import ACTIVATIONS
from dropout_lab.models.cnn import CNN
from dropout_lab.models.mlp import MLP

MODELS: dict[str, type[MLP] | type[CNN]] = {"mlp": MLP, "cnn": CNN}

__all__ = ["ACTIVATIONS", "CNN", "MLP", "MODELS"]
