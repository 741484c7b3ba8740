"""Dropout of units: inverted, classic (weight-scaled) and spatial."""

from collections.abc import Sequence
from functools import partial

from jaxtyping import Array, Float, Key

from dropout_lab.ops import _noise
from dropout_lab.ops._common import (
    Rate,
    broadcast_shape,
    checked_rate,
    floating,
    map_shape,
    redraw,
    select,
)


def dropout(
    key: Key[Array, ""],
    x: Float[Array, "*shape"],
    *,
    rate: Rate,
    broadcast_dims: Sequence[int] = (),
) -> Float[Array, "*shape"]:
    """Drops units with probability ``rate`` and divides the rest by ``1 - rate`` (inverted).

    ``y = m * x / (1 - rate)`` with ``m ~ Bernoulli(1 - rate)``, so ``E[y] = x`` and
    ``Var[y] = x**2 * rate / (1 - rate)``. At inference nothing is done.

    Args:
      key: PRNG key; use one key for one call.
      x: Floating-point array of any shape.
      rate: Probability of dropping, in [0, 1]: a number, or a scalar array, which may be traced.
        At 1 the output and its gradient are 0. The derivative with respect to it is 0.
      broadcast_dims: Axes along which all elements share one draw.

    Returns:
      An array like ``x``.

    Raises:
      ValueError: If ``rate`` is a number outside [0, 1], or an axis is out of range.
      TypeError: If ``x`` is not floating point.

    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> y = dropout(jax.random.key(0), jnp.ones(10_000), rate=0.2)
      >>> [f"{v:.2f}" for v in sorted(set(y.tolist()))]
      ['0.00', '1.25']

    References:
      G. Hinton, N. Srivastava, A. Krizhevsky, I. Sutskever, R. Salakhutdinov, *Improving neural
      networks by preventing co-adaptation of feature detectors*, 2012, arXiv:1207.0580.
      N. Srivastava et al., *Dropout: a simple way to prevent neural networks from overfitting*,
      JMLR 15, 2014.
      Both scale the weights at test time instead: see :func:`classic_dropout`.
    """
    x = floating("dropout", "x", x)
    rate = checked_rate("dropout", rate)
    return _dropout(key, x, rate, broadcast_shape("dropout", x.shape, broadcast_dims))


def classic_dropout(
    key: Key[Array, ""],
    x: Float[Array, "*shape"],
    *,
    rate: Rate,
    broadcast_dims: Sequence[int] = (),
) -> Float[Array, "*shape"]:
    """Drops units with probability ``rate`` and keeps the rest unchanged (weight-scaled dropout).

    ``y = m * x`` with ``m ~ Bernoulli(1 - rate)``, so ``E[y] = (1 - rate) * x`` and
    ``Var[y] = x**2 * rate * (1 - rate)``. At inference units are multiplied by ``1 - rate``, which
    is the papers' scaling of the outgoing weights.

    Args:
      key: PRNG key; use one key for one call.
      x: Floating-point array of any shape.
      rate: Probability of dropping, in [0, 1]: a number, or a scalar array, which may be traced.
        At 1 the output and its gradient are 0. The derivative with respect to it is 0.
      broadcast_dims: Axes along which all elements share one draw.

    Returns:
      An array like ``x``.

    Raises:
      ValueError: If ``rate`` is a number outside [0, 1], or an axis is out of range.
      TypeError: If ``x`` is not floating point.

    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> y = classic_dropout(jax.random.key(0), jnp.ones(10_000), rate=0.2)
      >>> sorted(set(y.tolist()))
      [0.0, 1.0]

    References:
      N. Srivastava, G. Hinton, A. Krizhevsky, I. Sutskever, R. Salakhutdinov, *Dropout: a simple
      way to prevent neural networks from overfitting*, JMLR 15, 2014.
      No departure; note that learning rates, initial scales and norm bounds tuned for this form
      do not carry over to the inverted one, whose weights are smaller by ``1 - rate``.
    """
    x = floating("classic_dropout", "x", x)
    rate = checked_rate("classic_dropout", rate)
    shape = broadcast_shape("classic_dropout", x.shape, broadcast_dims)
    return _classic_dropout(key, x, rate, shape)


def spatial_dropout(
    key: Key[Array, ""], x: Float[Array, "batch *space channels"], *, rate: Rate
) -> Float[Array, "batch *space channels"]:
    """Drops whole feature maps with probability ``rate`` and divides the rest by ``1 - rate``.

    ``y[b, ..., c] = m[b, c] * x[b, ..., c] / (1 - rate)`` with ``m ~ Bernoulli(1 - rate)``, so
    ``E[y] = x``. Neighbouring pixels are correlated: dropping them one by one hides little.

    Args:
      key: PRNG key; use one key for one call.
      x: Floating-point array of one or more spatial axes between batch and channels.
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
      >>> y = spatial_dropout(jax.random.key(0), jnp.ones((1, 2, 2, 4)), rate=0.5)
      >>> y[0, 0, 0].tolist() == y[0, 1, 1].tolist()
      True

    References:
      J. Tompson, R. Goroshin, A. Jain, Y. LeCun, C. Bregler, *Efficient object localization using
      convolutional networks*, CVPR 2015, arXiv:1411.4280.
      The paper's layout has channels first; here they are last, and scaling is inverted.
    """
    x = floating("spatial_dropout", "x", x)
    mask_shape = map_shape("spatial_dropout", x)
    return _dropout(key, x, checked_rate("spatial_dropout", rate), mask_shape)


@partial(redraw, static_argnums=(3,))
def _dropout(
    key: Key[Array, ""],
    x: Float[Array, "*shape"],
    rate: Float[Array, ""],
    mask_shape: tuple[int, ...],
) -> Float[Array, "*shape"]:
    return select(_noise.keep_mask(key, rate, mask_shape), x, rate)


@partial(redraw, static_argnums=(3,))
def _classic_dropout(
    key: Key[Array, ""],
    x: Float[Array, "*shape"],
    rate: Float[Array, ""],
    mask_shape: tuple[int, ...],
) -> Float[Array, "*shape"]:
    return select(_noise.keep_mask(key, rate, mask_shape), x)
