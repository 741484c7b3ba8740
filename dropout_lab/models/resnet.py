"""The wide residual network."""

from collections.abc import Sequence

import jax
from flax import nnx
from jaxtyping import Array, Float

from dropout_lab import nn
from dropout_lab.errors import InputError
from dropout_lab.models.blocks import Network, kernel_init, with_noise
from dropout_lab.nn.stochastic import Streams
from dropout_lab.variants import LayerFactory

_GROUPS = (16, 32, 64)


class Block(nnx.Module):
    """A pre-activated residual block: norm, ReLU, convolution, norm, ReLU, noise, convolution.

    Args:
      channels: Channels of the input.
      features: Channels of the output.
      stride: Stride of the first convolution.
      noise: Noise between the convolutions, if any.
      noise_before_norm: Whether the noise comes before the second norm instead.
      branch: Noise on the whole branch, if any.
      rngs: Streams for the parameters.
    """

    def __init__(
        self,
        channels: int,
        features: int,
        *,
        stride: int,
        noise: nn.UnitNoise | None,
        noise_before_norm: bool,
        branch: nn.UnitNoise | None,
        rngs: nnx.Rngs,
    ) -> None:
        self.first_norm = nn.BatchNorm(channels, momentum=0.9, rngs=rngs)
        self.first = _conv(channels, features, 3, stride, rngs)
        self.second_norm = nn.BatchNorm(features, momentum=0.9, rngs=rngs)
        self.noise = nnx.data(noise)
        self.noise_before_norm = noise_before_norm
        self.second = _conv(features, features, 3, 1, rngs)
        self.branch = nnx.data(branch)
        same = channels == features and stride == 1
        self.shortcut = nnx.data(None if same else _conv(channels, features, 1, stride, rngs))

    def __call__(self, x: Float[Array, "n h w i"], rngs: Streams | None) -> Float[Array, "n p q o"]:
        """Returns the shortcut plus the branch."""
        active = jax.nn.relu(self.first_norm(x))
        y = self.first(active)
        if self.noise_before_norm:
            y = with_noise(self.noise, y, rngs)
        y = jax.nn.relu(self.second_norm(y))
        if not self.noise_before_norm:
            y = with_noise(self.noise, y, rngs)
        y = self.second(y)
        short = x if self.shortcut is None else self.shortcut(active)
        return short + with_noise(self.branch, y, rngs)


class ResNet(Network):
    """A wide residual network: three groups of blocks, global average pooling, a linear output.

    Noise goes between the two convolutions of a block (``stage``, one rate per group), on whole
    branches (``branch``) and on the pooled features (``hidden``).

    Example:
      >>> import jax.numpy as jnp
      >>> factory = LayerFactory("stochastic_depth", branch_rate=0.5)
      >>> def logits():
      ...     model = ResNet((8, 8, 1), 10, depth=10, widening=1, factory=factory, rngs=nnx.Rngs(0))
      ...     return model(jnp.ones((2, 8, 8, 1)), rngs=nnx.Rngs(dropout=1))
      >>> nnx.eval_shape(logits).shape
      (2, 10)

    Args:
      shape: Height, width and channels of one image, at least 4 pixels each way.
      classes: Number of classes.
      depth: Layers with weights on the longest path: 6 k + 4, for k blocks in each group.
      widening: Factor on the groups' 16, 32 and 64 channels.
      factory: Makes the layers of the variant.
      noise_before_norm: Whether a block's noise comes before its last norm (where X. Li et al.,
        arXiv:1801.05134, find the variance shift), or before its last convolution.
      rngs: Streams for the parameters.

    Raises:
      InputError: If the shape is not that of an image of that size, or the depth is not allowed.

    References:
      S. Zagoruyko, N. Komodakis, *Wide residual networks*, BMVC 2016, arXiv:1605.07146.
      As in the paper, no noise follows a block's last convolution. Convolutions have no biases,
      because batch normalisation follows, in the block or the next one.
    """

    places = ("input", "stage", "branch", "hidden", "output")
    groups = len(_GROUPS)
    normalised = True

    def __init__(
        self,
        shape: Sequence[int],
        classes: int,
        *,
        depth: int,
        widening: int,
        factory: LayerFactory,
        noise_before_norm: bool = False,
        rngs: nnx.Rngs,
    ) -> None:
        if len(shape) != 3 or min(shape[:2]) < 4:
            raise InputError(
                f"model resnet: examples have shape {tuple(shape)}; allowed: (height, width, "
                "channels) with at least 4 pixels each way"
            )
        if depth < 10 or depth % 6 != 4:
            raise InputError(f"config.model.depth is {depth}; allowed: 10, 16, 22, ..., 6 k + 4")
        per_group = (depth - 4) // 6
        rows, cols, channels = shape
        self.input_noise = nnx.data(factory.noise("input", shape))
        self.stem = _conv(channels, _GROUPS[0], 3, 1, rngs)
        channels = _GROUPS[0]
        blocks: list[Block] = []
        for group, base in enumerate(_GROUPS):
            features = base * widening
            for block in range(per_group):
                stride = 2 if group and not block else 1
                rows, cols = -(-rows // stride), -(-cols // stride)
                blocks.append(
                    Block(
                        channels,
                        features,
                        stride=stride,
                        noise=factory.noise("stage", (rows, cols, features), index=group),
                        noise_before_norm=noise_before_norm,
                        branch=factory.branch(len(blocks), per_group * len(_GROUPS)),
                        rngs=rngs,
                    )
                )
                channels = features
        self.blocks = nnx.data(blocks)
        self.norm = nn.BatchNorm(channels, momentum=0.9, rngs=rngs)
        self.noise = nnx.data(factory.noise("hidden", (channels,)))
        self.output = factory.dense(
            "output", channels, classes, kernel_init=kernel_init("identity"), rngs=rngs
        )

    def features(self, x: Float[Array, "n h w c"], rngs: Streams | None) -> Float[Array, "n width"]:
        """Returns the pooled features, before their noise."""
        x = self.stem(with_noise(self.input_noise, x, rngs))
        for block in self.blocks:
            x = block(x, rngs)
        return jax.nn.relu(self.norm(x)).mean((1, 2))

    def head(self, x: Float[Array, "n width"], rngs: Streams | None) -> Float[Array, "n classes"]:
        """Returns the logits from the last features, with noise on these."""
        return self.output(with_noise(self.noise, x, rngs), rngs=rngs)


def _conv(channels: int, features: int, size: int, stride: int, rngs: nnx.Rngs) -> nn.Conv:
    return nn.Conv(
        channels,
        features,
        size,
        stride=stride,
        use_bias=False,
        kernel_init=kernel_init("relu"),
        rngs=rngs,
    )
