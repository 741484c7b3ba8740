"""Layers that multiply activations by noise: each holds a rate and calls one op."""

import math
from collections.abc import Mapping, Sequence
from typing import Unpack

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Key

from dropout_lab import ops
from dropout_lab.nn.stochastic import NoiseOptions, RatedNoise, Stochastic, UnitNoise
from dropout_lab.ops import Rate


class Dropout(RatedNoise):
    """Inverted dropout, :func:`dropout_lab.ops.dropout`; can replace ``flax.nnx.Dropout``.

    Unlike Flax's, it needs ``rngs`` at rate 0 too, as the rate is a variable that can change.

    Args:
      rate: Probability of dropping (not of keeping).
      broadcast_dims: Axes along which all elements share one draw.
      **options: As for :class:`Stochastic`.
    """

    def __init__(
        self, rate: Rate, *, broadcast_dims: Sequence[int] = (), **options: Unpack[NoiseOptions]
    ) -> None:
        super().__init__(rate, **options)
        self.broadcast_dims = ops.checked_axes(type(self).__name__, broadcast_dims)

    def sample(self, key: Key[Array, ""], x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Returns ``x`` with units dropped and the rest scaled up."""
        return ops.dropout(key, x, rate=self.rate[...], broadcast_dims=self.broadcast_dims)


class ClassicDropout(Dropout):
    """Weight-scaled dropout, :func:`dropout_lab.ops.classic_dropout`: scaled at inference."""

    def sample(self, key: Key[Array, ""], x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Returns ``x`` with units dropped and the rest unchanged."""
        return ops.classic_dropout(key, x, rate=self.rate[...], broadcast_dims=self.broadcast_dims)

    def infer(self, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Returns ``(1 - rate) * x``."""
        value = ops.wide(x)
        return (value * (1 - self.rate[...]).astype(value.dtype)).astype(x.dtype)


class SpatialDropout(RatedNoise):
    """Dropout of whole feature maps, :func:`dropout_lab.ops.spatial_dropout`."""

    _op = staticmethod(ops.spatial_dropout)


class GaussianDropout(RatedNoise):
    """Multiplicative Gaussian noise, :func:`dropout_lab.ops.gaussian_dropout`."""

    _op = staticmethod(ops.gaussian_dropout)
    max_rate = ops.MAX_RATES["gaussian_dropout"]


class UniformDropout(RatedNoise):
    """Multiplicative uniform noise (Uout), :func:`dropout_lab.ops.uniform_dropout`."""

    _op = staticmethod(ops.uniform_dropout)
    max_rate = ops.MAX_RATES["uniform_dropout"]


class AlphaDropout(RatedNoise):
    """Dropout after SELU, :func:`dropout_lab.ops.alpha_dropout`."""

    _op = staticmethod(ops.alpha_dropout)
    max_rate = ops.MAX_RATES["alpha_dropout"]


class FeatureAlphaDropout(RatedNoise):
    """Dropout of whole feature maps after SELU, :func:`dropout_lab.ops.feature_alpha_dropout`."""

    _op = staticmethod(ops.feature_alpha_dropout)
    max_rate = ops.MAX_RATES["feature_alpha_dropout"]


class VariationalDropout(UnitNoise):
    """Gaussian noise of learnt variance, :func:`dropout_lab.ops.variational_dropout`.

    The layer or each unit has a variance ``alpha``, kept in (0, 1) by learning its logit.
    :meth:`penalty` is the KL divergence to add to the loss of the whole training set.

    Args:
      rate: Sets the initial variance, ``rate / (1 - rate)``, clipped to [0.0001, 0.95] so that
        learning can move it in both directions.
      shape: Shape of one example; every element has a noise variable.
      per: What has its own variance: "layer" or "unit".
      **options: As for :class:`Stochastic`.
    """

    max_rate = ops.BELOW_ONE

    def __init__(
        self,
        rate: Rate,
        *,
        shape: Sequence[int],
        per: str = "layer",
        **options: Unpack[NoiseOptions],
    ) -> None:
        super().__init__(**options)
        shapes = {"layer": (), "unit": tuple(shape)}
        self.logit_alpha = alpha_logit(self, rate, per, shapes)
        self.units = math.prod(shape)

    @property
    def alpha(self) -> Float[Array, "..."]:
        """The learnt variance: a scalar, or one per unit."""
        return jax.nn.sigmoid(self.logit_alpha[...])

    def sample(self, key: Key[Array, ""], x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Returns ``x`` times noise of mean 1 and variance ``alpha``."""
        return ops.variational_dropout(key, x, alpha=self.alpha)

    def penalty(self) -> Float[Array, ""]:
        """Returns the KL divergence from the prior, in nats, summed over units."""
        return self.units * ops.variational_kl(self.alpha).mean()


def alpha_logit(
    layer: Stochastic, rate: Rate, per: str, shapes: Mapping[str, tuple[int, ...]]
) -> nnx.Param[Array]:
    """Returns logits of learnable variances, all initially ``rate / (1 - rate)``.

    Args:
      layer: The layer that learns them.
      rate: The dropout rate with the initial variance.
      per: What has its own variance: a key of ``shapes``.
      shapes: The shape of the variances for each allowed value of ``per``.
    """
    if per not in shapes:
        allowed = ", ".join(map(repr, shapes))
        raise ValueError(f"{type(layer).__name__}: per is {per!r}; allowed: {allowed}")
    rate = layer.checked_rate(rate)
    alpha = jnp.clip(rate / jnp.maximum(1 - rate, 1e-6), 1e-4, 0.95)
    return nnx.Param(jnp.broadcast_to(jnp.log(alpha) - jnp.log1p(-alpha), shapes[per]))
