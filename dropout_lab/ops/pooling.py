"""Pooling that picks a random unit of each window, and its means for inference."""

import functools
import itertools
from collections.abc import Sequence
from functools import partial

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Key

from dropout_lab.ops import _noise
from dropout_lab.ops._common import Rate, checked_rate, redraw, select, wide
from dropout_lab.ops._images import check_count, images, windows


def max_pool_dropout(
    key: Key[Array, ""], x: Float[Array, "n h w c"], *, rate: Rate, window: int = 2
) -> Float[Array, "n p q c"]:
    """Drops units with probability ``rate``, then takes the maximum of each window.

    With a window's units in ascending order, ``a_1 <= ... <= a_n``, and ``q = 1 - rate``:
    ``y = a_i`` with probability ``q * rate**(n - i)``, and 0 with ``rate**n``. Nothing is divided
    by ``q``. Inference takes the mean: :func:`weighted_pool`.

    Args:
      key: PRNG key; use one key for one call.
      x: Floating-point images, not negative (the output of a ReLU); a dropped unit counts as 0.
      rate: Probability of dropping, in [0, 1]: a number, or a scalar array, which may be traced.
        At 1 the output and its gradient are 0. The derivative with respect to it is 0.
      window: Height, width and stride of the windows; an incomplete edge is left out.

    Returns:
      The pooled images, in the type of ``x``. Of equal maxima the first receives the gradient.

    Raises:
      ValueError: If ``rate`` is a number outside [0, 1], ``window`` below 1, or ``x`` is not a
        batch of images.
      TypeError: If ``x`` is not floating point, or ``window`` not an integer.

    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> x = jnp.array([[1.0, 2.0], [3.0, 4.0]]).reshape(1, 2, 2, 1)
      >>> y = max_pool_dropout(jax.random.key(0), jnp.tile(x, (500, 1, 1, 1)), rate=0.5)
      >>> [int((y == value).sum()) for value in (4, 3, 2, 1, 0)]
      [229, 145, 55, 44, 27]

    References:
      H. Wu, X. Gu, *Max-pooling dropout for regularization of convolutional neural networks*,
      ICONIP 2015, arXiv:1512.01400.
      No departure; the paper's windows may overlap, these do not.
    """
    x = images("max_pool_dropout", x)
    check_count("max_pool_dropout", "window", window)
    return _max_pool_dropout(key, x, checked_rate("max_pool_dropout", rate), window)


def weighted_pool(
    x: Float[Array, "n h w c"], *, rate: Rate, window: int = 2
) -> Float[Array, "n p q c"]:
    """Returns the mean of :func:`max_pool_dropout` (probabilistic weighted pooling).

    ``y = sum_i q * rate**(n - i) * a_i`` over a window's units in ascending order, with
    ``q = 1 - rate``: the maximum at rate 0, ``(1 - rate) * x`` for windows of 1.

    Args:
      x: Floating-point images, not negative.
      rate: Probability of dropping, in [0, 1]: a number, or a scalar array, which may be traced.
        The derivative with respect to it is 0.
      window: Height, width and stride of the windows; an incomplete edge is left out.

    Returns:
      The pooled images, in the type of ``x``.

    Raises:
      ValueError: If ``rate`` is a number outside [0, 1], ``window`` below 1, or ``x`` is not a
        batch of images.
      TypeError: If ``x`` is not floating point, or ``window`` not an integer.

    Example:
      >>> import jax.numpy as jnp
      >>> x = jnp.array([[1.0, 2.0], [3.0, 4.0]]).reshape(1, 2, 2, 1)
      >>> weighted_pool(x, rate=0.5).item()
      3.0625

    References:
      H. Wu, X. Gu, *Max-pooling dropout for regularization of convolutional neural networks*,
      ICONIP 2015, arXiv:1512.01400.
      No departure.
    """
    x = images("weighted_pool", x)
    check_count("weighted_pool", "window", window)
    rate = checked_rate("weighted_pool", rate)
    units = [wide(unit) for unit in windows(x, window)]
    rate = rate.astype(units[0].dtype)
    weights = [1 - rate for _ in units]
    # Comparing all pairs replaces sorting, whose gradient would gather and scatter. Of equal units
    # the first counts as larger.
    for (i, first), (j, second) in itertools.combinations(enumerate(units), 2):
        wins = first >= second
        weights[i] = weights[i] * jnp.where(wins, 1, rate)
        weights[j] = weights[j] * jnp.where(wins, rate, 1)
    return _weighted_sum(weights, units).astype(x.dtype)


