"""Alpha dropout: for self-normalising networks."""

from functools import partial

import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from dropout_lab.ops import _noise
from dropout_lab.ops._common import Rate, checked_rate, floating, map_shape, redraw, wide

# The limit of SELU at minus infinity: minus its scale times its alpha.
DROPPED = -1.7580993408473766


def alpha_dropout(
    key: Key[Array, ""], x: Float[Array, "*shape"], *, rate: Rate
) -> Float[Array, "*shape"]:
    """Sets units to SELU's lower limit with probability ``rate``, keeping mean 0 and variance 1.

    ``y = a * (m * x + (1 - m) * c) + b`` with ``m ~ Bernoulli(1 - rate)``, ``c = -1.7581``,
    ``a**-2 = (1 - rate) * (1 + rate * c**2)`` and ``b = -a * rate * c``. Given x, ``E[y] =
    a * (1 - rate) * x`` and ``Var[y] = a**2 * rate * (1 - rate) * (x - c)**2``. If x has mean 0 and
    variance 1, and only then, y has mean 0 and variance 1 too. At inference nothing is done.

    Args:
      key: PRNG key; use one key for one call.
      x: Floating-point array of any shape: outputs of SELU.
      rate: Probability of dropping, in [0, 1): a number, or a scalar array, which may be traced. At
        1 every unit would be the same constant and no ``a`` would bring its variance back, so a
        traced 1 counts as the largest float32 below. The derivative with respect to it is 0.

    Returns:
      An array like ``x``. Dropped units all have the value ``a * c + b``.

    Raises:
      ValueError: If ``rate`` is a number outside [0, 1).
      TypeError: If ``x`` is not floating point.

    Example:
      >>> import jax
      >>> x = jax.random.normal(jax.random.key(0), (100_000,))
      >>> y = alpha_dropout(jax.random.key(1), x, rate=0.1)
      >>> f"mean {abs(y.mean()):.1f}, variance {y.var():.1f}"
      'mean 0.0, variance 1.0'

    References:
      G. Klambauer, T. Unterthiner, A. Mayr, S. Hochreiter, *Self-normalizing neural networks*,
      NIPS 2017, arXiv:1706.02515.
      The paper's formula also covers moments other than 0 and 1; here they are fixed.
    """
    x = floating("alpha_dropout", "x", x)
    rate = checked_rate("alpha_dropout", rate)
    return _alpha_dropout(key, x, rate, x.shape)


def feature_alpha_dropout(
    key: Key[Array, ""], x: Float[Array, "batch *space channels"], *, rate: Rate
) -> Float[Array, "batch *space channels"]:
    """Sets whole feature maps to SELU's lower limit with probability ``rate``.

    As :func:`alpha_dropout`, with one draw for each example and channel: every element keeps mean
    0 and variance 1, but elements of one map are dropped together. At inference nothing is done.

    Args:
      key: PRNG key; use one key for one call.
      x: Floating-point array of one or more spatial axes between batch and channels.
      rate: Probability of dropping, in [0, 1): a number, or a scalar array, which may be traced. A
        traced 1 counts as the largest float32 below. The derivative with respect to it is 0.

    Returns:
      An array like ``x``.

    Raises:
      ValueError: If ``rate`` is a number outside [0, 1), or ``x`` has fewer than 3 axes.
      TypeError: If ``x`` is not floating point.

    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> y = feature_alpha_dropout(jax.random.key(0), jnp.ones((1, 2, 2, 4)), rate=0.5)
      >>> y[0, 0, 0].tolist() == y[0, 1, 1].tolist()
      True

    References:
      G. Klambauer, T. Unterthiner, A. Mayr, S. Hochreiter, *Self-normalizing neural networks*,
      NIPS 2017, arXiv:1706.02515.
      J. Tompson, R. Goroshin, A. Jain, Y. LeCun, C. Bregler, *Efficient object localization using
      convolutional networks*, CVPR 2015, arXiv:1411.4280.
      Neither paper has this op: it combines the noise of the first with the units of the second, as
      PyTorch does, but with channels last.
    """
    x = floating("feature_alpha_dropout", "x", x)
    mask_shape = map_shape("feature_alpha_dropout", x)
    rate = checked_rate("feature_alpha_dropout", rate)
    return _alpha_dropout(key, x, rate, mask_shape)


@partial(redraw, static_argnums=(3,))
def _alpha_dropout(
    key: Key[Array, ""],
    x: Float[Array, "*shape"],
    rate: Float[Array, ""],
    mask_shape: tuple[int, ...],
) -> Float[Array, "*shape"]:
    scale = 1 / jnp.sqrt((1 - rate) * (1 + rate * DROPPED**2))
    shift = -scale * rate * DROPPED
    value = wide(x)
    mask = _noise.keep_mask(key, rate, mask_shape)
    mixed = jnp.where(mask, value, jnp.asarray(DROPPED, value.dtype))
    return (mixed * scale.astype(value.dtype) + shift.astype(value.dtype)).astype(x.dtype)
