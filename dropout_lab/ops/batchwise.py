"""Dropout whose mask is the batch's, with a fixed count, so that layers leave out what it drops."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from dropout_lab.ops import _noise
from dropout_lab.ops._common import Rate, checked_rate, floating, redraw, select, wide


class Kept(NamedTuple):
    """Activations of the units that batchwise dropout keeps; those of all others are 0.

    Attributes:
      values: The activations, not scaled.
      units: The units that they are of, ascending.
      scale: The factor of each unit: ``n / K``, or 0 for one that is computed and dropped.
    """

    values: Float[Array, "*batch kept"]
    units: Int[Array, " kept"]
    scale: Float[Array, " kept"]

    def scaled(self) -> Float[Array, "*batch kept"]:
        """Returns the scaled activations."""
        return scaled_where_kept(self.values, self.scale)

    def whole(self, count: int) -> Float[Array, "*batch units"]:
        """Returns the scaled activations of all ``count`` units, zeros among them."""
        empty = jnp.zeros((*self.values.shape[:-1], count), self.values.dtype)
        return empty.at[..., self.units].set(self.scaled())


def batchwise_dropout(
    key: Key[Array, ""], x: Float[Array, "*batch units"], *, rate: Rate
) -> Float[Array, "*batch units"]:
    """Drops a fixed number of units, the same in the whole batch, and scales the rest up.

    ``y[..., j] = m[j] * x[..., j] * n / K``, where ``m`` has ``K = round((1 - rate) * n)`` ones
    among its ``n`` entries, drawn uniformly without replacement: ``E[y] = x`` and
    ``Var[y] = x**2 * (n / K - 1)``, or 0 if ``K`` is. At inference nothing is done.
    ``nn.BatchwiseDense`` does not compute the units that are dropped.

    Args:
      key: PRNG key; use one key for one call.
      x: Activations, units last.
      rate: Fraction of the units to drop, in [0, 1]: a number, or a scalar array, which may be
        traced. At 1 the output and its gradient are 0. The derivative with respect to it is 0.

    Returns:
      An array like ``x``.

    Raises:
      ValueError: If ``rate`` is a number outside [0, 1], or ``x`` has no axis.
      TypeError: If ``x`` is not floating point.

    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> batchwise_dropout(jax.random.key(0), jnp.ones((2, 4)), rate=0.5).tolist()
      [[2.0, 0.0, 2.0, 0.0], [2.0, 0.0, 2.0, 0.0]]

    References:
      B. Graham, J. Reizenstein, L. Robinson, *Efficient batchwise dropout training using
      submatrices*, 2015, arXiv:1502.02478.
      Departure: the paper draws each unit on its own; a fixed count keeps the shapes.
    """
    x = floating("batchwise_dropout", "x", x)
    if x.ndim == 0:
        raise ValueError("batchwise_dropout: x has shape (); allowed: (..., units)")
    return _batchwise_dropout(key, x, checked_rate("batchwise_dropout", rate))


@redraw
def _batchwise_dropout(
    key: Key[Array, ""], x: Float[Array, "*batch units"], rate: Float[Array, ""]
) -> Float[Array, "*batch units"]:
    units = x.shape[-1]
    _, scale = kept_units(key, rate, units, units)
    return scaled_where_kept(x, scale)


def kept_units(
    key: Key[Array, ""], rate: Rate, units: int, computed: int
) -> tuple[Int[Array, " computed"], Float[Array, " computed"]]:
    """Draws the units that batchwise dropout keeps.

    Args:
      key: PRNG key.
      rate: Fraction of the units to drop.
      units: Number of units, ``n``.
      computed: Number of units to return, of which ``K`` are kept; if ``K`` is more, all are.

    Returns:
      The units, ascending, and their factors: ``n / K``, or 0 for units that are dropped.
    """
    rate = checked_rate("kept_units", rate)
    kept = jnp.minimum(jnp.round((1 - rate) * jnp.float32(units)), jnp.float32(computed))
    order = jnp.argsort(_noise.uniform(key, (units,)))
    rank = jnp.argsort(order).astype(jnp.int32)
    index = jnp.sort(order[:computed])
    scale = jnp.float32(units) / jnp.maximum(kept, 1)
    return index, jnp.where(rank[index] < kept.astype(jnp.int32), scale, 0)


def scaled_where_kept(
    x: Float[Array, "*batch units"], scale: Float[Array, " units"]
) -> Float[Array, "*batch units"]:
    """Returns ``x * scale``, and 0 where the scale is 0 even if ``x`` is infinite or NaN."""
    scale = scale.reshape((1,) * (x.ndim - 1) + scale.shape)
    value = wide(x)
    return select(scale != 0, value * scale.astype(value.dtype)).astype(x.dtype)


def submatrix(
    kernel: Float[Array, "inputs outputs"],
    rows: Int[Array, " kept_inputs"] | None,
    columns: Int[Array, " kept_outputs"] | None,
) -> Float[Array, "kept_inputs kept_outputs"]:
    """Returns some rows and columns, ascending, of a matrix; None for all.

    The gradient reads as the submatrix is read, where indexing's own would add up entries one by
    one, which costs as much as the products that a submatrix saves.
    """
    return _submatrix(kernel, rows, columns)


@jax.custom_vjp
def _submatrix(
    kernel: Float[Array, "inputs outputs"],
    rows: Int[Array, " kept_inputs"] | None,
    columns: Int[Array, " kept_outputs"] | None,
) -> Float[Array, "kept_inputs kept_outputs"]:
    return _taken(_taken(kernel, rows, 0), columns, 1)


_Saved = tuple[tuple[int, ...], Array | None, Array | None]


def _forward(kernel: Array, rows: Array | None, columns: Array | None) -> tuple[Array, _Saved]:
    return _submatrix(kernel, rows, columns), (kernel.shape, rows, columns)


def _backward(saved: _Saved, gradient: Array) -> tuple[Array, None, None]:
    shape, rows, columns = saved
    for axis, index in ((0, rows), (1, columns)):
        gradient = _put_back(gradient, index, axis, shape[axis])
    return gradient, None, None


_submatrix.defvjp(_forward, _backward)


def _taken(array: Array, index: Int[Array, " kept"] | None, axis: int) -> Array:
    if index is None:
        return array
    at = array.at[index] if axis == 0 else array.at[:, index]
    return at.get(mode="promise_in_bounds", unique_indices=True, indices_are_sorted=True)


def _put_back(array: Array, index: Int[Array, " kept"] | None, axis: int, size: int) -> Array:
    """Returns an array with zeros between the entries, which go to ``index`` along the axis."""
    if index is None:
        return array
    present = jnp.zeros(size, bool).at[index].set(True)
    place = jnp.maximum(jnp.cumsum(present) - 1, 0)
    shape = (size, 1) if axis == 0 else (1, size)
    spread = _taken(array, place, axis)
    return jnp.where(present.reshape(shape), spread, jnp.zeros((), array.dtype))
