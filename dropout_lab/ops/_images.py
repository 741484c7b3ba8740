"""Shared parts of the ops on images: argument checks, and the windows of a pooling layer."""

from numbers import Integral

from jaxtyping import Array, Float

from dropout_lab.ops._common import floating


def images(op: str, x: Float[Array, "..."]) -> Float[Array, "n h w c"]:
    """Returns ``x`` as a JAX array; raises unless it is a batch of images, channels last."""
    x = floating(op, "x", x)
    if x.ndim != 4:
        raise ValueError(
            f"{op}: x has shape {x.shape}; allowed: 4 axes, (batch, height, width, channels)"
        )
    return x


def check_count(op: str, name: str, count: int) -> None:
    """Raises unless ``count``, which a shape depends on, is an integer of at least 1."""
    if isinstance(count, bool) or not isinstance(count, Integral):
        raise TypeError(f"{op}: {name} is {count!r}; allowed: an integer")
    if count < 1:
        raise ValueError(f"{op}: {name} is {count}; allowed: 1 or more")


def windows(x: Float[Array, "n h w c"], window: int) -> list[Float[Array, "n p q c"]]:
    """Returns a slice for each position in a ``window`` by ``window`` block, row by row.

    The first has the top left unit of every block, and so on; an incomplete edge is left out. Ops
    combine the slices one by one: on CPU, a reduction over an axis of units and its gradient are
    many times slower, as is the gradient of ``reduce_window``.
    """
    rows, cols = (size - size % window for size in x.shape[1:3])
    whole = x[:, :rows, :cols]
    return [whole[:, a::window, b::window] for a in range(window) for b in range(window)]
