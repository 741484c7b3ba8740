"""Uout: uniform (multiplicative) dropout."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from dropout_lab.ops import _noise
from dropout_lab.ops._common import Rate, checked_rate, floating, redraw, wide


def uniform_dropout(
    key: Key[Array, ""], x: Float[Array, "*shape"], *, rate: Rate
) -> Float[Array, "*shape"]:
    """Multiplies units by uniform noise with the mean and variance of inverted dropout's mask.

    ``y = x * (1 + beta * r)`` with ``r ~ U(-1, 1)`` and ``beta**2 = 3 * rate / (1 - rate)``, so
    ``E[y] = x`` and ``Var[y] = x**2 * beta**2 / 3 = x**2 * rate / (1 - rate)``. Conversely,
    ``rate = beta**2 / (3 + beta**2)``. For x of mean 0 the variance at inference is that in
    training times ``3 / (3 + beta**2) = 1 - rate``: batch normalisation sees the same variance
    shift as with dropout at this rate. At inference nothing is done.

    Args:
      key: PRNG key; use one key for one call.
      x: Floating-point array of any shape.
      rate: The dropout rate whose variance to match, in [0, 1/4], where ``beta <= 1``: a number, or
        a scalar array, which may be traced; values above 1/4 count as 1/4. The derivative with
        respect to it is 0.

    Returns:
      An array like ``x``. The noise is never negative, so no output changes sign.

    Raises:
      ValueError: If ``rate`` is a number outside [0, 1/4].
      TypeError: If ``x`` is not floating point.

    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> y = uniform_dropout(jax.random.key(0), jnp.ones(100_000), rate=0.25)
      >>> f"from {y.min():.1f} to {y.max():.1f}, variance {y.var():.2f}"
      'from 0.0 to 2.0, variance 0.33'

    References:
      X. Li, S. Chen, X. Hu, J. Yang, *Understanding the disharmony between dropout and batch
      normalization by variance shift*, CVPR 2019, arXiv:1801.05134.
      The paper's parameter is ``beta``, in [0, 1]: ``x + x * r`` with ``r ~ U(-beta, beta)``.
    """
    x = floating("uniform_dropout", "x", x)
    rate = checked_rate("uniform_dropout", rate)
    return _uniform_dropout(key, x, jnp.sqrt(3 * rate / (1 - rate)))


@redraw
def _uniform_dropout(
    key: Key[Array, ""], x: Float[Array, "*shape"], beta: Float[Array, ""]
) -> Float[Array, "*shape"]:
    value = wide(x)
    noise = 1 + beta * (2 * _noise.uniform(key, x.shape) - 1)
    return (value * noise.astype(value.dtype)).astype(x.dtype)
