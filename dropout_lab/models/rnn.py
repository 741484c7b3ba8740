"""The recurrent network: an image read as a sequence."""

from collections.abc import Sequence

import numpy as np
from flax import nnx
from jaxtyping import Array, Float

from dropout_lab import nn
from dropout_lab.errors import InputError, unknown
from dropout_lab.models.blocks import Classifier, Network, kernel_init, with_noise
from dropout_lab.nn.stochastic import Streams
from dropout_lab.variants import LayerFactory

CELLS: dict[str, type[nn.LSTM] | type[nn.GRU]] = {"lstm": nn.LSTM, "gru": nn.GRU}
SEQUENCES = ("rows", "pixels")


class RNN(Network):
    """A recurrent layer over an image's rows or pixels, then dense layers and a linear output.

    The last hidden state gets noise like a hidden dense layer and then enters the classifier.

    Example:
      >>> import jax.numpy as jnp
      >>> factory = LayerFactory("none")
      >>> model = RNN((8, 8, 1), 10, cell="gru", units=16, factory=factory, rngs=nnx.Rngs(0))
      >>> model(jnp.ones((2, 8, 8, 1))).shape
      (2, 10)

    Args:
      shape: Height and width, or height, width and channels, of one image.
      classes: Number of classes.
      cell: "lstm" or "gru".
      units: Units of the recurrent layer.
      sequence: "rows", from the top down, or "pixels", row by row.
      permutation: Seed of a random order of the pixels, the same for every image; None for row by
        row.
      widths: Hidden units per dense layer; may be empty.
      activation: A name in ``ACTIVATIONS``, of the dense layers.
      batch_norm: Whether dense layers are batch-normalised before their activations.
      pieces: Pre-activations of a maxout unit.
      factory: Makes the layers of the variant.
      rngs: Streams for the parameters.

    Raises:
      InputError: If the shape is not that of an image, the cell or sequence is unknown, or a
        permutation is given for rows.
    """

    places = ("input", "sequence", "recurrent", "hidden", "linear", "output")
    dense_places = ("linear",)

    def __init__(
        self,
        shape: Sequence[int],
        classes: int,
        *,
        cell: str = "lstm",
        units: int,
        sequence: str = "rows",
        permutation: int | None = None,
        widths: Sequence[int] = (),
        activation: str = "relu",
        batch_norm: bool = False,
        pieces: int = 2,
        factory: LayerFactory,
        rngs: nnx.Rngs,
    ) -> None:
        if cell not in CELLS:
            raise unknown("cell", cell, CELLS)
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
        self, x: Float[Array, "n *shape"], rngs: Streams | None
    ) -> Float[Array, "n width"]:
        """Returns the last features before their noise; without dense layers, the last state."""
        x = with_noise(self.input_noise, x, rngs)
        x = x.reshape(x.shape[0], *self.sequence_shape)
        if self.permutation is not None:
            x = x[:, np.random.default_rng(self.permutation).permutation(x.shape[1])]
        x = self.recurrent(with_noise(self.sequence_noise, x, rngs), rngs=rngs)
        if not self.classifier.layers:
            return x
        return self.classifier.features(with_noise(self.state_noise, x, rngs), rngs)

    def head(self, x: Float[Array, "n width"], rngs: Streams | None) -> Float[Array, "n classes"]:
        """Returns the logits from the last features, with noise on these."""
        if not self.classifier.layers:
            x = with_noise(self.state_noise, x, rngs)
        return self.classifier.head(x, rngs)


def _sequence_shape(shape: Sequence[int], sequence: str) -> tuple[int, int]:
    """Returns the number of steps and the features per step."""
    if sequence not in SEQUENCES:
        raise unknown("sequence", sequence, SEQUENCES)
    if len(shape) not in (2, 3):
        raise InputError(
            f"model rnn: examples have shape {tuple(shape)}; allowed: (height, width) or (height, "
            "width, channels)"
        )
    height, width, channels = (*shape, 1)[:3]
    return (height, width * channels) if sequence == "rows" else (height * width, channels)
