"""Dropout of regions of an image: DropBlock and Cutout."""

import math
from collections.abc import Sequence
from functools import partial

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Key

from dropout_lab.ops import _noise
from dropout_lab.ops._common import Rate, checked_rate, redraw, select, wide
from dropout_lab.ops._images import check_count, images


def drop_block(
    key: Key[Array, ""],
    x: Float[Array, "n h w c"],
    *,
    rate: Rate,
    block_size: int,
    per_channel: bool = True,
) -> Float[Array, "n h w c"]:
    """Drops square blocks, about a fraction ``rate`` of each map, and scales up the rest.

    Every position where a ``b`` by ``b`` block fits is the corner of a dropped block with
    probability ``gamma = rate / b**2 * h * w / ((h - b + 1) * (w - b + 1))``. With the mask ``m``
    of the other units, ``y = x * m * size(m) / sum(m)`` over one example, or 0 if all are dropped.
    The noise's mean over an example is 1, but ``E[y]`` is somewhat above ``x`` at the border, where
    fewer blocks fit, and below it in the middle. Blocks overlap, so the fraction of dropped units
    is less than ``rate``: see :func:`drop_block_fraction`. At inference nothing is done.

    Args:
      key: PRNG key; use one key for one call.
      x: Floating-point images.
      rate: Probability of dropping, in [0, 1]: a number, or a scalar array, which may be traced.
        At 1 the output and its gradient are 0. The derivative with respect to it is 0.
      block_size: Height and width ``b`` of a block, at least 1, even or odd; clipped to the map's
        size. No block crosses the border.
      per_channel: Whether each channel has its own blocks, or all channels share one mask. With a
        shared mask and blocks as large as the map, an example is dropped whole or left unscaled.

    Returns:
      An array like ``x``.

    Raises:
      ValueError: If ``rate`` is a number outside [0, 1], ``block_size`` below 1, or ``x`` is not a
        batch of images.
      TypeError: If ``x`` is not floating point, or ``block_size`` not an integer.

    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> y = drop_block(jax.random.key(3), jnp.ones((1, 6, 6, 1)), rate=0.3, block_size=3)
      >>> print((100 * y[0, :, :, 0]).astype(int))
      [[133 133 133 133 133 133]
       [133 133 133 133 133 133]
       [133 133 133 133 133 133]
       [133 133 133   0   0   0]
       [133 133 133   0   0   0]
       [133 133 133   0   0   0]]

    References:
      G. Ghiasi, T.-Y. Lin, Q. V. Le, *DropBlock: a regularization method for convolutional
      networks*, NeurIPS 2018, arXiv:1810.12890.
      The paper normalises over the batch, which lets the blocks of one example scale another; here
      each example is normalised by itself, over all of its channels. At rate 1 the paper's formula
      still keeps some units.
    """
    x = images("drop_block", x)
    check_count("drop_block", "block_size", block_size)
    rate = checked_rate("drop_block", rate)
    if 0 in x.shape[1:3]:
        return x
    return _drop_block(key, x, rate, block_size, per_channel)


def drop_block_fraction(rate: Rate, *, shape: Sequence[int], block_size: int) -> Float[Array, ""]:
    """Returns the expected fraction of units that :func:`drop_block` drops.

    A unit that ``k`` blocks can cover is dropped with probability ``1 - (1 - gamma)**k``; this is
    the average over the map, exactly.

    Args:
      rate: The rate, in [0, 1]: a number, or a scalar array, which may be traced.
      shape: Height and width of the map; a third entry, its channels, is ignored.
      block_size: Height and width of a block, at least 1.

    Returns:
      The fraction: exactly ``rate`` at 0 and 1, at most ``rate`` between them.

    Raises:
      ValueError: If ``rate`` is a number outside [0, 1], ``block_size`` below 1, or ``shape`` is
        not that of a map.
      TypeError: If ``block_size`` is not an integer.

    Example:
      >>> f"{drop_block_fraction(0.1, shape=(16, 16), block_size=7):.4f}"
      '0.0931'

    References:
      G. Ghiasi, T.-Y. Lin, Q. V. Le, *DropBlock: a regularization method for convolutional
      networks*, NeurIPS 2018, arXiv:1810.12890.
      The paper calls the rate approximate and does not compute the difference.
    """
    check_count("drop_block_fraction", "block_size", block_size)
    if len(shape) not in (2, 3) or min(shape) < 1:
        raise ValueError(
            f"drop_block_fraction: shape is {tuple(shape)}; allowed: (height, width) or "
            "(height, width, channels), each 1 or more"
        )
    gamma = _gamma(checked_rate("drop_block_fraction", rate), shape[0], shape[1], block_size)
    rows, cols = (_corners_over_each_place(size, min(block_size, size)) for size in shape[:2])
    corners = rows[:, None] * cols[None, :]
    return -jnp.expm1(corners * jnp.log1p(-gamma)).mean()


