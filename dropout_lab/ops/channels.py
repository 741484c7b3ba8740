"""Dropout of channels by their activation: weighted channel dropout."""

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Key

from dropout_lab.ops import _noise
from dropout_lab.ops._common import Rate, checked_rate, floating, redraw, select, wide

# Relative to an example's total score: channels with score 0 are kept only if others run out.
_SMALLEST_WEIGHT = 1e-30


def weighted_channel_dropout(
    key: Key[Array, ""],
    x: Float[Array, "batch *space channels"],
    *,
    rate: Rate,
    extra_rate: Rate = 0.0,
) -> Float[Array, "batch *space channels"]:
    """Keeps a fixed number of channels, the more active ones more likely, and scales them up.

    A channel's score ``s_c`` is its mean over space, or 0 if that is negative. Of ``C`` channels
    each example keeps exactly ``M = round((1 - rate) * C)``, but at least 1, drawn sequentially
    without replacement, with probabilities proportional to the scores. Kept channels are multiplied
    by ``a = sum_c s_c / sum_kept s_c``, which preserves an example's total score (``a`` is 1 if all
    scores are 0); no gradient flows through ``a`` or the choice. Then each kept channel is dropped
    with probability ``extra_rate`` and the rest are divided by ``1 - extra_rate``. ``E[y]`` is not
    ``x``: weak channels lose and strong ones gain. At inference nothing is done.

    Args:
      key: PRNG key; use one key for one call.
      x: Floating-point activations, not negative (the output of a ReLU).
      rate: Fraction of the channels to drop, in [0, 1]: a number, or a scalar array, which may be
        traced. At 1 the output and its gradient are 0. The derivative with respect to it is 0.
      extra_rate: Probability of dropping a channel that was kept, like ``rate``.

    Returns:
      An array like ``x``.

    Raises:
      ValueError: If ``rate`` or ``extra_rate`` is a number outside [0, 1], or ``x`` has fewer than
        2 axes.
      TypeError: If ``x`` is not floating point.

    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> x = jnp.array([[1.0, 2.0, 3.0, 4.0]])
      >>> y = weighted_channel_dropout(jax.random.key(0), x, rate=0.5)
      >>> int((y > 0).sum()), f"{y.sum():.1f}"
      (2, '10.0')

    References:
      S. Hou, Z. Wang, *Weighted channel dropout for regularization of deep convolutional neural
      network*, AAAI 2019.
      P. S. Efraimidis, P. G. Spirakis, *Weighted random sampling with a reservoir*, Information
      Processing Letters 97(5), 2006 (the draw).
      The scores, the draw, the second stage after it and the scale ``a`` were checked against the
      abstract, a published summary and an independent implementation, not against the paper's text.
      Dividing by ``1 - extra_rate``, rounding, no gradient through ``a`` and 0 as the
      default of ``extra_rate`` are choices made here.
    """
    x = floating("weighted_channel_dropout", "x", x)
    if x.ndim < 2:
        raise ValueError(
            f"weighted_channel_dropout: x has shape {x.shape}; allowed: 2 or more axes, "
            "(batch, ..., channels)"
        )
    rate = checked_rate("weighted_channel_dropout", rate)
    extra_rate = checked_rate("weighted_channel_dropout, extra_rate", extra_rate)
    return _weighted_channel_dropout(key, x, rate, extra_rate)


@redraw
def _weighted_channel_dropout(
    key: Key[Array, ""],
    x: Float[Array, "batch *space channels"],
    rate: Float[Array, ""],
    extra_rate: Float[Array, ""],
) -> Float[Array, "batch *space channels"]:
    first, second = jax.random.split(key)
    value = wide(x)
    mean = lax.stop_gradient(value).mean(axis=range(1, x.ndim - 1), keepdims=True)
    scores = select(mean > 0, mean)
    total = scores.sum(axis=-1, keepdims=True)
    # With e exponential, the order of e / weight is that of draws without replacement.
    weights = (scores / jnp.where(total > 0, total, 1)).astype(jnp.float32)
    times = -jnp.log(_noise.uniform(first, scores.shape)) / jnp.maximum(weights, _SMALLEST_WEIGHT)
    ranks = jnp.argsort(jnp.argsort(times, axis=-1), axis=-1)
    count = jnp.maximum(jnp.round((1 - rate) * x.shape[-1]), 1).astype(ranks.dtype)
    kept = (ranks < count) & (rate < 1)
    left = select(kept, scores).sum(axis=-1, keepdims=True)
    scale = jnp.where(left > 0, total / jnp.where(left > 0, left, 1), 1)
    chosen = kept & _noise.keep_mask(second, extra_rate, kept.shape)
    return select(chosen, value * scale, extra_rate).astype(x.dtype)
