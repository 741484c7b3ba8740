"""The network that a name stands for: a row of ``MODELS``, or one's own in a file."""

import functools
import inspect

from dropout_lab.errors import InputError, unknown
from dropout_lab.models.blocks import Network
from dropout_lab.models.cnn import CNN
from dropout_lab.models.mlp import MLP
from dropout_lab.models.resnet import ResNet
from dropout_lab.models.rnn import RNN
from dropout_lab.models.transformer import Transformer
from dropout_lab.system import external
from dropout_lab.variants import PLACES

MODELS: dict[str, type[Network]] = {
    "mlp": MLP,
    "cnn": CNN,
    "resnet": ResNet,
    "rnn": RNN,
    "transformer": Transformer,
}

_GIVEN = ("shape", "classes", "factory", "rngs")
"""Arguments that every network gets, besides those of its keys of ``config.model``."""


def model_named(name: str) -> type[Network]:
    """Returns the network of a name in ``MODELS``, or of a pinned name (see ``external``).

    Raises:
      InputError: If there is none, or a network of one's own is not well formed.
    """
    if name in MODELS:
        return MODELS[name]
    if not external.is_external(name):
        raise unknown("model", name, MODELS)
    return _own(name)


@functools.cache
def _own(name: str) -> type[Network]:
    made = external.load("config.model.name", name)
    label = f"config.model.name: {external.content_name(name)}"
    if not inspect.isclass(made) or not issubclass(made, Network):
        raise InputError(
            f"{label} is no class of networks; allowed: a subclass of dropout_lab.models.Network"
        )
    if not hasattr(made, "places"):
        raise InputError(f"{label} has no places; allowed: a tuple of {', '.join(PLACES)}")
    for place in (*made.places, *made.dense_places, *made.stage_places, *made.token_places):
        if place not in PLACES:
            raise unknown(f"place of {label}:", place, PLACES)
    taken = inspect.signature(made.__init__).parameters
    missing = [argument for argument in _GIVEN if argument not in taken]
    if missing:
        raise InputError(
            f"{label}: its __init__ does not take {', '.join(missing)}; allowed: (self, shape, "
            "classes, *, KEYS OF config.model, factory, rngs)"
        )
    return made
