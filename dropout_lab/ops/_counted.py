"""Masks over groups of units, in which the number of groups left sets the scale."""

from functools import partial

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Key

from dropout_lab.ops import _noise
from dropout_lab.ops._common import redraw, select, wide


@partial(redraw, static_argnums=(4, 5))
def drop_groups(
    key: Key[Array, ""],
    x: Float[Array, "*shape"],
    present: Bool[Array, "..."] | None,
    rate: Float[Array, ""],
    shape: tuple[int, ...],
    axis: int,
) -> Float[Array, "*shape"]:
    """Returns ``x`` with groups dropped and the rest multiplied by ``present / left``.

    Args:
      key: PRNG key.
      x: The units.
      present: Which groups there are, of shape ``shape``; None for all.
      rate: Probability of dropping a group; where all are dropped the output is 0.
      shape: Shape of the draws, which broadcasts to that of ``x``.
      axis: The axis of ``shape`` along which groups are counted.
    """
    mask = _noise.keep_mask(key, rate, shape)
    value = wide(x)
    count = jnp.asarray(shape[axis], value.dtype)
    if present is not None:
        mask &= present
        count = present.sum(axis, keepdims=True).astype(value.dtype)
    left = mask.sum(axis, keepdims=True).astype(value.dtype)
    return select(mask, value * (count / jnp.maximum(left, 1))).astype(x.dtype)
