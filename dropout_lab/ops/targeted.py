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
    check_floating,
    checked_rate,
    redraw,
    scalar,
    select,
    wide,
)
from dropout_lab.ops._dense import check_dense, product

Target = Literal["weight", "unit"]


def targeted_dropout(
    key: Key[Array, ""],
    x: Float[Array, "*batch inputs"],
    *,
    rate: Rate,
    kernel: Float[Array, "inputs outputs"],
    bias: Float[Array, " outputs"] | None = None,
    share: Rate = 0.5,
    target: Target = "weight",
) -> Float[Array, "*batch outputs"]:
    """Multiplies by a kernel whose smallest weights, or units, are dropped with ``rate``.

    ``u = x @ (m * kernel) + bias`` with ``m ~ Bernoulli(1 - rate)`` where :func:`targets` says so
    and 1 elsewhere, so ``E[u] = x @ ((1 - rate * targets) * kernel) + bias``: nothing is scaled up.
    One mask serves the whole batch. At inference all the targets are dropped.

    Args:
      key: PRNG key; use one key for one call.
      x: Floating-point inputs.
      rate: Probability of dropping a target, in [0, 1]: a number, or a scalar array, which may be
        traced. The derivative with respect to it is 0.
      kernel: Weights; those dropped have a gradient of 0.
      bias: Biases, not dropped; None for none.
      share: Share of the weights of each output, or of the outputs, that are targets, in [0, 1]: a
        number, or a scalar array, which may be traced.
      target: "weight" or "unit", a unit being an output with all its weights.

    Returns:
      The pre-activations, in the type of ``x``.

    Raises:
      ValueError: If ``rate`` or ``share`` is a number outside [0, 1], ``target`` is unknown, or
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
      No departure but for units: the authors' code drops the weights of a target unit one by one.
      Weights equal to the smallest one spared are spared too, here as there.
    """
    check_dense("targeted_dropout", x, kernel, bias)
    weights = targeted_kernel(key, kernel, rate=rate, share=share, target=target)
    return product(x, weights, bias)


def targeted_kernel(
    key: Key[Array, ""],
    kernel: Float[Array, "*inputs outputs"],
    *,
    rate: Rate,
    share: Rate = 0.5,
    target: Target = "weight",
) -> Float[Array, "*inputs outputs"]:
    """Returns the kernel that :func:`targeted_dropout` multiplies by, of a convolution too.

    Args:
      key: PRNG key; use one key for one call.
      kernel: Weights, outputs last.
      rate: Probability of dropping a target, in [0, 1].
      share: Share of targets, in [0, 1].
      target: "weight" or "unit".

    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> kernel = jnp.array([[1.0, -2.0, 3.0, -4.0]])
      >>> targeted_kernel(jax.random.key(0), kernel, rate=1.0, target="unit").tolist()
      [[0.0, 0.0, 3.0, -4.0]]
    """
    rate = checked_rate("targeted_dropout", rate)
    candidates = targets(kernel, share=share, target=target)
    # All the weights of a unit share one draw.
    shape = kernel.shape if target == "weight" else (1,) * (kernel.ndim - 1) + kernel.shape[-1:]
    return _drop(key, kernel, candidates, rate, shape)


def targets(
    kernel: Float[Array, "*inputs outputs"], *, share: Rate, target: Target = "weight"
) -> Bool[Array, "*inputs outputs"]:
    """Returns which weights are candidates for dropping, and are pruned at inference.

    With "weight", the ``floor(share * inputs)`` weights of each output that are smallest in
    absolute value; with "unit", all weights of the ``floor(share * outputs)`` outputs of smallest
    norm. No gradient flows through the choice.

    Args:
      kernel: Weights, outputs last; all axes but the last are inputs.
      share: Share of targets, in [0, 1]: a number, or a scalar array, which may be traced.
      target: "weight" or "unit".

    Returns:
      A mask of the kernel's shape.

    Raises:
      ValueError: If ``share`` is a number outside [0, 1] or not a scalar, or ``target`` is unknown.
      TypeError: If ``kernel`` is not floating point.

    Example:
      >>> import jax.numpy as jnp
      >>> targets(jnp.array([[1.0, -5.0], [-2.0, 3.0], [0.5, 4.0]]), share=0.4).tolist()
      [[False, False], [False, True], [True, False]]
    """
    check_floating("targeted_dropout", "kernel", kernel)
    if target not in ("weight", "unit"):
        raise ValueError(f'targeted_dropout: target is {target!r}; allowed: "weight", "unit"')
    share = _checked_share(share)
    size = wide(lax.stop_gradient(kernel)).reshape(math.prod(kernel.shape[:-1]), kernel.shape[-1])
    if target == "weight":
        chosen = _smallest(jnp.abs(size), share)
    else:
        chosen = _smallest((size**2).sum(0)[:, None], share).T
    return jnp.broadcast_to(chosen, size.shape).reshape(kernel.shape)


def _checked_share(share: Rate) -> Float[Array, ""]:
    if isinstance(share, Real) and not 0 <= share <= 1:
        raise ValueError(f"targeted_dropout: share is {share}; allowed: [0, 1]")
    return scalar("targeted_dropout", "share", share)


def _count(share: Float[Array, ""], size: int) -> Int[Array, ""]:
    """Returns ``floor(share * size)``; a product meant as a whole number counts as one."""
    slack = 1 + 2 * float(jnp.finfo(jnp.float32).eps)
    return jnp.floor(share * (size * slack)).astype(jnp.int32)


def _smallest(x: Float[Array, "n columns"], share: Float[Array, ""]) -> Bool[Array, "n columns"]:
    """Returns which are the smallest of each column, up to a share of it; none may be negative."""
    # Then they are ordered as their bits are, and the smallest one spared is found bit by bit, from
    # the highest down: on CPU, a sort takes fifteen times as long or more.
    count = _count(share, x.shape[0])
    whole = jnp.int32 if x.dtype.itemsize == 4 else jnp.int64
    bits = lax.bitcast_convert_type(x, whole)
    highest = 8 * x.dtype.itemsize - 2

    def lengthened(place: Int[Array, ""], edge: Int[Array, "columns"]) -> Int[Array, "columns"]:
        longer = edge | (jnp.ones((), whole) << (highest - place).astype(whole))
        return jnp.where((bits < longer[None]).sum(0, dtype=jnp.int32) <= count, longer, edge)

    # Made of the bits, so that inside shard_map it varies over the same axes.
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
