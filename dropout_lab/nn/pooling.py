"""Pooling layers with noise, for use in place of max-pooling."""

from typing import Unpack

from jaxtyping import Array, Float, Key

from dropout_lab import ops
from dropout_lab.nn.stochastic import NoiseOptions, RatedNoise, UnitNoise
from dropout_lab.ops import Rate


class MaxPoolDropout(RatedNoise):
    """Max-pooling after dropout, :func:`dropout_lab.ops.max_pool_dropout`.

    At inference units are weighted by their probabilities of being the maximum.

    Args:
      rate: Probability of dropping a unit before pooling.
      window: Height, width and stride of the windows.
      **options: As for :class:`Stochastic`.
    """

    def __init__(self, rate: Rate, *, window: int = 2, **options: Unpack[NoiseOptions]) -> None:
        super().__init__(rate, **options)
        self.window = window

    def sample(self, key: Key[Array, ""], x: Float[Array, "n h w c"]) -> Float[Array, "n p q c"]:
        """Returns the maxima of the units that are kept."""
        return ops.max_pool_dropout(key, x, rate=self.rate[...], window=self.window)

    def infer(self, x: Float[Array, "n h w c"]) -> Float[Array, "n p q c"]:
        """Returns the expected maximum of each window."""
        return ops.weighted_pool(x, rate=self.rate[...], window=self.window)


class StochasticPool(UnitNoise):
    """Pooling that picks large units more often, :func:`dropout_lab.ops.stochastic_pool`.

    At inference units are weighted by their probabilities of being picked.

    Args:
      window: Height, width and stride of the windows.
      **options: As for :class:`Stochastic`.
    """

    def __init__(self, *, window: int = 2, **options: Unpack[NoiseOptions]) -> None:
        super().__init__(**options)
        self.window = window

    def sample(self, key: Key[Array, ""], x: Float[Array, "n h w c"]) -> Float[Array, "n p q c"]:
        """Returns the units that are picked."""
        return ops.stochastic_pool(key, x, window=self.window)

    def infer(self, x: Float[Array, "n h w c"]) -> Float[Array, "n p q c"]:
        """Returns the expected pick of each window."""
        return ops.stochastic_pool_mean(x, window=self.window)
