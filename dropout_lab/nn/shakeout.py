"""A dense layer with Shakeout."""

from typing import Unpack

from jaxtyping import Array, Float, Key

from dropout_lab import ops
from dropout_lab.nn.noisy import LayerOptions, NoisyDense
from dropout_lab.nn.stochastic import DropRate
from dropout_lab.ops import Rate, checked_strength


class Shakeout(NoisyDense):
    """A dense layer that enhances or reverses its inputs, :func:`dropout_lab.ops.shakeout`.

    Args:
      in_features: Inputs.
      out_features: Outputs.
      rate: Probability of reversing an input.
      strength: The magnitude of a reversed weight, at least 0; at 0 inputs are dropped.
      **options: As for :class:`NoisyLayer`.
    """

    max_rate = ops.MAX_RATES["shakeout"]

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        rate: Rate,
        strength: float = 0.1,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(in_features, out_features, **options)
        self.rate = DropRate(self.checked_rate(rate))
        checked_strength("Shakeout", strength)
        self.strength = strength

    def sample(
        self, key: Key[Array, ""], x: Float[Array, "*batch inputs"]
    ) -> Float[Array, "*batch outputs"]:
        """Returns the pre-activations with inputs reversed and the rest enhanced."""
        return ops.shakeout(
            key,
            x,
            rate=self.rate[...],
            kernel=self.kernel[...],
            bias=self.bias[...],
            strength=self.strength,
        )
