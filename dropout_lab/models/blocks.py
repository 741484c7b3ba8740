"""The parts that networks are made of."""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from dropout_lab import nn
from dropout_lab.errors import unknown
from dropout_lab.nn.stochastic import Streams
from dropout_lab.variants import Noise

ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "relu": jax.nn.relu,
    "sigmoid": jax.nn.sigmoid,
    "tanh": jnp.tanh,
}


def kernel_init(activation: str) -> nnx.Initializer:
    """Returns He's initialiser in front of ReLU, LeCun's in front of anything else."""
    scale = 2.0 if activation == "relu" else 1.0
    return nnx.initializers.variance_scaling(scale, "fan_in", "truncated_normal")


def with_noise(
    noise: nn.UnitNoise | None, x: Float[Array, "*shape"], rngs: Streams | None
) -> Float[Array, "*shape"]:
    """Returns ``x`` through the noise layer, or as it is where there is none."""
    return x if noise is None else noise(x, rngs=rngs)


class Activation(nnx.Module):
    """Batch normalisation if wanted, then the activation function.

    Args:
      name: A name in ``ACTIVATIONS``.
      features: Channels or units.
      batch_norm: Whether to normalise.
      rngs: Streams for the parameters.
    """

    def __init__(self, name: str, features: int, *, batch_norm: bool, rngs: nnx.Rngs) -> None:
        if name not in ACTIVATIONS:
            raise unknown("activation", name, ACTIVATIONS)
        self.function = ACTIVATIONS[name]
        self.norm = nnx.data(
            nnx.BatchNorm(features, momentum=0.9, rngs=rngs) if batch_norm else None
        )

    def __call__(self, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Returns the activations."""
        return self.function(x if self.norm is None else self.norm(x))


class Dense(nnx.Module):
    """A hidden dense layer: weights, activation, noise.

    Args:
      inputs: Units below.
      width: Units.
      activation: A name in ``ACTIVATIONS``.
      batch_norm: Whether to normalise before the activation.
      noise: The variant and its rates.
      rngs: Streams for the parameters.
    """

    def __init__(
        self,
        inputs: int,
        width: int,
        *,
        activation: str,
        batch_norm: bool,
        noise: Noise,
        rngs: nnx.Rngs,
    ) -> None:
        self.linear = noise.linear(inputs, width, kernel_init=kernel_init(activation), rngs=rngs)
        self.activation = Activation(activation, width, batch_norm=batch_norm, rngs=rngs)
        self.noise = nnx.data(noise.hidden(width))

    def __call__(
        self, x: Float[Array, "n inputs"], rngs: Streams | None
    ) -> Float[Array, "n width"]:
        """Returns the activations."""
        return with_noise(self.noise, self.linear(x, activation=self.activation, rngs=rngs), rngs)


class Classifier(nnx.Module):
    """Flattens, then hidden dense layers and a linear output.

    Args:
      inputs: Features of one example.
      classes: Number of classes.
      widths: Hidden units per layer; may be empty.
      activation: A name in ``ACTIVATIONS``.
      batch_norm: Whether each hidden layer is batch-normalised, before its activation.
      noise: The variant and its rates.
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
        noise: Noise,
        rngs: nnx.Rngs,
    ) -> None:
        layers = []
        for width in widths:
            layers.append(
                Dense(
                    inputs,
                    width,
                    activation=activation,
                    batch_norm=batch_norm,
                    noise=noise,
                    rngs=rngs,
                )
            )
            inputs = width
        self.layers = nnx.data(layers)
        self.output = nn.Linear(inputs, classes, kernel_init=kernel_init("identity"), rngs=rngs)

    def __call__(
        self, x: Float[Array, "n *shape"], rngs: Streams | None
    ) -> Float[Array, "n classes"]:
        """Returns the logits."""
        x = x.reshape(x.shape[0], -1)
        for layer in self.layers:
            x = layer(x, rngs)
        return self.output(x)


class Stage(nnx.Module):
    """A convolutional stage: weights, activation, 2 x 2 max-pooling, noise.

    Args:
      channels: Channels below.
      features: Channels.
      kernel_size: Height and width of the kernel, in pixels.
      activation: A name in ``ACTIVATIONS``.
      batch_norm: Whether to normalise before the activation.
      noise: The layer for the stage's output, if any.
      rngs: Streams for the parameters.
    """

    def __init__(
        self,
        channels: int,
        features: int,
        *,
        kernel_size: int,
        activation: str,
        batch_norm: bool,
        noise: nn.UnitNoise | None,
        rngs: nnx.Rngs,
    ) -> None:
        init = kernel_init(activation)
        self.conv = nn.Conv(channels, features, kernel_size, kernel_init=init, rngs=rngs)
        self.activation = Activation(activation, features, batch_norm=batch_norm, rngs=rngs)
        self.noise = nnx.data(noise)

    def __call__(
        self, x: Float[Array, "n h w i"], rngs: Streams | None
    ) -> Float[Array, "n h/2 w/2 o"]:
        """Returns the feature maps, half as high and wide."""
        return with_noise(
            self.noise, nn.max_pool(self.conv(x, activation=self.activation, rngs=rngs), 2), rngs
        )
