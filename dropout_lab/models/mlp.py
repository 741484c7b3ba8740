"""The multi-layer perceptron."""

import math
from collections.abc import Sequence

from flax import nnx
from jaxtyping import Array, Float

from dropout_lab.models.blocks import Classifier, with_noise
from dropout_lab.nn.stochastic import Streams
from dropout_lab.variants import Noise


class MLP(nnx.Module):
    """Dense hidden layers and a linear output; examples of any shape are flattened.

    Example:
      >>> import jax.numpy as jnp
      >>> noise = Noise("dropout", rate=0.5, input_rate=0.2)
      >>> model = MLP((8, 8, 1), 10, widths=(32, 32), noise=noise, rngs=nnx.Rngs(0))
      >>> model(jnp.ones((4, 8, 8, 1)), rngs=nnx.Rngs(dropout=1)).shape
      (4, 10)

    Args:
      shape: Shape of one example.
      classes: Number of classes.
      widths: Hidden units per layer; may be empty.
      activation: "relu", "sigmoid" or "tanh".
      batch_norm: Whether each hidden layer is batch-normalised, before its activation.
      noise: The variant and its rates.
      rngs: Streams for the parameters.
    """

    places = ("input", "hidden")

    def __init__(
        self,
        shape: Sequence[int],
        classes: int,
        *,
        widths: Sequence[int],
        activation: str = "relu",
        batch_norm: bool = False,
        noise: Noise,
        rngs: nnx.Rngs,
    ) -> None:
        self.input_noise = nnx.data(noise.input(tuple(shape)))
        self.classifier = Classifier(
            math.prod(shape),
            classes,
            widths=widths,
            activation=activation,
            batch_norm=batch_norm,
            noise=noise,
            rngs=rngs,
        )

    def __call__(
        self, x: Float[Array, "n *shape"], *, rngs: Streams | None = None
    ) -> Float[Array, "n classes"]:
        """Returns the logits; ``rngs`` needs a stream "dropout", except in eval mode."""
        return self.classifier(with_noise(self.input_noise, x, rngs), rngs)
