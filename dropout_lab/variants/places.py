"""The vocabulary of variants: places in networks, rates, rules of inference, and what uses them."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

RATES = {
    "rate": 0.5,
    "input_rate": 0.2,
    "stage_rates": 0.1,
    "branch_rate": 0.5,
    "state_rate": 0.25,
    "cell_rate": 0.25,
}
"""The keys of ``config.dropout`` that are rates, and their defaults."""

PLACES = {
    "input": "input_rate",
    "sequence": "input_rate",
    "stage": "stage_rates",
    "conv": "stage_rates",
    "pool": "stage_rates",
    "hidden": "rate",
    "first": "input_rate",
    "linear": "rate",
    "output": "rate",
    "branch": "branch_rate",
    "recurrent": "state_rate",
}
"""The places of networks, each with the key of the rate that a layer there takes."""


RULES_OF_INFERENCE = {
    "mean": "one pass with the noise at rest, each layer by its own rule",
    "mc": "the mean of the softmax outputs of many passes with live noise",
    "gaussian": "hidden units averaged over Gaussian pre-activations with the noise's moments",
    "moments": "one pass that carries means and variances of the noise along, without sampling",
}
"""How a trained network predicts; a variant's line in VARIANTS says which of these it has."""


@dataclasses.dataclass(frozen=True)
class Use:
    """How a variant uses a layer at a place.

    Attributes:
      layer: The layer's class.
      options: Keys of ``config.dropout``, besides the place's rate, that it takes by name.
      rated: Whether it takes a rate.
      sized: Whether it takes the shape of one example's activations, as ``shape``.
      learns: Whether that rate is only what its own, which it learns, starts from.
    """

    layer: Callable[..., Any]
    options: tuple[str, ...] = ()
    rated: bool = True
    sized: bool = False
    learns: bool = False


@dataclasses.dataclass(frozen=True)
class Variant:
    """What a variant puts at each place; None leaves the place alone.

    Attributes:
      input: Noise on the network's input, as the data has it.
      sequence: Noise on a recurrent network's input sequence.
      stage: Noise on the output of each convolutional stage.
      conv: A layer in place of each convolution.
      pool: A layer in place of each max-pooling.
      hidden: Noise on the output of each hidden dense layer.
      first: A layer in place of the dense layer that reads the data, if not that of ``linear``.
      linear: A layer in place of each hidden dense layer.
      output: A layer in place of the output layer.
      branch: Noise on each residual branch, at a rate that grows linearly with depth.
      recurrent: Noise inside a recurrent cell.
      defaults: Values of ``config.dropout`` left at None: rates other than ``RATES``, options.
      top: The highest rate allowed; ``ops.BELOW_ONE`` for any rate below 1.
      needs: Places of which a model must have one for the variant to make sense; empty: any.
      images: Whether examples must be images.
      allowed: For keys of the configuration, the values that go with the variant.
      inference: The keys of ``RULES_OF_INFERENCE`` it has; the first is its default.
      penalty_weight: Default weight of the layers' extra loss; None if there is none.
      penalty_warmup: Epochs from and until which that weight grows from 0, by default.
    """

    input: Use | None = None
    sequence: Use | None = None
    stage: Use | None = None
    conv: Use | None = None
    pool: Use | None = None
    hidden: Use | None = None
    first: Use | None = None
    linear: Use | None = None
    output: Use | None = None
    branch: Use | None = None
    recurrent: Use | None = None
    defaults: Mapping[str, float] = dataclasses.field(default_factory=dict)
    top: float = 1.0
    needs: tuple[str, ...] = ()
    images: bool = False
    allowed: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    inference: tuple[str, ...] = ("mean", "mc")
    penalty_weight: float | None = None
    penalty_warmup: tuple[float, float] = (0, 0)

    def uses(self, places: Sequence[str]) -> dict[str, Use]:
        """Returns what is used at which of a model's places."""
        found = {place: getattr(self, place) for place in places}
        return {place: use for place, use in found.items() if use is not None}

    def fits(self, places: Sequence[str]) -> bool:
        """Returns whether the variant makes sense in a model with these places."""
        if self.needs:
            return bool(set(self.needs) & set(places))
        return bool(self.uses(places)) or not self.uses(tuple(PLACES))

    def reads(self, places: Sequence[str]) -> set[str]:
        """Returns the keys of ``config.dropout`` that the variant reads in such a model."""
        uses = self.uses(places)
        rates = {PLACES[place] for place, use in uses.items() if use.rated}
        return rates.union(*(use.options for use in uses.values()))

    def draws(self, places: Sequence[str]) -> bool:
        """Returns whether noise in such a model is drawn at rates, which a schedule can change."""
        return any(use.rated and not use.learns for use in self.uses(places).values())

    def default(self, key: str) -> float:
        """Returns the default of a rate."""
        return self.defaults.get(key, RATES[key])
