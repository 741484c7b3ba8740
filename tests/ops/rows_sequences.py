"""The contract's rows for attention, tokens and layers of a transformer."""

from math import comb
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from dropout_lab import ops
from tests.ops.contract import Row

STEPS, HEADS, PATCHES = 6, 4, 10
TYPES = np.arange(STEPS)
"""A sequence of different words, so that each has a draw of its own."""


def skipped_values(shape):
    """Returns inputs of a layer that every type holds exactly."""
    return np.broadcast_to(np.arange(shape[-1]) % 3 - 1, shape) / 4


def _skip(key, x, rate, **changes):
    """Skips the layer with a draw for each row, where the op has one for all."""
    old = x
    if jnp.ndim(x):
        # From x, so that symbolic shapes are those of x.
        last = skipped_values((1,) * (x.ndim - 1) + x.shape[-1:])
        old = jnp.zeros_like(x) + jnp.asarray(last, jnp.result_type(x))
    if changes or not (hasattr(x, "shape") and jnp.issubdtype(x.dtype, jnp.floating)):
        return ops.layer_drop(key, x, rate=rate, **{"skipped": old} | changes)
    if x.shape[0] == 0 or not isinstance(x.shape[0], int):
        return ops.layer_drop(key, x, rate=rate, skipped=old)
    keys = jax.random.split(key, len(x))
    each = jax.vmap(lambda key, x, old: ops.layer_drop(key, x, rate=rate, skipped=old))
    return each(keys, x, old)


def _embed(key, x, rate, **changes):
    types = jnp.broadcast_to(jnp.asarray(TYPES), x.shape[:2])
    options: dict[str, Any] = {"types": types, "vocabulary": STEPS}
    return ops.embedding_dropout(key, x, rate=rate, **options | changes)


def some_left(rate, count):
    """Returns the probability that some of ``count`` are left, and ``count * E[1 / S; S > 0]``."""
    inverse = sum(
        comb(count, left) * (1 - rate) ** left * rate ** (count - left) / left
        for left in range(1, count + 1)
    )
    return 1 - rate**count, count * inverse


def _counted(count):
    """Returns mean and variance of what is scaled by the number of groups left."""
    return {
        "mean": lambda x, rate: x * some_left(rate, count)[0],
        "variance": lambda x, rate: (
            x**2 * (some_left(rate, count)[1] - some_left(rate, count)[0] ** 2)
        ),
    }


def _kept(rate):
    return max(round((1 - rate) * PATCHES), 1) / PATCHES


def _shapes(call, shapes, message):
    """Returns calls with inputs of too few axes."""
    return tuple(
        (lambda key, shape=shape: call(key, jnp.ones(shape), rate=0.5), ValueError, message)
        for shape in shapes
    )


ROWS = (
    Row(
        name="attention_dropout",
        kind="mask",
        call=lambda key, x, rate: ops.attention_dropout(key, x, rate=rate),
        mean=lambda x, rate: x,
        variance=lambda x, rate: x**2 * rate / (1 - rate),
        errors=_shapes(
            ops.attention_dropout, [(), (6,)], r"2 or more axes, \(\.\.\., queries, keys\)"
        ),
    ),
    Row(
        name="drop_key",
        kind="logits",
        call=lambda key, x, rate: ops.drop_key(key, x, rate=rate),
        affine=False,
        errors=_shapes(ops.drop_key, [()], r"1 or more axes, \(\.\.\., keys\)"),
    ),
    Row(
        name="drop_head",
        kind="rated",
        call=lambda key, x, rate: ops.drop_head(key, x, rate=rate),
        **_counted(HEADS),
        shape=(3, 2, HEADS, 2),
        many=(4096, 1, HEADS, 2),
        draws=np.s_[:, 0, 0, 0],
        errors=_shapes(ops.drop_head, [(), (6,), (4, 6)], r"\(batch, \.\.\., heads, units\)"),
    ),
    Row(
        name="layer_drop",
        kind="rated",
        call=_skip,
        mean=lambda x, rate: rate * skipped_values(x.shape) + (1 - rate) * x,
        variance=lambda x, rate: rate * (1 - rate) * (x - skipped_values(x.shape)) ** 2,
        many=(4096, 2),
        draws=np.s_[:, 0],
        errors=(
            (
                lambda key: _skip(key, jnp.ones((4, 6)), 0.5, skipped=jnp.ones(6)),
                ValueError,
                r"skipped has shape \(6,\); allowed: that of x, \(4, 6\)",
            ),
            (
                lambda key: _skip(key, jnp.ones(6), 0.5, skipped=jnp.ones(6, jnp.bfloat16)),
                TypeError,
                "skipped has dtype bfloat16; allowed: that of x, float32",
            ),
        ),
    ),
    Row(
        name="embedding_dropout",
        kind="mask",
        call=_embed,
        mean=lambda x, rate: x,
        variance=lambda x, rate: x**2 * rate / (1 - rate),
        shape=(4, STEPS, 2),
        many=(2048, STEPS, 2),
        draws=np.s_[:, :, 0],
        errors=(
            (
                lambda key: _embed(key, jnp.ones((4, 6)), 0.5),
                ValueError,
                r"x has shape \(4, 6\) and types \(4, 6\); allowed: \(batch, steps, features\)",
            ),
            (
                lambda key: _embed(key, jnp.ones((4, 6, 2)), 0.5, types=jnp.ones((4, 5), int)),
                ValueError,
                r"x has shape \(4, 6, 2\) and types \(4, 5\)",
            ),
            (
                lambda key: _embed(key, jnp.ones((4, 6, 2)), 0.5, types=jnp.ones((4, 6))),
                TypeError,
                "types has dtype float32; allowed: integers",
            ),
        ),
    ),
    Row(
        name="word_dropout",
        kind="rated",
        call=lambda key, x, rate: ops.word_dropout(key, x, rate=rate),
        **_counted(STEPS),
        shape=(4, STEPS, 2),
        many=(4096, STEPS, 2),
        draws=np.s_[:, 0, 0],
        errors=(
            *_shapes(ops.word_dropout, [(6,), (4, 6)], r"\(batch, steps, features\)"),
            (
                lambda key: ops.word_dropout(
                    key, jnp.ones((4, 6, 2)), rate=0.5, present=jnp.ones((4, 5), bool)
                ),
                ValueError,
                r"x has shape \(4, 6, 2\) and present \(4, 5\)",
            ),
        ),
    ),
    Row(
        name="patch_dropout",
        kind="rated",
        call=lambda key, x, rate: ops.patch_dropout(key, x, rate=rate),
        mean=lambda x, rate: x * _kept(rate),
        variance=lambda x, rate: x**2 * _kept(rate) * (1 - _kept(rate)),
        shape=(4, PATCHES, 2),
        many=(4096, PATCHES, 2),
        draws=np.s_[:, 0, 0],
        errors=_shapes(ops.patch_dropout, [(6,), (4, 6)], r"allowed: \(batch, patches, features\)"),
    ),
)
