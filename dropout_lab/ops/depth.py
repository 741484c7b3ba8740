"""Dropout of whole branches or whole layers of a residual network."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from dropout_lab.ops import _noise
from dropout_lab.ops._common import Rate, checked_rate, floating, redraw
from dropout_lab.ops._images import check_count
from dropout_lab.ops.bernoulli import dropout


def stochastic_depth(
    key: Key[Array, ""], x: Float[Array, "batch *shape"], *, rate: Rate, per_example: bool = True
) -> Float[Array, "batch *shape"]:
    """Drops a residual branch's whole output with probability ``rate``, else divides by ``1-rate``.

    ``y[b] = m[b] * x[b] / (1 - rate)`` with ``m ~ Bernoulli(1 - rate)``, so ``E[y] = x`` and
    ``Var[y] = x**2 * rate / (1 - rate)``. Apply it to the branch, before adding the shortcut. At
    inference nothing is done.

    Args:
      key: PRNG key; use one key for one call.
      x: Floating-point outputs of the branch.
      rate: Probability of dropping, in [0, 1]: a number, or a scalar array, which may be traced.
        At 1 the output and its gradient are 0. The derivative with respect to it is 0.
      per_example: Whether each example has its own draw, or the whole batch shares one. A dropped
        branch is still computed.

    Returns:
      An array like ``x``.

    Raises:
      ValueError: If ``rate`` is a number outside [0, 1], or ``x`` has no axis.
      TypeError: If ``x`` is not floating point.

    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> y = stochastic_depth(jax.random.key(0), jnp.ones((6, 2)), rate=0.5)
      >>> y.tolist()
      [[0.0, 0.0], [2.0, 2.0], [2.0, 2.0], [2.0, 2.0], [0.0, 0.0], [0.0, 0.0]]

    References:
      G. Huang, Y. Sun, Z. Liu, D. Sedra, K. Q. Weinberger, *Deep networks with stochastic depth*,
      ECCV 2016, arXiv:1603.09382.
      The paper draws once per batch and multiplies by the survival probability at test time; here
      scaling is inverted, and by default each example has its own draw.
    """
    x = floating("stochastic_depth", "x", x)
    if x.ndim < 1:
        raise ValueError(f"stochastic_depth: x has shape {x.shape}; allowed: 1 or more axes")
    rate = checked_rate("stochastic_depth", rate)
    shared = range(1 if per_example else 0, x.ndim)
    return dropout(key, x, rate=rate, broadcast_dims=shared)


def layer_drop(
    key: Key[Array, ""],
    x: Float[Array, "*shape"],
    *,
    rate: Rate,
    skipped: Float[Array, "*shape"],
) -> Float[Array, "*shape"]:
    """Skips a whole layer with probability ``rate``, for all examples at once.

    ``y = m * x + (1 - m) * skipped`` with one ``m ~ Bernoulli(1 - rate)``, so
    ``E[y] = (1 - rate) * x + rate * skipped``. Nothing is scaled. At inference the layer is
    applied, or left out for good.

    Args:
      key: PRNG key; use one key for one call.
      x: The layer's output, with its shortcut.
      rate: Probability of skipping, in [0, 1]: a number, or a scalar array, which may be traced.
        The derivative with respect to it is 0.
      skipped: The layer's input, of the shape and type of ``x``. A skipped layer is still computed.

    Returns:
      An array like ``x``.

    Raises:
      ValueError: If ``rate`` is a number outside [0, 1], or ``skipped`` has another shape than
        ``x``.
      TypeError: If ``x`` is not floating point, or ``skipped`` has another type than ``x``.

    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> key, x = jax.random.key(1), jnp.ones(3)
      >>> layer_drop(key, x, rate=0.9, skipped=2 * x).tolist()
      [2.0, 2.0, 2.0]

    References:
      A. Fan, E. Grave, A. Joulin, *Reducing transformer depth on demand with structured dropout*,
      ICLR 2020, arXiv:1909.11556.
      Checked against the authors' code; no departure.
    """
    x, skipped = floating("layer_drop", "x", x), floating("layer_drop", "skipped", skipped)
    if skipped.shape != x.shape:
        raise ValueError(
            f"layer_drop: skipped has shape {skipped.shape}; allowed: that of x, {x.shape}"
        )
    if skipped.dtype != x.dtype:
        raise TypeError(
            f"layer_drop: skipped has dtype {skipped.dtype}; allowed: that of x, {x.dtype}"
        )
    return _layer_drop(key, x, skipped, checked_rate("layer_drop", rate))


@redraw
def _layer_drop(
    key: Key[Array, ""],
    x: Float[Array, "*shape"],
    skipped: Float[Array, "*shape"],
    rate: Float[Array, ""],
) -> Float[Array, "*shape"]:
    return jnp.where(_noise.keep_mask(key, rate, ()), x, skipped)


def survival_ramp(rate: Rate, depth: int) -> Float[Array, " depth"]:
    """Returns the drop rate of each of ``depth`` blocks: ``l / depth * rate`` for block ``l``.

    Blocks are counted from 1: the first is already dropped a little, the last with ``rate``.

    Args:
      rate: Drop rate of the last block, in [0, 1]: a number, or a scalar array, maybe traced.
      depth: Number of blocks, at least 1.

    Returns:
      The drop rates in float32, for :func:`stochastic_depth`.

    Raises:
      ValueError: If ``rate`` is a number outside [0, 1], or ``depth`` is below 1.
      TypeError: If ``depth`` is not an integer.

    Example:
      >>> [f"{rate:.1f}" for rate in survival_ramp(0.5, 5)]
      ['0.1', '0.2', '0.3', '0.4', '0.5']

    References:
      G. Huang, Y. Sun, Z. Liu, D. Sedra, K. Q. Weinberger, *Deep networks with stochastic depth*,
      ECCV 2016, arXiv:1603.09382.
      The paper gives the same line as survival probabilities, ``1 - l / L * (1 - p_L)``.
    """
    check_count("survival_ramp", "depth", depth)
    rate = checked_rate("survival_ramp", rate)
    return jnp.arange(1, depth + 1, dtype=jnp.float32) / jnp.float32(depth) * rate
