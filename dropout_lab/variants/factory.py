"""The factory of a variant's layers: a model asks it for a layer at each of its places."""

from collections.abc import Mapping, Sequence
from typing import Any

from flax import nnx

from dropout_lab import nn, ops
from dropout_lab.errors import unknown
from dropout_lab.ops import Rate
from dropout_lab.variants.lookup import variant_named
from dropout_lab.variants.places import ARGUMENTS, PLACES, RATES
from dropout_lab.variants.variants import OPTIONS


class LayerFactory:
    """Makes a variant's layers, at given rates, for the places of a model.

    Args:
      variant: A name as :func:`variant_named` takes it.
      options: Rates and other options of the variant, by their names in ``config.dropout``; a rate
        that is missing or None is the variant's default. ``stage_rates`` may be a sequence.

    Raises:
      InputError: If the variant or an option is unknown.
    """

    def __init__(self, variant: str, **options: Any) -> None:
        made = variant_named(variant)
        for option in options:
            if option not in OPTIONS:
                raise unknown("option of a variant", option, OPTIONS)
        self._variant = made
        self._options = options

    def noise(self, place: str, shape: Sequence[int] = (), *, index: int | None = None) -> Any:
        """Returns the noise layer for a place, or None if the variant has none there.

        Args:
          place: A name in ``PLACES``.
          shape: Shape of one example's activations there.
          index: Index of the convolutional stage, for a place in one.
        """
        return self._make(place, index, shape=tuple(shape))

    def branch(self, index: int, count: int) -> Any:
        """Returns the noise layer for residual branch ``index`` of ``count``, or None.

        Rates grow linearly with the index, up to the variant's rate for the last branch.
        """
        rates = ops.survival_ramp(self._rate("branch_rate", None), count)
        return self._make("branch", rate=rates[index])

    def conv(self, index: int, *sizes: int, **keywords: Any) -> nnx.Module:
        """Returns a convolution of stage ``index``, with the arguments of ``nn.Conv``."""
        return self._make("conv", index, sizes, keywords) or nn.Conv(*sizes, **keywords)

    def dense(self, place: str, inputs: int, outputs: int, **keywords: Any) -> nnx.Module:
        """Returns a dense layer for a place, with the arguments of ``nn.Linear``."""
        made = self._make(place, None, (inputs, outputs), keywords)
        return made or nn.Linear(inputs, outputs, **keywords)

    def _make(
        self,
        place: str,
        index: int | None = None,
        sizes: tuple[int, ...] = (),
        keywords: Mapping[str, Any] | None = None,
        *,
        shape: tuple[int, ...] = (),
        rate: Rate | None = None,
    ) -> Any:
        source = self._variant.source(place)
        choice = self._variant.layers.get(source)
        if choice is None:
            return None
        arguments = dict(keywords or {})
        if choice.rated:
            arguments["rate"] = self._rate(PLACES[source].rate, index) if rate is None else rate
        if choice.sized:
            arguments["shape"] = shape
        arguments |= {
            ARGUMENTS.get(key, key): self._rate(key, index) if key in RATES else self._options[key]
            for key in choice.options
            if key in RATES or self._options.get(key) is not None
        }
        return choice.layer(*sizes, **arguments)

    def _rate(self, key: str, index: int | None) -> Rate:
        given = self._options.get(key)
        if given is None:
            return self._variant.default(key)
        return given[index] if isinstance(given, Sequence) and index is not None else given
