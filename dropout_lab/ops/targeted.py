"""Targeted dropout: dropout of the weights or units that pruning would remove."""

import math
from functools import partial
from numbers import Real
from typing import Literal

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int, Key

from dropout_lab.ops import _noise
from dropout_lab.ops._common import (
    Rate,
    checked_rate,
    floating,
    redraw,
    scalar,
    select,
    wide,
)
from dropout_lab.ops._dense import dense_arrays, product

Target = Literal["weight", "unit"]


def targeted_dropout(
    key: Key[Array, ""],
    x: Float[Array, "*batch inputs"],
    *,
    rate: Rate,
    kernel: Float[Array, "inputs outputs"],
    bias: Float[Array, " outputs"] | None = None,
    fraction: Rate = 0.5,
    target: Target = "weight",
) -> Float[Array, "*batch outputs"]:
    """Multiplies by a kernel whose smallest weights or units are dropped at random.

    ``u = x @ (m * kernel) + bias`` with ``m ~ Bernoulli(1 - rate)`` for :func:`targets` and 1 for
    other weights, so ``E[u] = x @ ((1 - rate * targets) * kernel) + bias``: nothing is scaled up.
    The whole batch shares one mask. At inference all targets are dropped.

    Args:
      key: PRNG key; use one key for one call.
      x: Floating-point inputs.
      rate: Probability of dropping a target, in [0, 1]: a number, or a scalar array, which may be
        traced. The derivative with respect to it is 0.
      kernel: Weights; those dropped have a gradient of 0.
      bias: Biases, not dropped; None for none.
      fraction: Fraction of the weights of each output, or of the outputs, that are targets, in
        [0, 1]: a number, or a scalar array, which may be traced.
      target: "weight" or "unit", an output with all its weights.

    Returns:
      The pre-activations, in the type of ``x``.

    Raises:
      ValueError: If ``rate`` or ``fraction`` is a number outside [0, 1], ``target`` is unknown, or
        shapes do not fit.
      TypeError: If ``x``, ``kernel`` or ``bias`` is not floating point.

    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> kernel = jnp.array([[1.0], [2.0], [3.0], [4.0]])
      >>> targeted_dropout(jax.random.key(0), jnp.eye(4), rate=1.0, kernel=kernel).ravel().tolist()
      [0.0, 0.0, 3.0, 4.0]

    References:
      A. N. Gomez, I. Zhang, S. R. Kamalakara, D. Madaan, K. Swersky, Y. Gal, G. E. Hinton,
      *Learning sparse networks using targeted dropout*, 2019, arXiv:1905.13678.
      Only units differ: the authors' code drops the weights of a target unit one by one. As there,
      weights that tie with the smallest weight kept are kept too.
    """
    x, kernel, bias = dense_arrays("targeted_dropout", x, kernel, bias)
    weights = targeted_kernel(key, kernel, rate=rate, fraction=fraction, target=target)
    return product(x, weights, bias)


def targeted_kernel(
    key: Key[Array, ""],
    kernel: Float[Array, "*inputs outputs"],
    *,
    rate: Rate,
    fraction: Rate = 0.5,
    target: Target = "weight",
) -> Float[Array, "*inputs outputs"]:
    """Returns the kernel that :func:`targeted_dropout` multiplies by; also for convolutions.

    Args:
      key: PRNG key; use one key for one call.
      kernel: Weights, outputs last.
      rate: Probability of dropping a target, in [0, 1].
      fraction: Fraction of targets, in [0, 1].
      target: "weight" or "unit".

    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> kernel = jnp.array([[1.0, -2.0, 3.0, -4.0]])
      >>> targeted_kernel(jax.random.key(0), kernel, rate=1.0, target="unit").tolist()
      [[0.0, 0.0, 3.0, -4.0]]
    """
    rate = checked_rate("targeted_dropout", rate)
    candidates = targets(kernel, fraction=fraction, target=target)
    # All the weights of a unit share one draw.
    shape = kernel.shape if target == "weight" else (1,) * (kernel.ndim - 1) + kernel.shape[-1:]
    return _drop(key, kernel, candidates, rate, shape)


