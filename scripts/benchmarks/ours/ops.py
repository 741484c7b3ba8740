"""Ops, each beside a copy of the array it runs on, or the product it stands in for."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from dropout_lab import ops
from scripts.benchmarks.ours import connect
from scripts.benchmarks.problems import RATES, Sizes, backward_case, forward_case
from scripts.benchmarks.recycled import Recycled, dropout_work
from scripts.benchmarks.work import Work, Works, timer

Call = Callable[..., Array]

# From a key and an array.
ON_ARRAYS: dict[str, Call] = {
    "classic_dropout": lambda key, x: ops.classic_dropout(key, x, rate=0.5),
    "standout": lambda key, x: ops.standout(key, x, rate=0.5, drive=x),
    "zoneout": lambda key, x: ops.zoneout(key, x, rate=0.5, old=-x),
    "alpha_dropout": lambda key, x: ops.alpha_dropout(key, x, rate=0.1),
    "batchwise_dropout": lambda key, x: ops.batchwise_dropout(key, x, rate=0.5),
    "masksembles": lambda key, x: ops.masksembles(key, x, masks=4, scale=2.0),
    "stochastic_depth": lambda key, x: ops.stochastic_depth(key, x, rate=0.5),
    "uniform_dropout": lambda key, x: ops.uniform_dropout(key, x, rate=0.25),
    "gaussian_dropout": lambda key, x: ops.gaussian_dropout(key, x, rate=0.5),
    "variational_dropout": lambda key, x: ops.variational_dropout(key, x, alpha=jnp.float32(0.5)),
    "information_dropout": lambda key, x: ops.information_dropout(key, x, alpha=jnp.float32(0.5)),
    "concrete_dropout": lambda key, x: ops.concrete_dropout(key, x, rate=jnp.float32(0.1)),
}

# From a key and images.
ON_IMAGES: dict[str, Call] = {
    "spatial_dropout": lambda key, x: ops.spatial_dropout(key, x, rate=0.1),
    "feature_alpha_dropout": lambda key, x: ops.feature_alpha_dropout(key, x, rate=0.1),
    "weighted_channel_dropout": lambda key, x: ops.weighted_channel_dropout(key, x, rate=0.1),
    "cutout": lambda key, x: ops.cutout(key, x, size=8),
    "max_pool_dropout": lambda key, x: ops.max_pool_dropout(key, x, rate=0.5),
    "stochastic_pool": lambda key, x: ops.stochastic_pool(key, x),
    "drop_block": lambda key, x: ops.drop_block(key, x, rate=0.1, block_size=3),
}

# From a key and attention weights, heads or sequences.
ON_SEQUENCES: dict[str, Call] = {
    "attention_dropout": lambda key, x: ops.attention_dropout(key, x, rate=0.1),
    "drop_key": lambda key, x: ops.drop_key(key, x, rate=0.1),
    "drop_head": lambda key, x: ops.drop_head(key, x[:, None], rate=0.1)[:, 0],
    "layer_drop": lambda key, x: ops.layer_drop(key, x, rate=0.1, skipped=-x),
    "embedding_dropout": lambda key, x: ops.embedding_dropout(
        key,
        x,
        rate=0.1,
        types=jnp.broadcast_to(jnp.arange(x.shape[1]), x.shape[:2]),
        vocabulary=x.shape[1],
    ),
    "word_dropout": lambda key, x: ops.word_dropout(key, x, rate=0.1),
    "patch_dropout": lambda key, x: ops.patch_dropout(key, x, rate=0.5),
}

# From a key, inputs and a kernel.
PRODUCTS: dict[str, Call] = {
    "drop_connect": lambda key, x, kernel: ops.drop_connect(
        key, x, rate=0.5, kernel=kernel, per_example=False
    ),
    "shakeout": lambda key, x, kernel: ops.shakeout(key, x, rate=0.5, kernel=kernel, strength=0.1),
    "fast_dropout": lambda key, x, kernel: ops.fast_dropout(key, x, rate=0.5, kernel=kernel),
    "variational_weights": lambda key, x, kernel: ops.variational_weights(
        key, x, alpha=jnp.float32(0.5), kernel=kernel
    ),
    "sparse_variational_dropout": lambda key, x, kernel: ops.sparse_variational_dropout(
        key, x, log_variance=jnp.zeros_like(kernel), kernel=kernel
    ),
    "targeted_dropout": lambda key, x, kernel: ops.targeted_dropout(
        key, x, rate=0.5, kernel=kernel
    ),
}


def works(sizes: Sizes) -> Works:
    """Returns the work of every op; that of dropout itself has peers, and a backward pass."""
    array, images = sizes.array, sizes.images
    sequences = (images[0], images[1] * images[2], images[3])
    makers: Works = {}
    for rate in RATES:
        makers[forward_case(rate), "ours"] = partial(_dropout, rate, array, backward=False)
        makers[forward_case(rate), "floor"] = partial(_timed, _copy, array)
        makers[backward_case(rate), "ours"] = partial(_dropout, rate, array, backward=True)
        makers[backward_case(rate), "floor"] = partial(_timed, _copies, array, array)
    for name, call in ON_ARRAYS.items():
        makers[name, "ours"] = partial(_timed, _keyed(call), array)
        makers[name, "floor"] = partial(_timed, _copy, array)
    for name, call in ON_IMAGES.items():
        makers[name, "ours"] = partial(_timed, _keyed(call), images)
        makers[name, "floor"] = partial(_timed, _copy, images)
    for name, call in ON_SEQUENCES.items():
        makers[name, "ours"] = partial(_timed, _keyed(call), sequences)
        makers[name, "floor"] = partial(_timed, _copy, sequences)
    operands = sizes.product[:2], sizes.product[1:]
    for name, call in PRODUCTS.items():
        makers[product_case(name), "ours"] = partial(_timed, _keyed(call), *operands)
        makers[product_case(name), "floor"] = partial(_timed, _product, *operands)
    return makers | connect.works(sizes)


def product_case(name: str) -> str:
    """Returns the name of the case of an op that stands in for a product."""
    return f"{name}, a product"


def _timed(function: Callable[..., Any], *shapes: tuple[int, ...]) -> Work:
    """Returns the work of a function of positive arrays, as ReLUs give, of these shapes."""
    rng = np.random.default_rng(0)
    arrays = [jnp.asarray(abs(rng.normal(size=shape)), jnp.float32) for shape in shapes]
    return Work(timer(Recycled(function, *arrays)))


def _keyed(call: Call) -> Call:
    return lambda step, *arrays: call(_key(step), *arrays)


def _key(step: Int[Array, ""]) -> Key[Array, ""]:
    return jax.random.fold_in(jax.random.key(0), step)


def _dropout(rate: float, shape: tuple[int, int], *, backward: bool) -> Work:
    def apply(step: Int[Array, ""], x: Float[Array, "n m"]) -> Float[Array, "n m"]:
        return ops.dropout(_key(step), x, rate=rate)

    return dropout_work(apply, shape, backward=backward)


def _copy(step: Int[Array, ""], x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    # XLA leaves this alone, as -0.0 + 0.0 is 0.0: one pass, read and write, on every core.
    return x + 0


def _copies(step: Int[Array, ""], x: Array, above: Array) -> tuple[Array, Array]:
    return _copy(step, x), _copy(step, above)


def _product(step: Int[Array, ""], x: Array, kernel: Array) -> Array:
    return x @ kernel
