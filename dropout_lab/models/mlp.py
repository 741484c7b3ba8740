"""The multi-layer perceptron."""

import math
from collections.abc import Sequence

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Int

from dropout_lab import nn
from dropout_lab.models.blocks import Classifier, Network, with_noise
from dropout_lab.models.sequences import split_padding
from dropout_lab.nn.stochastic import Streams
from dropout_lab.variants import LayerFactory


class MLP(Network):
    """Dense hidden layers and a linear output; examples of any shape are flattened.

    Of tokens it reads the mean of their embeddings, a bag of words: M. Iyyer, V. Manjunatha,
    J. Boyd-Graber, H. Daume III, *Deep unordered composition rivals syntactic methods for text
    classification*, ACL 2015.

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
      embedding: Features of a token's embedding; None for 128.
      vocabulary: Number of token types, if examples are tokens.
      factory: Makes the layers of the variant.
      rngs: Streams for the parameters.
    """

    places = ("input", "first", "hidden", "linear", "output")
    dense_places = ("first", "hidden", "linear")
    token_places = ("embedding",)

    def __init__(
        self,
        shape: Sequence[int],
        classes: int,
        *,
        widths: Sequence[int],
        activation: str = "relu",
        batch_norm: bool = False,
        pieces: int = 2,
        embedding: int | None = None,
        vocabulary: int | None = None,
        factory: LayerFactory,
        rngs: nnx.Rngs,
    ) -> None:
        self.embedding = nnx.data(None)
        if vocabulary is not None:
            shape = (embedding or 128,)
            noise = factory.noise("embedding")
            self.embedding = nnx.data(nn.Embedding(vocabulary, shape[0], noise=noise, rngs=rngs))
        self.input_noise = nnx.data(factory.noise("input", shape))
        self.classifier = Classifier(
            math.prod(shape),
            classes,
            widths=widths,
            activation=activation,
            batch_norm=batch_norm,
            pieces=pieces,
            factory=factory,
            reads_data=vocabulary is None,
            rngs=rngs,
        )

    def features(
        self, x: Float[Array, "n *shape"] | Int[Array, "n steps"], rngs: Streams | None
    ) -> Float[Array, "n width"]:
        """Returns the last hidden layer's activations, before its noise."""
        if self.embedding is not None:
            tokens, present = split_padding(x)
            total = self.embedding(tokens, present, rngs=rngs).sum(1)
            x = total / jnp.maximum(present.sum(1, keepdims=True), 1).astype(total.dtype)
        return self.classifier.features(with_noise(self.input_noise, x, rngs), rngs)
