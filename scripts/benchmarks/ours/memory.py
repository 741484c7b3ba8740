"""Bytes: what is kept for a backward pass, and what a product needs beside its arguments."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from dropout_lab import ops
from scripts.benchmarks.ours import connect
from scripts.benchmarks.problems import Sizes
from scripts.benchmarks.work import Work, Works

RESIDUALS = "dropout 0.5, kept for the backward pass"
PEAK = "drop_connect per example, temporary memory"


def works(sizes: Sizes) -> Works:
    """Returns the work of every measurement."""
    key, x = jax.random.key(0), jnp.ones(sizes.array)

    def plain(x: Array) -> Array:
        return jnp.where(jax.random.bernoulli(key, 0.5, x.shape), x * 2, 0)

    def ours(x: Array) -> Array:
        return ops.dropout(key, x, rate=jnp.float32(0.5))

    return {
        (RESIDUALS, "ours"): lambda: Work(lambda: _kept(ours, x)),
        (RESIDUALS, "naive"): lambda: Work(lambda: _kept(plain, x)),
        (PEAK, "ours"): lambda: Work(lambda: _temporary(connect.lean, sizes)),
        (PEAK, "naive"): lambda: Work(lambda: _temporary(connect.naive, sizes)),
    }


def _kept(op: Callable[[Array], Array], x: Array) -> float:
    """Returns the size of what the backward pass of an op holds."""
    pullback = jax.eval_shape(lambda x: jax.vjp(op, x)[1], x)
    return float(sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(pullback)))


def _temporary(product: connect.Product, sizes: Sizes) -> float:
    """Returns the peak of what both passes allocate, without arguments and outputs."""
    args = (jnp.int32(0), *connect.arguments(sizes))
    compiled = jax.jit(connect.gradients(product)).lower(*args).compile()
    analysis: Any = compiled.memory_analysis()
    return float(analysis.temp_size_in_bytes)
