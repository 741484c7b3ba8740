"""Dense layers with batchwise dropout, which do not compute the units that are dropped."""

from typing import Unpack

import jax
from jaxtyping import Array, Float, Int, Key

from dropout_lab import ops
from dropout_lab.nn.linear import Activation, affine, identity
from dropout_lab.nn.noisy import LayerOptions, NoisyDense
from dropout_lab.nn.stochastic import DropRate, Stochastic, Streams
from dropout_lab.ops import Kept, Rate, checked_rate

Units = Kept | Float[Array, "*batch units"]


class _Dense(Stochastic):
    """A dense layer that reads the units left of the layer below: the parameters, and inference.

    Args:
      in_features: Inputs.
      out_features: Outputs.
      **options: As for :class:`NoisyLayer`.
    """

    def __init__(
        self, in_features: int, out_features: int, **options: Unpack[LayerOptions]
    ) -> None:
        # The parameters and initial values of a plain layer.
        dense = NoisyDense(in_features, out_features, **options)
        self.kernel, self.bias = dense.kernel, dense.bias
        super().__init__(deterministic=dense.deterministic, rng_collection=dense.rng_collection)

    def product(
        self, x: Units, units: Int[Array, " kept"] | None = None
    ) -> Float[Array, "*batch outputs"]:
        """Returns the pre-activations of some outputs; None for all."""
        values, left = (x.scaled(), x.units) if isinstance(x, Kept) else (x, None)
        bias = ops.submatrix(self.bias[...][None], None, units)
        return affine(values, ops.submatrix(self.kernel[...], left, units), bias[0])


class BatchwiseDense(_Dense):
    """A hidden layer with batchwise dropout of its outputs, ``ops.batchwise_dropout``.

    It reads and computes only what is left, and tells the layer above which units these are. The
    activation has to act on each unit alone, without parameters of its own.

    Args:
      in_features: Inputs.
      out_features: Outputs.
      rate: Fraction of the outputs to drop.
      unit_share: Fraction of the outputs that are not computed at all; more cannot be kept,
        whatever the rate. A number, as it shapes the program.
      **options: As for :class:`NoisyLayer`.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        rate: Rate,
        unit_share: float = 0.0,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(in_features, out_features, **options)
        self.rate = DropRate(self.checked_rate(rate))
        self.unit_share = unit_share

    def __call__(
        self,
        inputs: Units,
        *,
        activation: Activation = identity,
        deterministic: bool | None = None,
        rngs: Streams | None = None,
    ) -> Units:
        """Returns the activations of the units left or, if deterministic, of all.

        Args:
          inputs: Activations of the layer below, of all units or of those left.
          activation: The function of the pre-activations.
          deterministic: Overrides the layer's flag.
          rngs: Streams to draw the mask's key from.
        """
        if self._is_deterministic(deterministic):
            return activation(self.product(inputs))
        return self.sample(self.make_key(rngs), inputs, activation)

    def sample(self, key: Key[Array, ""], x: Units, activation: Activation) -> Kept:
        """Returns the activations of the units left, drawn from ``key``."""
        return self._outputs(key, x, activation, self.rate)

    def _outputs(
        self, key: Key[Array, ""], x: Units, activation: Activation, rate: DropRate
    ) -> Kept:
        units = self.kernel[...].shape[1]
        left, scale = ops.kept_units(key, rate[...], units, computed(units, self.unit_share))
        return Kept(activation(self.product(x, left)), left, scale)


class BatchwiseInput(BatchwiseDense):
    """The layer that reads data: :class:`BatchwiseDense` with batchwise dropout of its inputs too.

    Args:
      in_features: Inputs.
      out_features: Outputs.
      rate: Fraction of the inputs to drop.
      input_share: Fraction of the inputs that are not read at all.
      hidden_rate: Fraction of the outputs to drop.
      unit_share: Fraction of the outputs that are not computed at all.
      **options: As for :class:`NoisyLayer`.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        rate: Rate,
        input_share: float = 0.0,
        hidden_rate: Rate,
        unit_share: float = 0.0,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(in_features, out_features, rate=rate, unit_share=unit_share, **options)
        name = f"{type(self).__name__}: hidden_rate"
        self.hidden_rate = DropRate(checked_rate(name, hidden_rate))
        self.input_share = input_share

    def sample(self, key: Key[Array, ""], x: Units, activation: Activation) -> Kept:
        """Returns the activations of the units left, drawn from ``key``."""
        key, input_key = jax.random.split(key)
        if isinstance(x, Kept):
            raise TypeError("BatchwiseInput: its inputs are data, not the units left of a layer")
        inputs = x.shape[-1]
        count = computed(inputs, self.input_share)
        left, scale = ops.kept_units(input_key, self.rate[...], inputs, count)
        x = Kept(x if count == inputs else x.take(left, -1), left, scale)
        return self._outputs(key, x, activation, self.hidden_rate)


class BatchwiseOutput(_Dense):
    """The layer above one with batchwise dropout; it computes all its outputs.

    Args:
      in_features: Inputs.
      out_features: Outputs.
      **options: As for :class:`NoisyLayer`.
    """

    def __call__(
        self,
        inputs: Units,
        *,
        activation: Activation = identity,
        deterministic: bool | None = None,
        rngs: Streams | None = None,
    ) -> Float[Array, "*batch outputs"]:
        """Returns the activations of all outputs; it needs neither flag nor streams."""
        del deterministic, rngs
        return activation(self.product(inputs))


def computed(units: int, share: float) -> int:
    """Returns how many units are computed without a share of them; at least 1."""
    return max(round((1 - share) * units), 1)
