"""Shared parts of the ops: argument checks, limits of rates, and noise that is not stored.

Every op checks its arguments in Python, then calls a function decorated with :data:`redraw`. In it,
rates are float32 scalars for every type of ``x`` (above one half, bfloat16 has steps of 1/256),
arithmetic is in float32 or more, and the result is cast back to the type of ``x``.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from numbers import Integral, Real

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Shaped

from dropout_lab.ops._noise import BELOW_ONE

Rate = float | Float[Array, ""]
"""A probability of dropping: a number (checked), or a scalar array, maybe traced (clipped)."""

MAX_RATES: Mapping[str, float] = {
    "alpha_dropout": BELOW_ONE,
    "concrete_dropout": BELOW_ONE,
    "fast_dropout": BELOW_ONE,
    "feature_alpha_dropout": BELOW_ONE,
    "gaussian_dropout": BELOW_ONE,
    "linear_moments": BELOW_ONE,
    "shakeout": BELOW_ONE,
    "uniform_dropout": 0.25,
}
"""Each op's highest rate, where that is not 1; :data:`BELOW_ONE` allows any rate below 1."""

# Under jax.checkpoint the backward pass keeps only the key and the rate and draws the noise again,
# which is cheaper than reading it from memory; forward mode and higher orders still work. Common
# subexpression elimination is off because it would keep the forward pass's mask.
redraw = partial(jax.checkpoint, prevent_cse=True)


def checked_rate(caller: str, rate: Rate, *, max_rate: float | None = None) -> Float[Array, ""]:
    """Returns ``rate`` as a float32 scalar with no gradient; raises if it is out of range.

    A number just below 1 stays below 1, so that only a rate of exactly 1 drops everything. An
    array cannot be checked: it is clipped to the allowed range, and NaN stays NaN.

    Args:
      caller: The op's name, or its caller's, for error messages.
      rate: The rate.
      max_rate: The highest rate allowed; if None, that of the op ``caller`` in :data:`MAX_RATES`.
    """
    max_rate = MAX_RATES.get(caller, 1.0) if max_rate is None else max_rate
    if isinstance(rate, Real) and not isinstance(rate, bool):
        if not 0 <= rate <= max_rate and not (0 <= rate < 1 and max_rate == BELOW_ONE):
            raise ValueError(
                f"{caller}: rate is {rate}; allowed: {rate_range(max_rate)}, the probability of "
                "dropping"
            )
        return jnp.float32(rate if rate == 1 else min(np.float32(rate), BELOW_ONE))
    return lax.stop_gradient(jnp.clip(scalar(caller, "rate", rate), 0, max_rate))


def rate_range(max_rate: float) -> str:
    """Returns the interval of rates up to ``max_rate``, for error messages."""
    return "[0, 1)" if max_rate == BELOW_ONE else f"[0, {max_rate:g}]"


def checked_strength(op: str, strength: float | Float[Array, ""]) -> Float[Array, ""]:
    """Returns ``strength`` as a float32 scalar with no gradient; raises unless finite and >= 0."""
    if isinstance(strength, Real) and not 0 <= strength < np.inf:
        raise ValueError(f"{op}: strength is {strength}; allowed: finite numbers from 0 up")
    return lax.stop_gradient(scalar(op, "strength", strength))


def scalar(op: str, name: str, value: float | Float[Array, ""]) -> Float[Array, ""]:
    """Returns a number or scalar array as a float32 scalar; raises if it is neither."""
    if isinstance(value, bool) or not isinstance(value, Real):
        shape = getattr(value, "shape", None)
        if shape is None:
            raise TypeError(f"{op}: {name} is {value!r}; allowed: a number or a scalar array")
        if shape != ():
            raise ValueError(f"{op}: {name} has shape {shape}; allowed: a scalar")
    return jnp.asarray(value, jnp.float32)