def cutout(
    key: Key[Array, ""], x: Float[Array, "n h w c"], *, size: int
) -> Float[Array, "n h w c"]:
    """Zeroes one square per image, in all channels, at a random place.

    The square covers ``size`` rows from ``row - size // 2`` and ``size`` columns from
    ``col - size // 2``, with ``(row, col)`` uniform over the pixels; it is clipped at the image's
    border. Nothing is scaled. At inference nothing is done.

    Args:
      key: PRNG key; use one key for one call.
      x: Floating-point images. Normalise them first: a zero is then the mean colour.
      size: Height and width of the square, at least 1.

    Returns:
      An array like ``x``.

    Raises:
      ValueError: If ``size`` is below 1, or ``x`` is not a batch of images.
      TypeError: If ``x`` is not floating point, or ``size`` not an integer.

    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> y = cutout(jax.random.key(0), jnp.ones((1, 4, 6, 1)), size=3)
      >>> print(y[0, :, :, 0].astype(int))
      [[1 1 1 1 1 1]
       [1 1 1 1 1 1]
       [0 0 1 1 1 1]
       [0 0 1 1 1 1]]

    References:
      T. DeVries, G. W. Taylor, *Improved regularization of convolutional neural networks with
      Cutout*, 2017, arXiv:1708.04552.
      No departure for even sizes, such as the 16, 8 and 20 of the authors' README.
    """
    x = images("cutout", x)
    check_count("cutout", "size", size)
    return _cutout(key, x, size)


@partial(redraw, static_argnums=(3, 4))
def _drop_block(
    key: Key[Array, ""],
    x: Float[Array, "n h w c"],
    rate: Float[Array, ""],
    block_size: int,
    per_channel: bool,
) -> Float[Array, "n h w c"]:
    n, h, w, c = x.shape
    rows, cols = min(block_size, h), min(block_size, w)
    corners = (n, h - rows + 1, w - cols + 1, c if per_channel else 1)
    dropped = ~_noise.keep_mask(key, _gamma(rate, h, w, block_size), corners)
    # One axis after the other: a window in both at once takes block_size**2 steps per unit.
    for axis, length in ((1, rows), (2, cols)):
        dropped = _spread(dropped, axis, length)
    kept = ~dropped
    # int32 counts exactly; no example has 2**31 units.
    left = kept.sum(axis=(1, 2, 3), keepdims=True, dtype=jnp.int32)
    total = jnp.int32(math.prod(kept.shape[1:]))
    value = wide(x)
    scale = total.astype(value.dtype) / jnp.maximum(left, 1).astype(value.dtype)
    return select(kept, value * scale).astype(x.dtype)


def _spread(corners: Bool[Array, "..."], axis: int, length: int) -> Bool[Array, "..."]:
    """Returns a mask of the runs of ``length`` along an axis that start at ``corners``."""
    window = tuple(length if i == axis else 1 for i in range(4))
    edges = tuple((length - 1,) * 2 if i == axis else (0, 0) for i in range(4))
    return lax.reduce_window(corners, False, lax.bitwise_or, window, (1,) * 4, edges)


def _gamma(rate: Float[Array, ""], h: int, w: int, block_size: int) -> Float[Array, ""]:
    """Returns the probability that a corner has a block: at most the rate, and 1 at rate 1."""
    factor = 1.0
    for size in (h, w):
        length = min(block_size, size)
        # b * (h - b + 1) >= h for every b from 1 to h, with equality at both ends.
        factor *= size / max(length * (size - length + 1), 1)
    return jnp.where(rate < 1, rate * jnp.float32(factor), 1)


def _corners_over_each_place(size: int, length: int) -> Float[Array, " size"]:
    """Returns, for each place on an axis, how many runs of ``length`` cover it."""
    place = jnp.arange(size)
    last = jnp.minimum(place, size - length)
    first = jnp.maximum(place - length + 1, 0)
    return (last - first + 1).astype(jnp.float32)


@partial(redraw, static_argnums=(2,))
def _cutout(key: Key[Array, ""], x: Float[Array, "n h w c"], size: int) -> Float[Array, "n h w c"]:
    # A remainder of 32 bits is uniform to within the image's size over 2**32.
    bits = _noise.bits(key, (x.shape[0], 2))
    inside = jnp.ones((), bool)
    for axis in (1, 2):
        pixels = jnp.uint32(x.shape[axis])
        centre = (bits[:, axis - 1] % pixels).astype(jnp.int32).reshape(-1, 1, 1, 1)
        shape = tuple(x.shape[i] if i == axis else 1 for i in range(4))
        place = lax.broadcasted_iota(jnp.int32, shape, axis)
        first = centre - size // 2
        inside = inside & (place >= first) & (place < first + size)
    return select(~inside, x)
