"""What the ops on images share: checked shapes and sizes, and the windows of a pooling layer."""

from numbers import Integral

import numpy as np
from jaxtyping import Array, Float

from dropout_lab.ops._common import check_floating


def check_images(op: str, x: Float[Array, "..."]) -> None:
    """Raises unless ``x`` is a floating-point batch of images, channels last."""
    check_floating(op, "x", x)
    if np.ndim(x) != 4:
        raise ValueError(
            f"{op}: x has shape {np.shape(x)}; allowed: 4 axes, (batch, height, width, channels)"
        )


def check_count(op: str, name: str, count: int) -> None:
    """Raises unless ``count``, which decides a shape, is an integer of at least 1."""
    if isinstance(count, bool) or not isinstance(count, Integral):
        raise TypeError(f"{op}: {name} is {count!r}; allowed: an integer")
    if count < 1:
        raise ValueError(f"{op}: {name} is {count}; allowed: 1 or more")


def windows(x: Float[Array, "n h w c"], window: int) -> Float[Array, "k n p q c"]:
    """Returns the units of each ``window`` by ``window`` block, ``k = window**2``, along axis 0.

    Units are in row-major order; an incomplete edge is left out. A reshape and a transpose, so that
    the gradient of what follows is no ``reduce_window``'s, which is slow on CPU.
    """
    n, h, w, c = x.shape
    p, q = h // window, w // window
    grid = x[:, : p * window, : q * window].reshape(n, p, window, q, window, c)
    return grid.transpose(2, 4, 0, 1, 3, 5).reshape(window**2, n, p, q, c)
