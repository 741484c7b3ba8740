"""The types of the table of variants: places in networks, layers at places, inference rules."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from dropout_lab import nn
from dropout_lab.errors import unknown

RATES = {
    "rate": 0.5,
    "input_rate": 0.2,
    "stage_rates": 0.1,
    "branch_rate": 0.5,
    "state_rate": 0.25,
    "cell_rate": 0.25,
    "embedding_rate": 0.1,
    "patch_rate": 0.5,
    "attention_rate": 0.1,
    "projection_rate": 0.1,
}
"""The keys of ``config.dropout`` that are rates, and their defaults."""


@dataclasses.dataclass(frozen=True)
class Place:
    """A place in a network where a variant can put a layer.

    Attributes:
      rate: The key in ``config.dropout`` of the rate of a layer there.
      fallback: The place whose layer and rate are used here by variants with no layer for this one.
    """

    rate: str
    fallback: str | None = None


PLACES = {
    "input": Place("input_rate"),  # noise on the network's input
    "sequence": Place("input_rate"),  # noise on a recurrent network's input sequence
    "stage": Place("stage_rates"),  # noise on the output of each convolutional stage
    "conv": Place("stage_rates"),  # a layer in place of each convolution
    "pool": Place("stage_rates"),  # a layer in place of each max-pooling
    "hidden": Place("rate"),  # noise on the output of each hidden dense layer
    "first": Place("input_rate", fallback="linear"),  # in place of the dense layer that reads data
    "linear": Place("rate"),  # a layer in place of each hidden dense layer
    "output": Place("rate"),  # a layer in place of the output layer
    "branch": Place("branch_rate"),  # noise on each residual branch, increasing with depth
    "recurrent": Place("state_rate"),  # noise inside a recurrent cell
    "embedding": Place("embedding_rate"),  # noise on a transformer's embedded tokens or patches
    "position": Place("embedding_rate"),  # noise on these with their positions added
    "patch": Place("patch_rate"),  # what leaves out whole tokens or patches
    "attention": Place("attention_rate"),  # noise on attention's logits, weights or heads
    "projection": Place("projection_rate"),  # noise on the output of each attention, feed-forward
    "feedforward": Place("rate", fallback="hidden"),  # noise on the units of each feed-forward
    "layer": Place("branch_rate"),  # what skips a transformer's whole layer
}

INFERENCE_RULES = {
    "mean": "one pass without noise, with each layer's own correction for its absence",
    "mc": "the mean of the softmax outputs of many passes with noise",
    "masks": "the mean of the softmax outputs under each of a network's fixed masks",
    "gaussian": "hidden units averaged over Gaussian pre-activations with the noise's moments",
    "moments": "one pass that propagates means and variances of the noise, without sampling",
    "every_other": "one pass without noise and without every other layer of a transformer",
}
"""How a trained network predicts; a variant's row in VARIANTS lists those that it has."""

SHARES = {"unit_share": "rate", "input_share": "input_rate"}
"""Options that, unless given, are the value of a rate."""

ARGUMENTS = {"share": "fraction", "patch_share": "share", "rate": "hidden_rate"}
"""Arguments of layers that are not named like their keys of ``config.dropout``."""


@dataclasses.dataclass(frozen=True)
class LayerChoice:
    """A layer that a variant puts at a place.

    Attributes:
      layer: The layer's class.
      options: Keys of ``config.dropout``, besides the place's rate, that are its arguments.
      rated: Whether it takes a rate.
      sized: Whether it takes the shape of one example's activations, as ``shape``.
      learns: Whether the layer learns its rate; the configured one is then the initial value.
    """

    layer: type[nn.Stochastic]
    options: tuple[str, ...] = ()
    rated: bool = True
    sized: bool = False
    learns: bool = False


@dataclasses.dataclass(frozen=True)
class Variant:
    """A dropout variant: the layer at each place, and the settings that go with it.

    Attributes:
      layers: The layers by place, names in ``PLACES``; other places are left as they are.
      defaults: Default rates that differ from ``RATES``, and defaults of other options.
      defaults_with: Default rates in a model that has a place, by that place.
      needs: The model must have at least one of these places; empty: no requirement.
      images: Whether examples must be images.
      allowed: Allowed values of the configuration keys that the variant restricts, by key.
      inference: The variant's keys of ``INFERENCE_RULES``; the first is its default.
      penalty_weight: Default weight of the layers' extra loss; None if there is none.
      penalty_warmup: Default epochs between which that weight grows from 0 to its value.
    """

    layers: Mapping[str, LayerChoice] = dataclasses.field(default_factory=dict)
    defaults: Mapping[str, float] = dataclasses.field(default_factory=dict)
    defaults_with: Mapping[str, Mapping[str, float]] = dataclasses.field(default_factory=dict)
    needs: tuple[str, ...] = ()
    images: bool = False
    allowed: Mapping[str, tuple[Any, ...]] = dataclasses.field(default_factory=dict)
    inference: tuple[str, ...] = ("mean", "mc")
    penalty_weight: float | None = None
    penalty_warmup: tuple[float, float] = (0, 0)

    def __post_init__(self) -> None:
        for place in self.layers:
            if place not in PLACES:
                raise unknown("place of a variant", place, PLACES)

    @property
    def max_rate(self) -> float:
        """The highest rate that all of its layers take; ``ops.BELOW_ONE`` for any below 1."""
        return min((choice.layer.max_rate for choice in self.layers.values()), default=1.0)

    def source(self, place: str) -> str:
        """Returns the place whose layer and rate are used at ``place``: itself or its fallback."""
        fallback = PLACES[place].fallback
        return place if place in self.layers or fallback is None else fallback

    def layers_at(self, places: Sequence[str]) -> dict[str, LayerChoice]:
        """Returns the variant's layers at a model's places; places without one are left out."""
        sources = {place: self.source(place) for place in places}
        return {
            place: self.layers[source] for place, source in sources.items() if source in self.layers
        }

    def fits(self, places: Sequence[str]) -> bool:
        """Returns whether the variant can be used in a model with these places."""
        if self.needs:
            return bool(set(self.needs) & set(places))
        return bool(self.layers_at(places)) or not self.layers

    def reads(self, places: Sequence[str]) -> set[str]:
        """Returns the keys of ``config.dropout`` that the variant reads, given a model's places."""
        choices = self.layers_at(places)
        rates = {PLACES[self.source(place)].rate for place in choices if choices[place].rated}
        return rates.union(*(choice.options for choice in choices.values()))

    def draws(self, places: Sequence[str]) -> bool:
        """Returns whether, with these places, any noise has a rate that a schedule can change."""
        return any(choice.rated and not choice.learns for choice in self.layers_at(places).values())

    def default(self, key: str, places: Sequence[str] = ()) -> float:
        """Returns the default of a rate in a model with these places."""
        for place, defaults in self.defaults_with.items():
            if place in places and key in defaults:
                return defaults[key]
        return self.defaults.get(key, RATES[key])
