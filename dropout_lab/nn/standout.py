"""A dense layer with Standout, whose noise comes after the activation."""

from flax import nnx
from jaxtyping import Array, Float

from dropout_lab import ops
from dropout_lab.nn.linear import Activation, Initializer, identity
from dropout_lab.nn.noisy import NoisyDense
from dropout_lab.nn.stochastic import DropRate, Streams
from dropout_lab.ops import Rate, checked_rate, checked_strength


class Standout(NoisyDense):
    """A dense layer that keeps units by their pre-activations, :func:`dropout_lab.ops.standout`.

    The belief network that gives the probabilities has the layer's own weights, as in the paper's
    experiments. At inference units are multiplied by their probability of being kept.

    Args:
      in_features: Inputs.
      out_features: Outputs.
      rate: Probability of dropping a unit whose pre-activation is 0.
      strength: How much a pre-activation counts, at least 0.
      kernel_init: Initialiser of the kernel.
      deterministic: If True, there is no noise.
      rng_collection: The stream to draw keys from.
      rngs: Streams with the key for the kernel; those for the noise are given at call.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        rate: Rate,
        strength: float = 1.0,
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
        self.rate = DropRate(checked_rate("Standout", rate))
        checked_strength("Standout", strength)
        self.strength = strength

    def __call__(
        self,
        inputs: Float[Array, "*batch inputs"],
        *,
        activation: Activation = identity,
        deterministic: bool | None = None,
        rngs: Streams | None = None,
    ) -> Float[Array, "*batch outputs"]:
        """Returns the activations, with units dropped unless deterministic.

        Args:
          inputs: Activations of the layer below.
          activation: The function of the pre-activations.
          deterministic: Overrules the layer's flag.
          rngs: Streams to draw the noise's key from.
        """
        drive = self.infer(inputs)
        units = activation(drive)
        rate, strength = self.rate[...], self.strength
        if self.is_deterministic(deterministic):
            keep = ops.standout_keep(drive, rate=rate, strength=strength)
            return (units * keep).astype(units.dtype)
        key = self.make_key(rngs)
        return ops.standout(key, units, rate=rate, drive=drive, strength=strength)
