"""Sequences as networks read them: one array an example, in which padding marks itself."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

PADDING = -1
"""The token of a padded step. Of a feature sequence, all features of a padded step are NaN."""


def split_padding(
    x: Float[Array, "n steps features"] | Int[Array, "n steps"],
) -> tuple[Float[Array, "n steps features"] | Int[Array, "n steps"], Bool[Array, "n steps"]]:
    """Returns a batch of sequences with zeros for padding, and which steps are present.

    Gradients with respect to padded steps are zero.

    Example:
      >>> values, present = split_padding(jnp.array([[3, 1, PADDING], [2, PADDING, PADDING]]))
      >>> values.tolist(), present.tolist()
      ([[3, 1, 0], [2, 0, 0]], [[True, True, False], [True, False, False]])

    Args:
      x: Integer tokens, or features; a step is padding if it is ``PADDING``, or all NaN.
    """
    if jnp.issubdtype(x.dtype, jnp.integer):
        present = x != PADDING
        return jnp.where(present, x, 0), present
    present = ~jnp.isnan(x).all(-1)
    return jnp.where(present[..., None], x, 0), present