def stochastic_pool(
    key: Key[Array, ""], x: Float[Array, "n h w c"], *, window: int = 2
) -> Float[Array, "n p q c"]:
    """Picks one unit of each window, with probability in proportion to its activation.

    ``y = a_i`` with probability ``a_i / sum_j a_j``; 0 for a window of zeros. So ``E[y] =
    sum_i a_i**2 / sum_i a_i``, which inference uses: :func:`stochastic_pool_mean`. The gradient
    goes to the unit that was picked.

    Args:
      key: PRNG key; use one key for one call.
      x: Floating-point images, not negative (the output of a ReLU). A negative unit counts as 0: it
        is never picked.
      window: Height, width and stride of the windows; an incomplete edge is left out.

    Returns:
      The pooled images, in the type of ``x``.

    Raises:
      ValueError: If ``window`` is below 1, or ``x`` is not a batch of images.
      TypeError: If ``x`` is not floating point, or ``window`` not an integer.

    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> x = jnp.array([[1.0, 2.0], [3.0, 4.0]]).reshape(1, 2, 2, 1)
      >>> y = stochastic_pool(jax.random.key(0), jnp.tile(x, (500, 1, 1, 1)))
      >>> [int((y == value).sum()) for value in (4, 3, 2, 1)]
      [206, 150, 94, 50]

    References:
      M. D. Zeiler, R. Fergus, *Stochastic pooling for regularization of deep convolutional neural
      networks*, ICLR 2013, arXiv:1301.3557.
      The paper's windows have size 3 and stride 2; here they do not overlap.
    """
    x = images("stochastic_pool", x)
    check_count("stochastic_pool", "window", window)
    return _stochastic_pool(key, x, window)


def stochastic_pool_mean(x: Float[Array, "n h w c"], *, window: int = 2) -> Float[Array, "n p q c"]:
    """Returns the mean of :func:`stochastic_pool`: activations weighted by themselves.

    ``y = sum_i a_i**2 / sum_i a_i``, and 0, with a gradient of 0, for a window of zeros.

    Args:
      x: Floating-point images, not negative. A negative unit counts as 0.
      window: Height, width and stride of the windows; an incomplete edge is left out.

    Returns:
      The pooled images, in the type of ``x``.

    Raises:
      ValueError: If ``window`` is below 1, or ``x`` is not a batch of images.
      TypeError: If ``x`` is not floating point, or ``window`` not an integer.

    Example:
      >>> import jax.numpy as jnp
      >>> x = jnp.array([[1.0, 2.0], [3.0, 4.0]]).reshape(1, 2, 2, 1)
      >>> stochastic_pool_mean(x).item()
      3.0

    References:
      M. D. Zeiler, R. Fergus, *Stochastic pooling for regularization of deep convolutional neural
      networks*, ICLR 2013, arXiv:1301.3557.
      No departure.
    """
    x = images("stochastic_pool_mean", x)
    check_count("stochastic_pool_mean", "window", window)
    units = [wide(unit) for unit in windows(x, window)]
    units = [select(~(unit <= 0), unit) for unit in units]
    total = functools.reduce(jnp.add, units)
    # Dividing before multiplying: the square of a small activation would underflow.
    divisor = jnp.where(total > 0, total, 1)
    return _weighted_sum([unit / divisor for unit in units], units).astype(x.dtype)


def _weighted_sum(weights: Sequence[Array], units: Sequence[Array]) -> Array:
    """Returns the sum of the products."""
    return functools.reduce(jnp.add, map(jnp.multiply, weights, units))


@partial(redraw, static_argnums=(3,))
def _max_pool_dropout(
    key: Key[Array, ""], x: Float[Array, "n h w c"], rate: Float[Array, ""], window: int
) -> Float[Array, "n p q c"]:
    # The barrier keeps the noise in a loop of its own: fused with strided slices it is not
    # vectorised.
    mask = lax.optimization_barrier(_noise.keep_mask(key, rate, x.shape))
    largest, *others = windows(select(mask, x), window)
    for unit in others:
        largest = jnp.where((unit > largest) | jnp.isnan(unit), unit, largest)
    return largest


@partial(redraw, static_argnums=(2,))
def _stochastic_pool(
    key: Key[Array, ""], x: Float[Array, "n h w c"], window: int
) -> Float[Array, "n p q c"]:
    units = windows(x, window)
    above = [jnp.zeros(units[0].shape, wide(x).dtype)]
    for unit in units:
        value = wide(lax.stop_gradient(unit))
        above.append(above[-1] + select(~(value <= 0), value))
    # Units divide [0, total) into intervals as long as their values; the one with a uniform point
    # in its interval is picked.
    uniform = lax.optimization_barrier(_noise.uniform(key, units[0].shape))
    point = uniform.astype(above[-1].dtype) * above[-1]
    # Where the total is not finite, the output is the total.
    picked = select(~jnp.isfinite(above[-1]), above[-1]).astype(x.dtype)
    for unit, start, end in zip(units, above[:-1], above[1:], strict=True):
        picked = jnp.where((start <= point) & (point < end), unit, picked)
    return picked
