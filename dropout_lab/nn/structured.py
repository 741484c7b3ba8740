"""Layers that drop regions, channels, patches, branches or layers: each calls one op."""

from typing import Unpack

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Bool, Float, Int, Key

from dropout_lab import ops
from dropout_lab.nn.stochastic import NoiseOptions, Rated, RatedNoise, Streams, UnitNoise
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


class Masksembles(UnitNoise):
    """One of a few fixed masks for each example, :func:`dropout_lab.ops.masksembles`.

    All layers with one seed and number of units have the same masks. Units are alike until they are
    trained, so nothing is lost by that.

    Args:
      masks: Number of masks.
      scale: How far masks differ, from 1 up.
      seed: Seed of the masks.
      **options: As for :class:`Stochastic`. Keys that calls give are not used.

    Attributes:
      only: The mask for all examples; None: by their positions.
    """

    def __init__(
        self,
        *,
        masks: int = 4,
        scale: float = 2.0,
        seed: int = 0,
        **options: Unpack[NoiseOptions],
    ) -> None:
        super().__init__(**options)
        self.masks = masks
        self.scale = scale
        self.seed = seed
        self.only: Int[Array, ""] | None = nnx.data(None)

    def sample(self, key: Key[Array, ""], x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Returns ``x`` under its masks, which do not depend on the key."""
        del key
        fixed = jax.random.key(self.seed)
        return ops.masksembles(fixed, x, masks=self.masks, scale=self.scale, only=self.only)

    def infer(self, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Returns ``x`` times the fraction of the masks that keep each unit."""
        fixed, units = jax.random.key(self.seed), x.shape[-1]
        table = ops.masksembles_masks(fixed, units=units, masks=self.masks, scale=self.scale)
        value = ops.wide(x)
        return (value * jnp.mean(table, 0, value.dtype)).astype(x.dtype)


class LayerDrop(Rated):
    """Skipping of a whole layer, :func:`dropout_lab.ops.layer_drop`.

    Args:
      rate: Probability of skipping the layer, for all examples at once.
      **options: As for :class:`Stochastic`.

    Attributes:
      every_other: Whether, without noise, every other layer is left out for good.
    """

    def __init__(self, rate: Rate, **options: Unpack[NoiseOptions]) -> None:
        super().__init__(rate, **options)
        self.every_other = False

    def _prunes(self, index: int) -> bool:
        """Returns whether layer ``index``, counted from 0, is left out for good."""
        return self.every_other and self._is_deterministic(None) and index % 2 == 1

    def choose(
        self, x: Float[Array, "*shape"], skipped: Float[Array, "*shape"], rngs: Streams | None
    ) -> Float[Array, "*shape"]:
        """Returns the layer's output or, if it is skipped, its input."""
        if self._is_deterministic(None):
            return x
        return ops.layer_drop(self.make_key(rngs), x, rate=self.rate[...], skipped=skipped)


class PatchDropout(Rated):
    """Patches left out of the network, in number as :func:`dropout_lab.ops.patch_dropout` does.

    Args:
      rate: Fraction of an example's patches to drop. Dropped ones count as padding.
      share: Fraction of the patches that are not computed at all; more cannot be seen, whatever the
        rate. A number, as it shapes the program.
      **options: As for :class:`Stochastic`.
    """

    def __init__(self, rate: Rate, *, share: float = 0.0, **options: Unpack[NoiseOptions]) -> None:
        super().__init__(rate, **options)
        self.share = share

    def choose(
        self,
        x: Float[Array, "n patches features"],
        present: Bool[Array, "n patches"] | None,
        rngs: Streams | None,
    ) -> tuple[Float[Array, "n left features"], Bool[Array, "n left"] | None]:
        """Returns the patches that are computed, in their order, and which of them are seen.

        Args:
          x: The patches.
          present: Which are not padding; None if all are.
          rngs: Overrides the layer's streams.
        """
        if self._is_deterministic(None):
            return x, present
        examples, patches = x.shape[:2]
        ranks = ops.patch_ranks(self.make_key(rngs), (examples, patches), present)
        count = patches if present is None else present.sum(-1, keepdims=True)
        seen = ranks < ops.patches_left(self.rate[...], count)
        computed = max(patches - int(self.share * patches), 1)
        if computed == patches:
            return x, seen
        chosen = jnp.sort(jnp.argsort(ranks, axis=-1)[:, :computed], axis=-1)
        return (
            jnp.take_along_axis(x, chosen[..., None], axis=1),
            jnp.take_along_axis(seen, chosen, axis=1),
        )
