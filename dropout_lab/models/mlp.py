"""The multi-layer perceptron."""

import math
from collections.abc import Sequence

from flax import nnx
from jaxtyping import Array, Float

from dropout_lab.models.blocks import Classifier, Network, with_noise
from dropout_lab.nn.stochastic import Streams
from dropout_lab.variants import LayerFactory


class MLP(Network):
    """Dense hidden layers and a linear output; examples of any shape are flattened.

    Example:
      >>> import jax.numpy as jnp
      >>> factory = LayerFactory("dropout", rate=0.5, input_rate=0.2)
      >>> model = MLP((8, 8, 1), 10, widths=(32, 32), factory=factory, rngs=nnx.Rngs(0))
      >>> nnx.eval_shape(model, jnp.ones((4, 8, 8, 1)), rngs=nnx.Rngs(dropout=1)).shape
      (4, 10)

    Args:
      shape: Shape of one example.
      classes: Number of classes.
      widths: Hidden units per layer; may be empty.
      activation: A name in ``ACTIVATIONS``.
      batch_norm: Whether hidden layers are batch-normalised before their activations.
      pieces: Pre-activations of a maxout unit.
      factory: Makes the layers of the variant.
      rngs: Streams for the parameters.
    """

    places = ("input", "first", "hidden", "linear", "output")
    dense_places = ("first", "hidden", "linear")

    def __init__(
        self,
        shape: Sequence[int],
        classes: int,
        *,
        widths: Sequence[int],
        activation: str = "relu",
        batch_norm: bool = False,
        pieces: int = 2,
        factory: LayerFactory,
        rngs: nnx.Rngs,
    ) -> None:
        self.input_noise = nnx.data(factory.noise("input", shape))
        self.classifier = Classifier(
            math.prod(shape),
            classes,
            widths=widths,
            activation=activation,
            batch_norm=batch_norm,
            pieces=pieces,
            factory=factory,
            reads_data=True,
            rngs=rngs,
        )

    def features(
        self, x: Float[Array, "n *shape"], rngs: Streams | None
    ) -> Float[Array, "n width"]:
        """Returns the last hidden layer's activations, before its noise."""
        return self.classifier.features(with_noise(self.input_noise, x, rngs), rngs)
