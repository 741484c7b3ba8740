"""The recurrent network: tokens, features over time, or an image, read as a sequence."""

from collections.abc import Sequence

import numpy as np
from flax import nnx
from jaxtyping import Array, Float, Int

from dropout_lab import nn
from dropout_lab.errors import InputError, unknown
from dropout_lab.models.blocks import Classifier, Network, kernel_init, with_noise
from dropout_lab.models.sequences import split_padding
from dropout_lab.nn.stochastic import Streams
from dropout_lab.variants import LayerFactory

CELLS: dict[str, type[nn.LSTM] | type[nn.GRU]] = {"lstm": nn.LSTM, "gru": nn.GRU}
SEQUENCES = ("rows", "pixels")


class RNN(Network):
    """A recurrent layer over a sequence, then dense layers and a linear output.

    It reads embedded tokens, the features of each step, or an image's rows or pixels. Padded steps
    (see ``models.sequences``) leave the state as it is. The last hidden state, or that of each step
    if the next token is predicted, gets noise like a hidden dense layer and then enters the
    classifier. Every sequence starts from a state of zeros.

    Example:
      >>> import jax.numpy as jnp
      >>> factory = LayerFactory("none")
      >>> model = RNN((8, 8, 1), 10, cell="gru", units=16, factory=factory, rngs=nnx.Rngs(0))
      >>> model(jnp.ones((2, 8, 8, 1))).shape
      (2, 10)

    Args:
      shape: (steps,) of tokens, (steps, features), or height, width and channels of an image.
      classes: Number of classes.
      cell: "lstm" or "gru".
      units: Units of the recurrent layer.
      sequence: Of images: "rows", from the top down, or "pixels", row by row.
      permutation: Seed of a random order of the pixels, the same for every image; None for row by
        row.
      embedding: Features of a token's embedding; None for as many as units.
      head: "class" for one prediction a sequence, "token" for one at each step.
      widths: Hidden units per dense layer; may be empty.
      activation: A name in ``ACTIVATIONS``, of the dense layers.
      batch_norm: Whether dense layers are batch-normalised before their activations.
      pieces: Pre-activations of a maxout unit.
      vocabulary: Number of token types, if examples are tokens.
      factory: Makes the layers of the variant.
      rngs: Streams for the parameters.

    Raises:
      InputError: If the shape is none of these, the cell or sequence is unknown, a permutation is
        given for rows, or dense layers for the "token" head.
    """

    places = ("input", "sequence", "recurrent", "hidden", "linear", "output")
    dense_places = ("linear",)
    token_places = ("embedding",)
    padding = True

    def __init__(
        self,
        shape: Sequence[int],
        classes: int,
        *,
        cell: str = "lstm",
        units: int,
        sequence: str = "rows",
        permutation: int | None = None,
        embedding: int | None = None,
        head: str = "class",
        widths: Sequence[int] = (),
        activation: str = "relu",
        batch_norm: bool = False,
        pieces: int = 2,
        vocabulary: int | None = None,
        factory: LayerFactory,
        rngs: nnx.Rngs,
    ) -> None:
        if cell not in CELLS:
            raise unknown("cell", cell, CELLS)
        if head == "token" and widths:
            raise InputError(
                f"config.model.widths is {tuple(widths)} with config.model.head 'token'; allowed: "
                "()"
            )
        self.per_step = head == "token"
        self.embedding = nnx.data(None)
        if vocabulary is not None:
            shape = (*shape, embedding or units)
            noise = factory.noise("embedding")
            self.embedding = nnx.data(nn.Embedding(vocabulary, shape[1], noise=noise, rngs=rngs))
        self.padded = len(shape) == 2
        self.sequence_shape = _sequence_shape(shape, sequence)
        if permutation is not None and sequence != "pixels":
            raise InputError(
                f"model rnn: permutation is {permutation} with sequence {sequence!r}; allowed: a "
                "permutation of 'pixels' only"
            )
        self.permutation = permutation
        self.input_noise = nnx.data(factory.noise("input", shape))
        self.sequence_noise = nnx.data(factory.noise("sequence", self.sequence_shape))
        self.recurrent = CELLS[cell](
            self.sequence_shape[1],
            units,
            noise=factory.noise("recurrent"),
            kernel_init=kernel_init("tanh"),
            rngs=rngs,
        )
        self.state_noise = nnx.data(factory.noise("hidden", (units,)))
        self.classifier = Classifier(
            units,
            classes,
            widths=widths,
            activation=activation,
            batch_norm=batch_norm,
            pieces=pieces,
            factory=factory,
            rngs=rngs,
        )

    def features(
        self, x: Float[Array, "n *shape"] | Int[Array, "n steps"], rngs: Streams | None
    ) -> Float[Array, "n *steps width"]:
        """Returns the last features before their noise; without dense layers, the state."""
        present = None
        if self.padded:
            x, present = split_padding(x)
        if self.embedding is not None:
            x = self.embedding(x, present, rngs=rngs)
        x = with_noise(self.input_noise, x, rngs)
        x = x.reshape(x.shape[0], *self.sequence_shape)
        if self.permutation is not None:
            x = x[:, np.random.default_rng(self.permutation).permutation(x.shape[1])]
        x = with_noise(self.sequence_noise, x, rngs)
        x = self.recurrent(x, present=present, sequence=self.per_step, rngs=rngs)
        if not self.classifier.layers:
            return x
        return self.classifier.features(with_noise(self.state_noise, x, rngs), rngs)

    def head(
        self, x: Float[Array, "n *steps width"], rngs: Streams | None
    ) -> Float[Array, "n *steps classes"]:
        """Returns the logits from the last features, with noise on these."""
        if not self.classifier.layers:
            x = with_noise(self.state_noise, x, rngs)
        logits = self.classifier.head(x.reshape(-1, x.shape[-1]), rngs)
        return logits.reshape(*x.shape[:-1], -1)


def _sequence_shape(shape: Sequence[int], sequence: str) -> tuple[int, int]:
    """Returns the number of steps and the features per step."""
    if sequence not in SEQUENCES:
        raise unknown("sequence", sequence, SEQUENCES)
    if len(shape) not in (2, 3):
        raise InputError(
            f"model rnn: examples have shape {tuple(shape)}; allowed: tokens (steps,), (steps, "
            "features) or (height, width, channels)"
        )
    if len(shape) == 2 and sequence != "rows":
        raise InputError(
            f"model rnn: sequence is {sequence!r} with steps of features; allowed: 'rows'"
        )
    height, width, channels = (*shape, 1)[:3]
    return (height, width * channels) if sequence == "rows" else (height * width, channels)
