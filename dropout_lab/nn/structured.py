"""Layers that drop regions, channels or whole branches: each calls one op."""

from typing import Unpack

from jaxtyping import Array, Float, Key

from dropout_lab import ops
from dropout_lab.nn.stochastic import NoiseOptions, RatedNoise, UnitNoise
from dropout_lab.ops import Rate, checked_rate


class DropBlock(RatedNoise):
    """Dropout of square blocks of feature maps, :func:`dropout_lab.ops.drop_block`.

    Args:
      rate: Approximate probability of dropping; exact: :func:`dropout_lab.ops.drop_block_fraction`.
      block_size: Height and width of a block; clipped to the map's.
      per_channel: Whether each channel has its own blocks, or all channels share them.
      **options: As for :class:`Stochastic`.
    """

    def __init__(
        self,
        rate: Rate,
        *,
        block_size: int = 7,
        per_channel: bool = True,
        **options: Unpack[NoiseOptions],
    ) -> None:
        super().__init__(rate, **options)
        self.block_size = block_size
        self.per_channel = per_channel

    def sample(self, key: Key[Array, ""], x: Float[Array, "n h w c"]) -> Float[Array, "n h w c"]:
        """Returns ``x`` with blocks dropped and the rest scaled up."""
        return ops.drop_block(
            key,
            x,
            rate=self.rate[...],
            block_size=self.block_size,
            per_channel=self.per_channel,
        )


class Cutout(UnitNoise):
    """One zero square per image, :func:`dropout_lab.ops.cutout`; for a network's input.

    Args:
      block_size: Height and width of the square.
      **options: As for :class:`Stochastic`.
    """

    def __init__(self, *, block_size: int = 4, **options: Unpack[NoiseOptions]) -> None:
        super().__init__(**options)
        self.block_size = block_size

    def sample(self, key: Key[Array, ""], x: Float[Array, "n h w c"]) -> Float[Array, "n h w c"]:
        """Returns ``x`` with a square of each image zeroed."""
        return ops.cutout(key, x, size=self.block_size)


class StochasticDepth(RatedNoise):
    """Dropout of a residual branch, :func:`dropout_lab.ops.stochastic_depth`.

    Args:
      rate: Probability of dropping the branch; see :func:`dropout_lab.ops.survival_ramp`.
      per_example: Whether each example has its own draw, or the batch shares one.
      **options: As for :class:`Stochastic`.
    """

    def __init__(
        self, rate: Rate, *, per_example: bool = True, **options: Unpack[NoiseOptions]
    ) -> None:
        super().__init__(rate, **options)
        self.per_example = per_example

    def sample(self, key: Key[Array, ""], x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Returns the branch's output, dropped or scaled up."""
        return ops.stochastic_depth(key, x, rate=self.rate[...], per_example=self.per_example)


class WeightedChannelDropout(RatedNoise):
    """Dropout mostly of weak channels, :func:`dropout_lab.ops.weighted_channel_dropout`.

    Args:
      rate: Fraction of the channels to drop.
      extra_rate: Probability of dropping a channel that was kept; not a variable, so schedules and
        sweeps do not change it.
      **options: As for :class:`Stochastic`.
    """

    def __init__(
        self, rate: Rate, *, extra_rate: float = 0.0, **options: Unpack[NoiseOptions]
    ) -> None:
        super().__init__(rate, **options)
        checked_rate("WeightedChannelDropout, extra_rate", extra_rate)
        self.extra_rate = extra_rate

    def sample(self, key: Key[Array, ""], x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Returns ``x`` with channels dropped and the rest scaled up."""
        return ops.weighted_channel_dropout(key, x, rate=self.rate[...], extra_rate=self.extra_rate)
