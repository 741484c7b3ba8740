"""The building blocks of networks."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from dropout_lab import nn, ops
from dropout_lab.errors import unknown
from dropout_lab.nn.stochastic import Streams
from dropout_lab.variants import LayerFactory

ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "identity": lambda x: x,
    "relu": jax.nn.relu,
    "selu": jax.nn.selu,
    "sigmoid": jax.nn.sigmoid,
    "softplus": jax.nn.softplus,
    "tanh": jnp.tanh,
    "maxout": lambda x: x,
}
"""Activation functions by name; maxout is the identity on the maxima of units' pieces."""


def kernel_init(activation: str) -> nnx.Initializer:
    """Returns He's initialiser in front of ReLU, LeCun's in front of anything else."""
    scale = 2.0 if activation == "relu" else 1.0
    return nnx.initializers.variance_scaling(scale, "fan_in", "truncated_normal")


def with_noise(
    noise: nn.UnitNoise | None, x: Float[Array, "*shape"], rngs: Streams | None
) -> Float[Array, "*shape"]:
    """Returns ``x`` with noise, or unchanged if there is no noise layer."""
    return x if noise is None else noise(x, rngs=rngs)


class Activation(nnx.Module):
    """Optional batch normalisation, then the activation function.

    Maxout (I. Goodfellow, D. Warde-Farley, M. Mirza, A. Courville, Y. Bengio, *Maxout networks*,
    ICML 2013, arXiv:1302.4389) gives each unit ``pieces`` pre-activations and takes the maximum.

    Args:
      name: A name in ``ACTIVATIONS``.
      features: Channels or units.
      batch_norm: Whether to normalise.
      pieces: Pre-activations of a maxout unit.
      rngs: Streams for the parameters.

    Attributes:
      inputs: Number of pre-activations that it takes, for ``features`` outputs.
    """

    def __init__(
        self, name: str, features: int, *, batch_norm: bool, pieces: int, rngs: nnx.Rngs
    ) -> None:
        if name not in ACTIVATIONS:
            raise unknown("activation", name, ACTIVATIONS)
        self.function = ACTIVATIONS[name]
        self.pieces = pieces if name == "maxout" else 1
        self.inputs = features * self.pieces
        self.norm = nnx.data(
            nn.BatchNorm(self.inputs, momentum=0.9, rngs=rngs) if batch_norm else None
        )

    def __call__(self, x: Float[Array, "*shape inputs"]) -> Float[Array, "*shape features"]:
        """Returns the activations."""
        x = x if self.norm is None else self.norm(x)
        if self.pieces > 1:
            x = x.reshape(*x.shape[:-1], -1, self.pieces).max(-1)
        return self.function(x)


class Dense(nnx.Module):
    """A hidden dense layer: weights, activation, noise.

    Args:
      inputs: Units of the layer below.
      width: Units of this layer.
      activation: A name in ``ACTIVATIONS``.
      batch_norm: Whether to normalise before the activation.
      pieces: Pre-activations of a maxout unit.
      factory: Makes the layers of the variant.
      reads_data: Whether the inputs are the network's input, not activations.
      rngs: Streams for the parameters.

    Attributes:
      observe: A function that gets the activations of each call, before the noise; or None.
    """

    def __init__(
        self,
        inputs: int,
        width: int,
        *,
        activation: str,
        batch_norm: bool,
        pieces: int,
        factory: LayerFactory,
        reads_data: bool,
        rngs: nnx.Rngs,
    ) -> None:
        units = Activation(activation, width, batch_norm=batch_norm, pieces=pieces, rngs=rngs)
        init = kernel_init(activation)
        place = "first" if reads_data else "linear"
        self.linear = factory.dense(place, inputs, units.inputs, kernel_init=init, rngs=rngs)
        self.activation = units
        self.noise = nnx.data(factory.noise("hidden", (width,)))
        self.observe: Callable[[Array], None] | None = None

    def features(
        self, x: Float[Array, "n inputs"], rngs: Streams | None
    ) -> Float[Array, "n width"]:
        """Returns the activations before the noise."""
        y = self.linear(x, activation=self.activation, rngs=rngs)
        if self.observe is not None:
            self.observe(_observed(y))
        return y

    def __call__(
        self, x: Float[Array, "n inputs"], rngs: Streams | None
    ) -> Float[Array, "n width"]:
        """Returns the activations."""
        return with_noise(self.noise, self.features(x, rngs), rngs)


