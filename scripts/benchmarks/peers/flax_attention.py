"""Flax's side of attention: ``nnx.MultiHeadAttention``, as its users call it."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Int

from scripts.benchmarks.problems import ATTENTION_RATE, Sizes, attention_case, attention_weights
from scripts.benchmarks.recycled import attention_work
from scripts.benchmarks.work import Work, Works


def works(sizes: Sizes) -> Works:
    """Returns the work of one attention layer, noisy and not."""
    return {
        (attention_case(noisy), "flax"): partial(_attention, sizes, noisy)
        for noisy in (True, False)
    }


def _attention(sizes: Sizes, noisy: bool) -> Work:
    *_, features = sizes.sequence
    layer = nnx.MultiHeadAttention(
        sizes.heads,
        features,
        dropout_rate=ATTENTION_RATE if noisy else 0.0,
        broadcast_dropout=False,
        deterministic=not noisy,
        decode=False,
        rngs=nnx.Rngs(0),
    )
    parts = (layer.query, layer.key, layer.value, layer.out)
    for part, kernel in zip(parts, attention_weights(sizes), strict=True):
        part.kernel[...] = jnp.asarray(kernel).reshape(part.kernel[...].shape)
    graph, start, rest = nnx.split(layer, nnx.Param, ...)

    def apply(step: Int[Array, ""], x: Float[Array, "n t f"], params: Any) -> Float[Array, "n t f"]:
        merged = nnx.merge(graph, params, rest)
        y: Array = merged(x, rngs=nnx.Rngs(jax.random.fold_in(jax.random.key(0), step)))
        return y

    return attention_work(apply, start, sizes, noisy=noisy)
