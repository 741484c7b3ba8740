"""The variants: a name for which layers go where in a network.

A model asks :class:`Noise` for a layer at each place and never learns which variant it has. To add
one, add a line to ``VARIANTS``.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from flax import nnx

from dropout_lab import nn
from dropout_lab.errors import unknown
from dropout_lab.ops import Rate

Shape = tuple[int, ...]
UnitMaker = Callable[[Rate, Shape], nn.UnitNoise]
"""From a rate and the shape of one example's activations to a layer."""


@dataclasses.dataclass(frozen=True)
class Variant:
    """What a variant puts at each place; None leaves the place alone.

    Attributes:
      input: Noise on the network's input.
      stage: Noise on the output of each convolutional stage.
      hidden: Noise on the output of each hidden dense layer.
      linear: A layer in place of each hidden dense layer.
      rate: Default of ``dropout.rate``, for ``hidden`` or ``linear``.
      input_rate: Default of ``dropout.input_rate``.
      stage_rate: Default of every one of ``dropout.stage_rates``.
      one_allowed: Whether a rate may be 1.
      needs: Places that a model must have for the variant to make sense.
      options: Keys of ``config.dropout``, besides rates, that ``linear`` takes.
    """

    input: UnitMaker | None = None
    stage: UnitMaker | None = None
    hidden: UnitMaker | None = None
    linear: Callable[..., nnx.Module] | None = None
    rate: float = 0.5
    input_rate: float = 0.2
    stage_rate: float = 0.1
    one_allowed: bool = True
    needs: tuple[str, ...] = ()
    options: tuple[str, ...] = ()

    def reads(self) -> dict[str, bool]:
        """Returns, for each key of rates, whether the variant reads it."""
        return {
            "rate": self.hidden is not None or self.linear is not None,
            "input_rate": self.input is not None,
            "stage_rates": self.stage is not None,
        }


def _unit(layer: Callable[[Rate], nn.UnitNoise]) -> UnitMaker:
    return lambda rate, shape: layer(rate)


def _sized(layer: Callable[..., nn.UnitNoise]) -> UnitMaker:
    return lambda rate, shape: layer(rate, shape=shape)


def _everywhere(maker: UnitMaker, **fields: Any) -> Variant:
    return Variant(input=maker, stage=maker, hidden=maker, **fields)


VARIANTS: dict[str, Variant] = {
    "none": Variant(),
    "dropout": _everywhere(_unit(nn.Dropout)),
    "classic_dropout": _everywhere(_unit(nn.ClassicDropout)),
    "gaussian_dropout": _everywhere(_unit(nn.GaussianDropout), one_allowed=False),
    "spatial_dropout": Variant(
        stage=_unit(nn.SpatialDropout), hidden=_unit(nn.Dropout), needs=("stage",)
    ),
    "drop_connect": Variant(linear=nn.DropConnect, options=("per_example",)),
    "variational_dropout": _everywhere(_sized(nn.VariationalDropout), one_allowed=False),
}


class Noise:
    """A variant with its rates: hands a model the layer for each place.

    Args:
      variant: A name in ``VARIANTS``.
      rate: Rate of hidden dense layers; None for the variant's default, as below.
      input_rate: Rate of the input.
      stage_rates: Rates of the convolutional stages, one each, or one for all.
      options: What else the variant takes.

    Raises:
      InputError: If there is no such variant.
    """

    def __init__(
        self,
        variant: str,
        *,
        rate: Rate | None = None,
        input_rate: Rate | None = None,
        stage_rates: Rate | Sequence[Rate] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        if variant not in VARIANTS:
            raise unknown("variant", variant, VARIANTS)
        self._variant = made = VARIANTS[variant]
        self._rate = made.rate if rate is None else rate
        self._input_rate = made.input_rate if input_rate is None else input_rate
        self._stage_rates = made.stage_rate if stage_rates is None else stage_rates
        self._options = options or {}

    def input(self, shape: Shape) -> nn.UnitNoise | None:
        """Returns the layer for inputs of ``shape`` (without the batch), if any."""
        return self._make(self._variant.input, self._input_rate, shape)

    def stage(self, index: int, shape: Shape) -> nn.UnitNoise | None:
        """Returns the layer for the output of convolutional stage ``index``, if any."""
        rates = self._stage_rates
        rate = rates[index] if isinstance(rates, Sequence) else rates
        return self._make(self._variant.stage, rate, shape)

    def hidden(self, width: int) -> nn.UnitNoise | None:
        """Returns the layer for the output of a hidden dense layer, if any."""
        return self._make(self._variant.hidden, self._rate, (width,))

    def linear(
        self, inputs: int, outputs: int, *, kernel_init: nnx.Initializer, rngs: nnx.Rngs
    ) -> nnx.Module:
        """Returns a hidden dense layer."""
        if self._variant.linear is None:
            return nn.Linear(inputs, outputs, kernel_init=kernel_init, rngs=rngs)
        return self._variant.linear(
            inputs, outputs, rate=self._rate, kernel_init=kernel_init, rngs=rngs, **self._options
        )

    @staticmethod
    def _make(maker: UnitMaker | None, rate: Rate, shape: Shape) -> nn.UnitNoise | None:
        return None if maker is None else maker(rate, shape)
