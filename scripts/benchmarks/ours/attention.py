"""Attention with and without dropout of its weights, and a whole step of a transformer."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Int

from dropout_lab import nn
from dropout_lab.config import default_config, hparams_of, resolve
from dropout_lab.data import Split
from dropout_lab.training.arrays import Examples, fit_scaling
from dropout_lab.training.program import Program, as_arrays
from scripts.benchmarks.problems import (
    ATTENTION_RATE,
    CLASSES,
    MLP,
    Sizes,
    attention_case,
    attention_weights,
    transformer_case,
)
from scripts.benchmarks.recycled import attention_work
from scripts.benchmarks.work import Work, Works, timer


def works(sizes: Sizes) -> Works:
    """Returns the work of one attention layer, and of a training step, noisy and not."""
    makers: Works = {}
    for noisy in (True, False):
        makers[attention_case(noisy), "ours"] = partial(_attention, sizes, noisy)
        makers[transformer_case(noisy), "ours"] = partial(steps, sizes, noisy)
    return makers


def _attention(sizes: Sizes, noisy: bool) -> Work:
    features = sizes.sequence[-1]
    layer = nn.Attention(
        features,
        sizes.heads,
        noise=nn.AttentionDropout(ATTENTION_RATE) if noisy else None,
        kernel_init=nnx.initializers.lecun_normal(),
        rngs=nnx.Rngs(0),
    )
    kernels = attention_weights(sizes)
    layer.projections.kernel[...] = jnp.concatenate([jnp.asarray(k) for k in kernels[:3]], 1)
    layer.output.kernel[...] = jnp.asarray(kernels[3])
    graph, *states = nnx.split(layer, nnx.Param, ...)
    start, rest = states

    def apply(step: Int[Array, ""], x: Float[Array, "n t f"], params: Any) -> Float[Array, "n t f"]:
        merged = nnx.merge(graph, params, rest, copy=True)
        return merged(x, rngs=nnx.Rngs(dropout=jax.random.fold_in(jax.random.key(0), step)))

    return attention_work(apply, start, sizes, noisy=noisy)


def steps(sizes: Sizes, noisy: bool, dtype: str = "float32") -> Work:
    """Returns the work of the training step of a transformer of images' patches."""
    config = default_config()
    config.update_from_flattened_dict(
        {
            "variant": "attention_dropout" if noisy else "none",
            "model.name": "transformer",
            "model.patch_size": sizes.patch_size,
            "model.width": sizes.sequence[-1],
            "model.heads": sizes.heads,
            "model.ff_width": 2 * sizes.sequence[-1],
            "train.batch_size": MLP.batch,
            "train.epochs": 1,
            "compute.dtype": dtype,
            "optimizer.name": "adam",
            "optimizer.lr": 1e-3,
        }
    )
    resolved = resolve(config)
    images, labels = MLP.data(sizes.steps)
    program = Program(resolved, MLP.shape, CLASSES)
    hparams = as_arrays(hparams_of(resolved))
    data = Examples(jnp.asarray(images), jnp.asarray(labels))
    scaling = fit_scaling("unit", Split(images, labels))
    state = program.init(hparams)

    def run(epochs: int) -> None:
        nonlocal state
        for _ in range(epochs):
            state, loss = program.train_epoch(state, hparams, data, scaling, steps=sizes.steps)
        jax.block_until_ready((state, loss))

    return Work(timer(run, sizes.steps))
