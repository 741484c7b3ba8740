"""Dropout inside attention: of weights, of logits, and of whole heads."""

from functools import partial

import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from dropout_lab.ops import _noise
from dropout_lab.ops._common import (
    Rate,
    broadcast_shape,
    checked_rate,
    floating,
    redraw,
    select,
    wide,
)
from dropout_lab.ops._counted import drop_groups


def attention_dropout(
    key: Key[Array, ""],
    x: Float[Array, "*batch queries keys"],
    *,
    rate: Rate,
    columns: bool = False,
    normalised: bool = False,
) -> Float[Array, "*batch queries keys"]:
    """Drops attention weights with probability ``rate`` and scales the rest up.

    ``y = m * x / (1 - rate)`` with ``m ~ Bernoulli(1 - rate)``, so ``E[y] = x`` and
    ``Var[y] = x**2 * rate / (1 - rate)``, and the weights of a query no longer add up to 1.
    Normalised, ``y = m * x / sum_keys(m * x)``: they add up to 1, or are all 0 where every key is
    dropped, and ``E[y]`` is not ``x``. At inference nothing is done.

    Args:
      key: PRNG key; use one key for one call.
      x: Weights after the softmax, not negative: of each query, for each key.
      rate: Probability of dropping, in [0, 1]: a number, or a scalar array, which may be traced.
        At 1 the output and its gradient are 0. The derivative with respect to it is 0.
      columns: Whether all queries of an example and head drop the same keys.
      normalised: Whether the weights left are divided by their sum, not by ``1 - rate``.

    Returns:
      An array like ``x``.

    Raises:
      ValueError: If ``rate`` is a number outside [0, 1], or ``x`` has fewer than 2 axes.
      TypeError: If ``x`` is not floating point.

    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> weights = jnp.full((2, 4), 0.25)
      >>> attention_dropout(jax.random.key(3), weights, rate=0.5, columns=True).tolist()
      [[0.0, 0.5, 0.5, 0.0], [0.0, 0.5, 0.5, 0.0]]

    References:
      A. Vaswani et al., *Attention is all you need*, NIPS 2017, arXiv:1706.03762 (their code).
      L. Zehui, P. Liu, L. Huang, J. Chen, X. Qiu, X. Huang, *DropAttention: a regularization method
      for fully-connected self-attention networks*, 2019, arXiv:1907.11065 (columns, normalised).
      The latter two were checked against an independent implementation, not against the paper's
      text; here keys are dropped one by one, not in windows, and the sum has a gradient.
    """
    x = floating("attention_dropout", "x", x)
    if x.ndim < 2:
        raise ValueError(
            f"attention_dropout: x has shape {x.shape}; allowed: 2 or more axes, (..., queries, "
            "keys)"
        )
    rate = checked_rate("attention_dropout", rate)
    shape = broadcast_shape("attention_dropout", x.shape, (-2,) if columns else ())
    return _attention_dropout(key, x, rate, shape, normalised)


@partial(redraw, static_argnums=(3, 4))
def _attention_dropout(
    key: Key[Array, ""],
    x: Float[Array, "*batch queries keys"],
    rate: Float[Array, ""],
    shape: tuple[int, ...],
    normalised: bool,
) -> Float[Array, "*batch queries keys"]:
    mask = _noise.keep_mask(key, rate, shape)
    if not normalised:
        return select(mask, x, rate)
    left = select(mask, wide(x))
    total = left.sum(-1, keepdims=True)
    return (left / jnp.where(total == 0, 1, total)).astype(x.dtype)