def targets(
    kernel: Float[Array, "*inputs outputs"], *, fraction: Rate, target: Target = "weight"
) -> Bool[Array, "*inputs outputs"]:
    """Returns which weights can be dropped in training, and are pruned at inference.

    For "weight", the ``floor(fraction * inputs)`` weights of each output with the smallest absolute
    values; for "unit", all weights of the ``floor(fraction * outputs)`` outputs with the smallest
    norms. No gradient flows through the choice.

    Args:
      kernel: Weights, outputs last; all axes but the last are inputs.
      fraction: Fraction of targets, in [0, 1]: a number, or a scalar array, which may be traced.
      target: "weight" or "unit".

    Returns:
      A mask of the kernel's shape.

    Raises:
      ValueError: If ``fraction`` is a number outside [0, 1] or not a scalar, or ``target`` is
        unknown.
      TypeError: If ``kernel`` is not floating point.

    Example:
      >>> import jax.numpy as jnp
      >>> targets(jnp.array([[1.0, -5.0], [-2.0, 3.0], [0.5, 4.0]]), fraction=0.4).tolist()
      [[False, False], [False, True], [True, False]]
    """
    kernel = floating("targeted_dropout", "kernel", kernel)
    if target not in ("weight", "unit"):
        raise ValueError(f'targeted_dropout: target is {target!r}; allowed: "weight", "unit"')
    if isinstance(fraction, Real) and not 0 <= fraction <= 1:
        raise ValueError(f"targeted_dropout: fraction is {fraction}; allowed: [0, 1]")
    fraction = scalar("targeted_dropout", "fraction", fraction)
    size = wide(lax.stop_gradient(kernel)).reshape(math.prod(kernel.shape[:-1]), kernel.shape[-1])
    if target == "weight":
        chosen = _smallest(jnp.abs(size), fraction)
    else:
        chosen = _smallest((size**2).sum(0)[:, None], fraction).T
    return jnp.broadcast_to(chosen, size.shape).reshape(kernel.shape)


def _count(fraction: Float[Array, ""], size: int) -> Int[Array, ""]:
    """Returns ``floor(fraction * size)``; rounding errors do not lower a whole product."""
    slack = 1 + 2 * float(jnp.finfo(jnp.float32).eps)
    return jnp.floor(fraction * (size * slack)).astype(jnp.int32)


def _smallest(x: Float[Array, "n columns"], fraction: Float[Array, ""]) -> Bool[Array, "n columns"]:
    """Returns a mask of the smallest ``fraction`` of each column; no element may be negative."""
    # Non-negative floats are ordered like their bit patterns, so the smallest element to keep is
    # built bit by bit, from the highest down: on CPU, a sort takes at least fifteen times as long.
    count = _count(fraction, x.shape[0])
    whole = jnp.int32 if x.dtype.itemsize == 4 else jnp.int64
    bits = lax.bitcast_convert_type(x, whole)
    highest = 8 * x.dtype.itemsize - 2

    def lengthened(place: Int[Array, ""], edge: Int[Array, "columns"]) -> Int[Array, "columns"]:
        longer = edge | (jnp.ones((), whole) << (highest - place).astype(whole))
        return jnp.where((bits < longer[None]).sum(0, dtype=jnp.int32) <= count, longer, edge)

    # Derived from the bits, so that inside shard_map it varies over the same axes.
    nothing = bits.sum(0, dtype=whole) & 0
    edge = lax.fori_loop(0, highest + 1, lengthened, nothing)
    return bits < edge[None]


@partial(redraw, static_argnums=(4,))
def _drop(
    key: Key[Array, ""],
    kernel: Float[Array, "*inputs outputs"],
    candidates: Bool[Array, "*inputs outputs"],
    rate: Float[Array, ""],
    mask_shape: tuple[int, ...],
) -> Float[Array, "*inputs outputs"]:
    return select(_noise.keep_mask(key, rate, mask_shape) | ~candidates, kernel)
