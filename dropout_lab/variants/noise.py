"""The factory of a variant's layers, which models ask for one at each place."""

from collections.abc import Mapping, Sequence
from typing import Any

from flax import nnx

from dropout_lab import nn, ops
from dropout_lab.errors import unknown
from dropout_lab.ops import Rate
from dropout_lab.variants.places import PLACES, RATES, Use
from dropout_lab.variants.variants import OPTIONS, VARIANTS

Shape = tuple[int, ...]


class Noise:
    """A variant with its rates: hands a model the layer for each place.

    Args:
      variant: A name in ``VARIANTS``.
      options: Rates and whatever else the variant reads, by their names in ``config.dropout``; a
        rate that is missing or None is the variant's default. ``stage_rates`` may be a sequence.

    Raises:
      InputError: If there is no such variant or option.
    """

    def __init__(self, variant: str, **options: Any) -> None:
        if variant not in VARIANTS:
            raise unknown("variant", variant, VARIANTS)
        for key in options:
            if key not in OPTIONS:
                raise unknown("option of a variant", key, OPTIONS)
        self._variant = VARIANTS[variant]
        self._options = options

    def input(self, shape: Shape) -> nn.UnitNoise | None:
        """Returns the layer for inputs of ``shape`` (without the batch), if any."""
        return self._make("input", shape=shape)

    def sequence(self, shape: Shape) -> nn.UnitNoise | None:
        """Returns the layer for input sequences of ``shape`` (steps, features), if any."""
        return self._make("sequence", shape=shape)

    def stage(self, index: int, shape: Shape) -> nn.UnitNoise | None:
        """Returns the layer for the output of convolutional stage ``index``, if any."""
        return self._make("stage", index, shape=shape)

    def pool(self, index: int) -> nn.UnitNoise | None:
        """Returns the layer that pools 2 x 2 at the end of stage ``index``, if not the maximum."""
        return self._make("pool", index)

    def hidden(self, width: int) -> nn.UnitNoise | None:
        """Returns the layer for the output of a hidden dense layer, if any."""
        return self._make("hidden", shape=(width,))

    def branch(self, index: int, count: int) -> nn.UnitNoise | None:
        """Returns the layer for residual branch ``index`` of ``count``, if any.

        Its rate grows linearly with the index; the last branch has all of it.
        """
        rates = ops.survival_ramp(self._rate("branch_rate", None), count)
        return self._make("branch", rate=rates[index])

    def recurrent(self) -> Any:
        """Returns the noise inside a recurrent cell, if any."""
        return self._make("recurrent")

    def conv(self, index: int, *sizes: int, **keywords: Any) -> nnx.Module:
        """Returns a convolution of stage ``index``, with the arguments of ``nn.Conv``."""
        return self._make("conv", index, sizes, keywords) or nn.Conv(*sizes, **keywords)

    def linear(self, inputs: int, outputs: int, **keywords: Any) -> nnx.Module:
        """Returns a hidden dense layer, with the arguments of ``nn.Linear``."""
        made = self._make("linear", None, (inputs, outputs), keywords)
        return made or nn.Linear(inputs, outputs, **keywords)

    def first(self, inputs: int, outputs: int, **keywords: Any) -> nnx.Module:
        """Returns a hidden dense layer that reads the data, with the arguments of ``nn.Linear``."""
        made = self._make("first", None, (inputs, outputs), keywords)
        return made or self.linear(inputs, outputs, **keywords)

    def output(self, inputs: int, classes: int, **keywords: Any) -> nnx.Module:
        """Returns the output layer, with the arguments of ``nn.Linear``."""
        made = self._make("output", None, (inputs, classes), keywords)
        return made or nn.Linear(inputs, classes, **keywords)

    def _make(
        self,
        place: str,
        index: int | None = None,
        sizes: tuple[int, ...] = (),
        keywords: Mapping[str, Any] | None = None,
        *,
        shape: Shape = (),
        rate: Rate | None = None,
    ) -> Any:
        use: Use | None = getattr(self._variant, place)
        if use is None:
            return None
        arguments = dict(keywords or {})
        if use.rated:
            arguments["rate"] = self._rate(PLACES[place], index) if rate is None else rate
        if use.sized:
            arguments["shape"] = shape
        arguments |= {
            key: self._rate(key, index) if key in RATES else self._options[key]
            for key in use.options
            if key in RATES or self._options.get(key) is not None
        }
        return use.layer(*sizes, **arguments)

    def _rate(self, key: str, index: int | None) -> Rate:
        given = self._options.get(key)
        if given is None:
            return self._variant.default(key)
        return given[index] if isinstance(given, Sequence) and index is not None else given