def aligned(
    op: str, name: str, value: Float[Array, "..."], shape: tuple[int, ...], *, onto: str = "x"
) -> Float[Array, "..."]:
    """Returns ``value`` with leading axes of 1 to match ``shape``; raises if it does not fit."""
    value = floating(op, name, jnp.asarray(value))
    try:
        fits = jnp.broadcast_shapes(value.shape, shape) == shape
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(
            f"{op}: {name} has shape {value.shape}; allowed: one that broadcasts to that of "
            f"{onto}, {shape}"
        )
    return value.reshape((1,) * (len(shape) - value.ndim) + value.shape)


def floating(op: str, name: str, x: Float[Array, "..."]) -> Float[Array, "..."]:
    """Returns ``x`` as a JAX array; raises unless it is a floating-point array.

    NumPy's float64 becomes JAX's default type, as in JAX's own functions.
    """
    if not hasattr(x, "dtype"):
        raise TypeError(f"{op}: {name} is a {type(x).__name__}; allowed: a floating-point array")
    if not jnp.issubdtype(jnp.result_type(x), jnp.floating):
        raise TypeError(f"{op}: {name} has dtype {jnp.result_type(x)}; allowed: floating point")
    return jnp.asarray(x)


def wide(x: Float[Array, "..."]) -> Float[Array, "..."]:
    """Returns ``x`` in the type that ops compute in: its own, but at least float32."""
    # NumPy's promotion, because JAX's raises in strict mode.
    return x.astype(np.promote_types(x.dtype, np.float32))


def placed_like(
    x: Float[Array, "*shape"], value: Shaped[Array, "*shape"]
) -> Shaped[Array, "*shape"]:
    """Returns ``value`` with the sharding of ``x`` along explicit axes of a mesh."""
    sharding = jax.typeof(x).sharding
    # Without a mesh there is nothing to do, and older versions of JAX refuse to do it.
    return value if sharding.mesh.empty else jax.sharding.reshard(value, sharding)


def select(
    mask: Bool[Array, "..."], x: Float[Array, "..."], rate: Float[Array, ""] | None = None
) -> Float[Array, "..."]:
    """Returns ``x`` where ``mask``, else 0; divided by the keep probability if given a rate.

    Selecting instead of multiplying keeps an inf or NaN in a dropped element out of the value and
    the gradient. At rate 1 the divisor does not matter and is replaced to avoid NaN. At a rate of
    NaN everything becomes NaN, so that an error in a schedule is visible.
    """
    if rate is None:
        return jnp.where(mask, x, jnp.zeros((), x.dtype))
    scaled = wide(x)
    scaled = scaled * (1 / jnp.where(rate == 1, 1, 1 - rate.astype(scaled.dtype)))
    return jnp.where(mask, scaled, jnp.zeros((), scaled.dtype)).astype(x.dtype)


def map_shape(op: str, x: Float[Array, "batch *space channels"]) -> tuple[int, ...]:
    """Returns the shape of one draw per example and channel; raises without a spatial axis."""
    if x.ndim < 3:
        raise ValueError(
            f"{op}: x has shape {x.shape}; allowed: 3 or more axes, (batch, ..., channels)"
        )
    return (x.shape[0],) + (1,) * (x.ndim - 2) + (x.shape[-1],)


def checked_axes(caller: str, axes: Sequence[int]) -> tuple[int, ...]:
    """Returns axes as a tuple; raises if a number stands for one of them."""
    if not isinstance(axes, Iterable):
        raise TypeError(f"{caller}: broadcast_dims is {axes!r}; allowed: a tuple, as ({axes},)")
    return tuple(axes)


def broadcast_shape(op: str, shape: tuple[int, ...], dims: Sequence[int]) -> tuple[int, ...]:
    """Returns ``shape`` with every axis of ``dims`` set to 1; raises for an axis out of range."""
    ndim = len(shape)
    dims = checked_axes(op, dims)
    for dim in dims:
        if not isinstance(dim, Integral) or not -ndim <= dim < ndim:
            raise ValueError(
                f"{op}: broadcast_dims has {dim}; allowed: {-ndim} to {ndim - 1} for shape {shape}"
            )
    shared = {dim % ndim for dim in dims}
    return tuple(1 if axis in shared else size for axis, size in enumerate(shape))