def _observed(y: ops.Gaussian | ops.Kept | Array) -> Array:
    """Returns activations without what layers with noise pass on beside them."""
    if isinstance(y, ops.Gaussian):
        return y.mean
    return y.values if isinstance(y, ops.Kept) else y


class Classifier(nnx.Module):
    """Flattening, hidden dense layers and a linear output.

    Args:
      inputs: Features of one example.
      classes: Number of classes.
      widths: Hidden units per layer; may be empty.
      activation: A name in ``ACTIVATIONS``.
      batch_norm: Whether hidden layers are batch-normalised before their activations.
      pieces: Pre-activations of a maxout unit.
      factory: Makes the layers of the variant.
      reads_data: Whether the inputs are the network's input, not activations.
      rngs: Streams for the parameters.
    """

    def __init__(
        self,
        inputs: int,
        classes: int,
        *,
        widths: Sequence[int],
        activation: str,
        batch_norm: bool,
        pieces: int,
        factory: LayerFactory,
        reads_data: bool = False,
        rngs: nnx.Rngs,
    ) -> None:
        layers: list[Dense] = []
        for width in widths:
            layers.append(
                Dense(
                    inputs,
                    width,
                    activation=activation,
                    batch_norm=batch_norm,
                    pieces=pieces,
                    factory=factory,
                    reads_data=reads_data and not layers,
                    rngs=rngs,
                )
            )
            inputs = width
        self.layers = nnx.data(layers)
        init = kernel_init("identity")
        self.output = factory.dense("output", inputs, classes, kernel_init=init, rngs=rngs)

    def features(
        self, x: Float[Array, "n *shape"], rngs: Streams | None
    ) -> Float[Array, "n width"]:
        """Returns the last hidden layer's activations, before its noise."""
        x = x.reshape(x.shape[0], -1)
        for layer in self.layers[:-1]:
            x = layer(x, rngs)
        return self.layers[-1].features(x, rngs) if self.layers else x

    def head(self, x: Float[Array, "n width"], rngs: Streams | None) -> Float[Array, "n classes"]:
        """Returns the logits from the last features, with noise on these."""
        if self.layers:
            x = with_noise(self.layers[-1].noise, x, rngs)
        return self.output(x, rngs=rngs)


class Network(nnx.Module):
    """The base class of networks: features, noise on them, and a classifier.

    Attributes:
      places: The places where a variant can put layers: names in ``places.PLACES``.
      dense_places: Places that exist only with hidden dense layers.
      stage_places: Places that exist only with convolutional stages, if these are optional.
      token_places: Places besides, which exist only where examples are tokens.
      groups: Number of convolutional stages, if it is fixed.
      normalised: Whether the network always has batch normalisation.
      padding: Whether the network reads feature sequences with padding (see ``models.sequences``).
      classifier: The layers above the features, where :meth:`head` is not overridden.
    """

    places: ClassVar[tuple[str, ...]]
    dense_places: ClassVar[tuple[str, ...]] = ()
    stage_places: ClassVar[tuple[str, ...]] = ()
    token_places: ClassVar[tuple[str, ...]] = ()
    groups: ClassVar[int] = 0
    normalised: ClassVar[bool] = False
    padding: ClassVar[bool] = False
    classifier: Classifier

    def __init__(
        self,
        shape: Sequence[int],
        classes: int,
        *,
        factory: LayerFactory,
        rngs: nnx.Rngs,
        **options: Any,
    ) -> None:
        raise NotImplementedError

    def features(
        self, x: Float[Array, "n *shape"], rngs: Streams | None
    ) -> Float[Array, "n width"]:
        """Returns the last features before noise and output layer."""
        raise NotImplementedError

    def head(self, x: Float[Array, "n width"], rngs: Streams | None) -> Float[Array, "n classes"]:
        """Returns the logits from the last features, with noise on these."""
        return self.classifier.head(x, rngs)

    def __call__(
        self, x: Float[Array, "n *shape"], *, rngs: Streams | None = None
    ) -> Float[Array, "n classes"]:
        """Returns the logits; ``rngs`` needs a stream "dropout", except in eval mode."""
        return self.head(self.features(x, rngs), rngs)
