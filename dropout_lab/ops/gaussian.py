"""Gaussian (multiplicative) dropout."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from dropout_lab.ops import _noise
from dropout_lab.ops._common import Rate, checked_rate, floating, redraw, wide


def gaussian_dropout(
    key: Key[Array, ""], x: Float[Array, "*shape"], *, rate: Rate
) -> Float[Array, "*shape"]:
    """Multiplies units by Gaussian noise with the mean and variance of inverted dropout's mask.

    ``y = x * (1 + sigma * e)`` with ``e ~ N(0, 1)`` and ``sigma**2 = rate / (1 - rate)``, so
    ``E[y] = x`` and ``Var[y] = x**2 * sigma**2``. At inference nothing is done.

    Args:
      key: PRNG key; use one key for one call.
      x: Floating-point array of any shape.
      rate: The dropout rate whose variance to match, in [0, 1): a number, or a scalar array, which
        may be traced. The noise grows without bound towards 1, and a traced 1 counts as the largest
        float32 below. The derivative with respect to it is 0.

    Returns:
      An array like ``x``. The noise can be negative, so the output of a ReLU can change sign.

    Raises:
      ValueError: If ``rate`` is a number outside [0, 1).
      TypeError: If ``x`` is not floating point.

    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> y = gaussian_dropout(jax.random.key(0), jnp.ones(100_000), rate=0.5)
      >>> f"mean {y.mean():.1f}, variance {y.var():.1f}"
      'mean 1.0, variance 1.0'

    References:
      N. Srivastava, G. Hinton, A. Krizhevsky, I. Sutskever, R. Salakhutdinov, *Dropout: a simple
      way to prevent neural networks from overfitting*, Section 10, JMLR 15, 2014.
      The paper writes the keep probability ``p``: ``sigma**2 = (1 - p) / p``.
    """
    x = floating("gaussian_dropout", "x", x)
    rate = checked_rate("gaussian_dropout", rate)
    return multiply_noise(key, x, rate / (1 - rate))


@redraw
def multiply_noise(
    key: Key[Array, ""], x: Float[Array, "*shape"], variance: Float[Array, "..."]
) -> Float[Array, "*shape"]:
    """Returns ``x * (1 + sqrt(variance) * e)`` with ``e ~ N(0, 1)``, one draw per element."""
    value = wide(x)
    noise = 1 + jnp.sqrt(variance) * _noise.normal(key, x.shape).astype(variance.dtype)
    return (value * noise.astype(value.dtype)).astype(x.dtype)
