"""The convolutional network."""

from collections.abc import Sequence

from flax import nnx
from jaxtyping import Array, Float

from dropout_lab import nn
from dropout_lab.errors import InputError
from dropout_lab.models.blocks import Activation, Classifier, Network, kernel_init, with_noise
from dropout_lab.nn.conv import Edges
from dropout_lab.nn.stochastic import Streams
from dropout_lab.variants import LayerFactory


class Stage(nnx.Module):
    """A convolutional stage: weights, activation, 2 x 2 pooling, and noise before or after that.

    Args:
      index: Index of the stage, from 0.
      shape: Height, width and channels of the input.
      features: Channels of the output.
      kernel_size: Height and width of the kernel, in pixels.
      padding: "same" or "valid", as for ``nn.Conv``.
      activation: A name in ``ACTIVATIONS``.
      batch_norm: Whether to normalise before the activation.
      pieces: Pre-activations of a maxout unit.
      factory: Makes the layers of the variant.
      noise_before_pool: Whether the noise comes before pooling, or after it.
      rngs: Streams for the parameters.

    Attributes:
      shape: Height, width and channels of its output.
    """

    def __init__(
        self,
        index: int,
        shape: tuple[int, int, int],
        features: int,
        *,
        kernel_size: int,
        padding: Edges,
        activation: str,
        batch_norm: bool,
        pieces: int,
        factory: LayerFactory,
        noise_before_pool: bool,
        rngs: nnx.Rngs,
    ) -> None:
        rows, cols, channels = shape
        if padding == "valid":
            rows, cols = rows - kernel_size + 1, cols - kernel_size + 1
        units = Activation(activation, features, batch_norm=batch_norm, pieces=pieces, rngs=rngs)
        self.conv = factory.conv(
            index,
            channels,
            units.inputs,
            kernel_size,
            padding=padding,
            kernel_init=kernel_init(activation),
            rngs=rngs,
        )
        self.activation = units
        self.pool = nnx.data(factory.noise("pool", index=index))
        self.shape = (rows // 2, cols // 2, features)
        self.noise_before_pool = noise_before_pool
        noisy = (rows, cols, features) if noise_before_pool else self.shape
        self.noise = nnx.data(factory.noise("stage", noisy, index=index))

    def __call__(self, x: Float[Array, "n h w i"], rngs: Streams | None) -> Float[Array, "n p q o"]:
        """Returns the pooled feature maps."""
        x = self.conv(x, activation=self.activation, rngs=rngs)
        if self.noise_before_pool:
            x = with_noise(self.noise, x, rngs)
        x = nn.max_pool(x, 2) if self.pool is None else self.pool(x, rngs=rngs)
        return x if self.noise_before_pool else with_noise(self.noise, x, rngs)


class CNN(Network):
    """Convolutional stages, each halving the image, then dense layers and a linear output.

    Example:
      >>> import jax.numpy as jnp
      >>> factory = LayerFactory("spatial_dropout", stage_rates=(0.1, 0.2))
      >>> model = CNN((8, 8, 1), 10, stages=(4, 8), widths=(16,), factory=factory, rngs=nnx.Rngs(0))
      >>> nnx.eval_shape(model, jnp.ones((2, 8, 8, 1)), rngs=nnx.Rngs(dropout=1)).shape
      (2, 10)

    Args:
      shape: Height, width and channels of one image.
      classes: Number of classes.
      stages: Channels per stage.
      kernel_size: Height and width of the kernels, in pixels.
      padding: "same" pads with zeros; "valid" does not, so every stage first loses its edges.
      stage_activation: Activation of the stages; None for ``activation``.
      widths: Hidden units per dense layer; may be empty.
      activation: A name in ``ACTIVATIONS``.
      batch_norm: Whether hidden layers are batch-normalised before their activations.
      pieces: Pre-activations of a maxout unit.
      factory: Makes the layers of the variant.
      noise_before_pool: Whether a stage's noise comes before its pooling, or after it.
      rngs: Streams for the parameters.

    Raises:
      InputError: If the shape is not that of an image, or too small for this many stages.
    """

    places = ("input", "stage", "conv", "pool", "hidden", "linear", "output")
    dense_places = ("hidden", "linear")
    stage_places = ("stage", "conv", "pool")

    def __init__(
        self,
        shape: Sequence[int],
        classes: int,
        *,
        stages: Sequence[int],
        kernel_size: int = 3,
        padding: Edges = "same",
        stage_activation: str | None = None,
        widths: Sequence[int] = (),
        activation: str = "relu",
        batch_norm: bool = False,
        pieces: int = 2,
        factory: LayerFactory,
        noise_before_pool: bool = False,
        rngs: nnx.Rngs,
    ) -> None:
        lost = kernel_size - 1 if padding == "valid" else 0
        smallest = 2 ** len(stages) + lost * (2 ** len(stages) - 1)
        if len(shape) != 3 or min(shape[:2]) < smallest:
            raise InputError(
                f"model cnn: examples have shape {tuple(shape)}; allowed: (height, width, "
                f"channels) with at least {smallest} pixels each way for {len(stages)} stages"
            )
        rows, cols, channels = shape
        self.input_noise = nnx.data(factory.noise("input", shape))
        layers = []
        for index, features in enumerate(stages):
            stage = Stage(
                index,
                (rows, cols, channels),
                features,
                kernel_size=kernel_size,
                padding=padding,
                activation=stage_activation or activation,
                batch_norm=batch_norm,
                pieces=pieces,
                factory=factory,
                noise_before_pool=noise_before_pool,
                rngs=rngs,
            )
            rows, cols, channels = stage.shape
            layers.append(stage)
        self.stages = nnx.data(layers)
        self.classifier = Classifier(
            rows * cols * channels,
            classes,
            widths=widths,
            activation=activation,
            batch_norm=batch_norm,
            pieces=pieces,
            factory=factory,
            rngs=rngs,
        )

    def features(self, x: Float[Array, "n h w c"], rngs: Streams | None) -> Float[Array, "n width"]:
        """Returns the last hidden layer's activations, before its noise."""
        x = with_noise(self.input_noise, x, rngs)
        for stage in self.stages:
            x = stage(x, rngs)
        return self.classifier.features(x, rngs)