def drop_key(
    key: Key[Array, ""], x: Float[Array, "*batch keys"], *, rate: Rate
) -> Float[Array, "*batch keys"]:
    """Sets attention logits to minus infinity with probability ``rate``, but leaves one key.

    ``y = x`` where ``m ~ Bernoulli(1 - rate)`` is 1, else ``-inf``. A softmax then spreads all
    weight over the keys left, so nothing is rescaled. A query that would lose all its ``K`` keys
    keeps one, drawn uniformly: ``P[y = -inf] = rate - rate**K / K``. At inference nothing is done.

    Args:
      key: PRNG key; use one key for one call.
      x: Logits for each key; those of ``-inf`` are masked: they stay so, and do not count.
      rate: Probability of dropping, in [0, 1]: a number, or a scalar array, which may be traced.
        At 1 one key is left. The derivative with respect to it is 0.

    Returns:
      An array like ``x``.

    Raises:
      ValueError: If ``rate`` is a number outside [0, 1], or ``x`` has no axis.
      TypeError: If ``x`` is not floating point.

    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> drop_key(jax.random.key(0), jnp.zeros((3, 4)), rate=0.5).tolist()
      [[-inf, 0.0, 0.0, 0.0], [-inf, -inf, -inf, 0.0], [0.0, -inf, -inf, -inf]]

    References:
      B. Li et al., *DropKey for vision transformer*, CVPR 2023, arXiv:2208.02646.
      Checked against independent implementations, not against the paper's text. They add a large
      negative number, so that a query with no key left attends to all; that it keeps one is a
      choice made here. The paper lowers the rate from layer to layer; here layers share it.
    """
    x = floating("drop_key", "x", x)
    if x.ndim < 1:
        raise ValueError(f"drop_key: x has shape {x.shape}; allowed: 1 or more axes, (..., keys)")
    return _drop_key(key, x, checked_rate("drop_key", rate))


@redraw
def _drop_key(
    key: Key[Array, ""], x: Float[Array, "*batch keys"], rate: Float[Array, ""]
) -> Float[Array, "*batch keys"]:
    # The key with the most bits is kept whenever any is: the mask is a threshold on them.
    bits = jnp.where(x == -jnp.inf, jnp.uint32(0), _noise.bits(key, x.shape))
    most = bits.max(-1, keepdims=True, initial=0)
    kept = _noise.keep_mask(key, rate, x.shape) | (bits == most)
    return jnp.where(kept, x, jnp.asarray(-jnp.inf, x.dtype))


def drop_head(
    key: Key[Array, ""], x: Float[Array, "batch *queries heads units"], *, rate: Rate
) -> Float[Array, "batch *queries heads units"]:
    """Drops whole attention heads with probability ``rate`` and scales the rest up.

    ``y[b, ..., h] = m[b, h] * x[b, ..., h] * H / sum_h m[b, h]`` with ``m ~ Bernoulli(1 - rate)``
    and 0 if all ``H`` heads are dropped, so ``E[y] = (1 - rate**H) * x`` and
    ``Var[y] = x**2 * (H * E[1 / S; S > 0] - (1 - rate**H)**2)`` with ``S ~ Binomial(H, 1 - rate)``.
    At inference nothing is done.

    Args:
      key: PRNG key; use one key for one call.
      x: What each head returns for each query.
      rate: Probability of dropping, in [0, 1]: a number, or a scalar array, which may be traced.
        At 1 the output and its gradient are 0. The derivative with respect to it is 0.

    Returns:
      An array like ``x``.

    Raises:
      ValueError: If ``rate`` is a number outside [0, 1], or ``x`` has fewer than 3 axes.
      TypeError: If ``x`` is not floating point.

    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> y = drop_head(jax.random.key(0), jnp.full((2, 1, 4, 1), 3.0), rate=0.5)
      >>> y[..., 0].tolist()
      [[[0.0, 4.0, 4.0, 4.0]], [[0.0, 0.0, 0.0, 12.0]]]

    References:
      W. Zhou, T. Ge, F. Wei, M. Zhou, K. Xu, *Scheduled DropHead: a regularization method for
      transformer models*, Findings of EMNLP 2020, arXiv:2004.13342.
      Checked against two independent implementations, not against the paper's text, which leaves
      open what happens if all heads are dropped. The schedule is a schedule of the rate.
    """
    x = floating("drop_head", "x", x)
    if x.ndim < 3:
        raise ValueError(
            f"drop_head: x has shape {x.shape}; allowed: 3 or more axes, (batch, ..., heads, units)"
        )
    rate = checked_rate("drop_head", rate)
    shape = (x.shape[0], *(1,) * (x.ndim - 3), x.shape[-2], 1)
    return drop_groups(key, x, None, rate, shape, -2)
