"""A dense layer with Shakeout."""

from flax import nnx
from jaxtyping import Array, Float, Key

from dropout_lab import ops
from dropout_lab.nn.linear import Initializer
from dropout_lab.nn.noisy import NoisyDense
from dropout_lab.nn.stochastic import DropRate
from dropout_lab.ops import Rate, checked_rate, checked_strength


class Shakeout(NoisyDense):
    """A dense layer that enhances or reverses its inputs, :func:`dropout_lab.ops.shakeout`.

    Args:
      in_features: Inputs.
      out_features: Outputs.
      rate: Probability of reversing an input.
      strength: The magnitude of a reversed weight, at least 0; at 0 inputs are dropped.
      kernel_init: Initialiser of the kernel.
      deterministic: If True, this is a plain dense layer.
      rng_collection: The stream to draw keys from.
      rngs: Streams with the key for the kernel; those for the noise are given at call.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        rate: Rate,
        strength: float = 0.1,
        kernel_init: Initializer,
        deterministic: bool | None = False,
        rng_collection: str = "dropout",
        rngs: nnx.Rngs,
    ) -> None:
        super().__init__(
            in_features,
            out_features,
            kernel_init=kernel_init,
            deterministic=deterministic,
            rng_collection=rng_collection,
            rngs=rngs,
        )
        self.rate = DropRate(checked_rate("Shakeout", rate, top=ops.BELOW_ONE))
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
