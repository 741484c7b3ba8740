"""The convolutional network."""

from collections.abc import Sequence

from flax import nnx
from jaxtyping import Array, Float

from dropout_lab.errors import InputError
from dropout_lab.models.blocks import Classifier, Stage, with_noise
from dropout_lab.nn.stochastic import Streams
from dropout_lab.variants import Noise


class CNN(nnx.Module):
    """Convolutional stages, each halving the image, then dense layers and a linear output.

    Example:
      >>> import jax.numpy as jnp
      >>> noise = Noise("spatial_dropout", stage_rates=(0.1, 0.2))
      >>> model = CNN((8, 8, 1), 10, stages=(4, 8), widths=(16,), noise=noise, rngs=nnx.Rngs(0))
      >>> model(jnp.ones((2, 8, 8, 1)), rngs=nnx.Rngs(dropout=1)).shape
      (2, 10)

    Args:
      shape: Height, width and channels of one image.
      classes: Number of classes.
      stages: Channels per stage.
      kernel_size: Height and width of the kernels, in pixels.
      widths: Hidden units per dense layer; may be empty.
      activation: "relu", "sigmoid" or "tanh".
      batch_norm: Whether each hidden layer is batch-normalised, before its activation.
      noise: The variant and its rates.
      rngs: Streams for the parameters.

    Raises:
      InputError: If the shape is not that of an image, or too small for so many stages.
    """

    places = ("input", "stage", "hidden")

    def __init__(
        self,
        shape: Sequence[int],
        classes: int,
        *,
        stages: Sequence[int],
        kernel_size: int = 3,
        widths: Sequence[int] = (),
        activation: str = "relu",
        batch_norm: bool = False,
        noise: Noise,
        rngs: nnx.Rngs,
    ) -> None:
        smallest = 2 ** len(stages)
        if len(shape) != 3 or min(shape[:2]) < smallest:
            raise InputError(
                f"model cnn: examples have shape {tuple(shape)}; allowed: (height, width, "
                f"channels) with at least {smallest} pixels each way for {len(stages)} stages"
            )
        self.input_noise = nnx.data(noise.input(tuple(shape)))
        rows, cols, channels = shape
        layers = []
        for index, features in enumerate(stages):
            rows, cols = rows // 2, cols // 2
            layers.append(
                Stage(
                    channels,
                    features,
                    kernel_size=kernel_size,
                    activation=activation,
                    batch_norm=batch_norm,
                    noise=noise.stage(index, (rows, cols, features)),
                    rngs=rngs,
                )
            )
            channels = features
        self.stages = nnx.data(layers)
        self.classifier = Classifier(
            rows * cols * channels,
            classes,
            widths=widths,
            activation=activation,
            batch_norm=batch_norm,
            noise=noise,
            rngs=rngs,
        )

    def __call__(
        self, x: Float[Array, "n h w c"], *, rngs: Streams | None = None
    ) -> Float[Array, "n classes"]:
        """Returns the logits; ``rngs`` needs a stream "dropout", except in eval mode."""
        x = with_noise(self.input_noise, x, rngs)
        for stage in self.stages:
            x = stage(x, rngs)
        return self.classifier(x, rngs)
