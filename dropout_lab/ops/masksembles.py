"""Masksembles: a fixed set of overlapping masks, each for its part of a batch."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key

from dropout_lab.ops import _noise
from dropout_lab.ops._common import floating, placed_like, select
from dropout_lab.ops._images import check_count


def masksembles(
    key: Key[Array, ""],
    x: Float[Array, "batch *space units"],
    *,
    masks: int,
    scale: float,
    only: int | Int[Array, ""] | None = None,
) -> Float[Array, "batch *space units"]:
    """Multiplies each example by one of a few masks that the key fixes.

    Example ``i`` gets mask ``i mod N`` of the set of :func:`masksembles_masks`, over its last axis
    and alike at all other positions; what is kept is not scaled. A network that uses one key
    throughout is thus ``N`` overlapping networks, and every batch trains all of them. They predict
    by the mean of their probabilities.

    Args:
      key: PRNG key that fixes the set: not a fresh one for each call.
      x: Floating-point activations.
      masks: Number of masks ``N``, at least 1.
      scale: How far masks differ, ``S`` from 1 up: at 1 they keep every unit, and towards infinity
        no two of them keep the same one.
      only: The mask for all examples, in [0, N), which may be traced; None: by position.

    Returns:
      An array like ``x``.

    Raises:
      ValueError: If ``masks`` is below 1, ``scale`` below 1, or ``x`` has fewer than 2 axes.
      TypeError: If ``x`` is not floating point, or ``masks`` not an integer.

    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> y = masksembles(jax.random.key(0), jnp.ones((4, 12)), masks=2, scale=2.0)
      >>> print(y.astype(int))
      [[1 0 1 1 1 0 0 1 1 1 1 0]
       [0 1 0 1 1 1 1 0 0 1 1 1]
       [1 0 1 1 1 0 0 1 1 1 1 0]
       [0 1 0 1 1 1 1 0 0 1 1 1]]

    References:
      N. Durasov, T. Bagautdinov, P. Baque, P. Fua, *Masksembles for uncertainty estimation*, CVPR
      2021, arXiv:2012.08334.
      The paper assigns masks to blocks of a batch; which examples are in a block is as random.
    """
    x = floating("masksembles", "x", x)
    if x.ndim < 2:
        raise ValueError(
            f"masksembles: x has shape {x.shape}; allowed: 2 or more axes, (batch, ..., units)"
        )
    table = masksembles_masks(key, units=x.shape[-1], masks=masks, scale=scale)
    chosen = table[jnp.arange(x.shape[0]) % masks if only is None else jnp.asarray(only)[None]]
    mask = chosen.reshape(chosen.shape[0], *(1,) * (x.ndim - 2), x.shape[-1])
    return select(placed_like(x, jnp.broadcast_to(mask, x.shape)), x)


def masksembles_masks(
    key: Key[Array, ""], *, units: int, masks: int, scale: float
) -> Bool[Array, "masks units"]:
    """Returns a set of masks of which each keeps about as many units, and every unit is in one.

    Each mask keeps ``M`` of ``M S`` places at random, and places that no mask keeps are left out:
    on average ``M S (1 - (1 - 1/S)**N)`` are left. ``M`` is the number for which that is ``units``,
    so masks keep a fraction ``1 / (S (1 - (1 - 1/S)**N))``, of which two share ``1 / S``.

    Args:
      key: PRNG key.
      units: Length of a mask.
      masks: Number of masks ``N``, at least 1.
      scale: ``S``, a number from 1 up.

    Raises:
      ValueError: If ``masks`` or ``scale`` is below 1.
      TypeError: If ``masks`` is not an integer.

    References:
      The paper of :func:`masksembles` draws sets until one leaves exactly ``units`` places. Here
      the first set is fitted: surplus places are left out, and each of those that are missing is
      kept by one mask in turn.
    """
    check_count("masksembles", "masks", masks)
    if not 1 <= scale < np.inf:
        raise ValueError(f"masksembles: scale is {scale}; allowed: finite numbers from 1 up")
    if units == 0:
        return jnp.zeros((masks, 0), bool)
    kept = max(round(units / (scale * (1 - (1 - 1 / scale) ** masks))), 1)
    places = max(round(kept * scale), units)
    words = _noise.bits(key, (masks, places))
    drawn = words <= jnp.sort(words, axis=1)[:, kept - 1, None]
    used_first = jnp.argsort(~drawn.any(0), stable=True)[:units]
    fitted = drawn[:, used_first]
    turn = jnp.arange(masks)[:, None] == (jnp.arange(units) % masks)[None]
    return fitted | (turn & ~fitted.any(0, keepdims=True))
