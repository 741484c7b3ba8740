"""A dense layer with Standout: the noise comes after the activation."""

from typing import Unpack

from jaxtyping import Array, Float, Key

from dropout_lab import ops
from dropout_lab.nn.linear import Activation
from dropout_lab.nn.noisy import LayerOptions, NoisyDense
from dropout_lab.nn.stochastic import DropRate
from dropout_lab.ops import Rate, checked_strength


class Standout(NoisyDense):
    """A dense layer that keeps units by their pre-activations, :func:`dropout_lab.ops.standout`.

    The belief network that gives the probabilities has the layer's own weights, as in the paper's
    experiments. At inference units are multiplied by their probability of being kept.

    Args:
      in_features: Inputs.
      out_features: Outputs.
      rate: Probability of dropping a unit whose pre-activation is 0.
      strength: Factor of the pre-activation in the log odds of keeping, at least 0.
      **options: As for :class:`NoisyLayer`.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        rate: Rate,
        strength: float = 1.0,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(in_features, out_features, **options)
        self.rate = DropRate(self.checked_rate(rate))
        checked_strength("Standout", strength)
        self.strength = strength

    def activations(
        self, key: Key[Array, ""] | None, x: Float[Array, "*batch inputs"], activation: Activation
    ) -> Float[Array, "*batch outputs"]:
        """Returns the activations, with units dropped or, without a key, scaled."""
        drive = self.infer(x)
        units = activation(drive)
        rate, strength = self.rate[...], self.strength
        if key is None:
            keep = ops.standout_keep(drive, rate=rate, strength=strength)
            return (ops.wide(units) * keep).astype(units.dtype)
        return ops.standout(key, units, rate=rate, drive=drive, strength=strength)
