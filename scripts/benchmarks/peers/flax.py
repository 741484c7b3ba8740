"""Flax's side, as its users write it: ``nnx.Dropout``, ``nnx.Optimizer``, a jitted step, a loop."""

import dataclasses
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from jaxtyping import Array, Float, Int

from scripts.benchmarks import facts
from scripts.benchmarks.problems import (
    ATTENTION_RATE,
    CLASSES,
    LR,
    MOMENTUM,
    NETS,
    RATES,
    Net,
    Sizes,
    attention_case,
    attention_weights,
    backward_case,
    forward_case,
    training_case,
    unit,
)
from scripts.benchmarks.recycled import attention_work, dropout_work
from scripts.benchmarks.work import Work, Works, timer


def works(sizes: Sizes) -> Works:
    """Returns the work of dropout, of every network and of attention."""
    makers: Works = {}
    for rate in RATES:
        makers[forward_case(rate), "flax"] = partial(_dropout, rate, sizes, backward=False)
        makers[backward_case(rate), "flax"] = partial(_dropout, rate, sizes, backward=True)
    for net in NETS:
        for noisy in (True, False):
            makers[training_case(net, noisy), "flax"] = partial(_training, net, sizes, noisy)
    for noisy in (True, False):
        makers[attention_case(noisy), "flax"] = partial(_attention, sizes, noisy)
    return makers


def _dropout(rate: float, sizes: Sizes, *, backward: bool) -> Work:
    # The layer's own counter would have to be carried; a stream made inside draws as many bits.
    def apply(step: Int[Array, ""], x: Float[Array, "n m"]) -> Float[Array, "n m"]:
        layer = nnx.Dropout(rate, deterministic=False)
        y: Array = layer(x, rngs=nnx.Rngs(dropout=jax.random.fold_in(jax.random.key(0), step)))
        return y

    return dropout_work(apply, sizes.array, backward=backward)


class Model(nnx.Module):
    """A network of the problem, with dropout after every ReLU or on the last state."""

    def __init__(self, net: Net, sizes: Sizes, noisy: bool) -> None:
        rngs = nnx.Rngs(0)
        self.net = net.name
        layers: list[Any] = []
        for index, (_, _, inputs, outputs) in enumerate(net.products(sizes)):
            if net.name == "cnn" and index < len(sizes.stages):
                layers.append(nnx.Conv(inputs // 9, outputs, (3, 3), rngs=rngs))
            elif net.name != "rnn" or outputs == CLASSES:
                layers.append(nnx.Linear(inputs, outputs, rngs=rngs))
            elif index == 0:
                cell = nnx.OptimizedLSTMCell(inputs, sizes.units, rngs=rngs)
                layers.append(nnx.RNN(cell, rngs=rngs))
        self.layers = nnx.data(layers)
        self.dropout = nnx.Dropout(net.rate if noisy else 0.0, rngs=rngs)
        self._load(net.weights(sizes))

    def _load(self, weights: list[np.ndarray]) -> None:
        left = list(weights)
        for layer in self.layers:
            if isinstance(layer, nnx.RNN):
                cell: Any = layer.cell
                parts = [cell.dense_i.kernel, cell.dense_h.kernel, cell.dense_h.bias]
            else:
                parts = [layer.kernel, layer.bias]
            for part in parts:
                part[...] = jnp.asarray(left.pop(0))

    def __call__(self, x: Float[Array, "n h w c"]) -> Float[Array, "n classes"]:
        """Returns the logits."""
        if self.net == "mlp":
            x = x.reshape(x.shape[0], -1)
        if self.net == "rnn":
            x = self.dropout(self.layers[0](x[..., 0])[:, -1])
        else:
            for layer in self.layers[:-1]:
                x = nnx.relu(layer(x))
                x = self.dropout(x)
                if self.net == "cnn":
                    x = nnx.max_pool(x, (2, 2), (2, 2))
            x = x.reshape(x.shape[0], -1)
        return self.layers[-1](x)


@nnx.jit
def _step(
    model: Model,
    optimizer: nnx.Optimizer,
    images: Float[Array, "n h w c"],
    labels: Int[Array, " n"],
) -> Float[Array, ""]:
    def loss_of(model: Model) -> Float[Array, ""]:
        logits = model(images)
        return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()

    loss, grads = nnx.value_and_grad(loss_of)(model)
    optimizer.update(model, grads)
    return loss


class _Steps:
    """Steps through batches, one after the other."""

    def __init__(self, net: Net, sizes: Sizes, noisy: bool, lr: float = LR) -> None:
        model = Model(net, sizes, noisy)
        optimizer = nnx.Optimizer(model, optax.sgd(lr, momentum=MOMENTUM), wrt=nnx.Param)
        # Without this every call walks the modules in Python again.
        self._step = nnx.cached_partial(_step, model, optimizer)
        images, labels = net.data(sizes.steps)
        batched = unit(images).reshape(-1, net.batch, *net.shape)
        self._batches: list[Any] = list(zip(batched, labels.reshape(-1, net.batch), strict=True))
        self._done = 0
        self._model = model
        self.loss = jnp.float32(0)
        learnt = jax.tree.leaves(nnx.state(model, nnx.Param))
        self.parameters = sum(leaf.size for leaf in learnt)

    def __call__(self, steps: int) -> None:
        for _ in range(steps):
            images, labels = self._batches[self._done % len(self._batches)]
            self.loss = self._step(images, labels)
            self._done += 1
        jax.block_until_ready((nnx.state(self._model, nnx.Param), self.loss))

    def step(self) -> float:
        """Takes a step and returns its loss."""
        self(1)
        return float(self.loss)


def _training(net: Net, sizes: Sizes, noisy: bool) -> Work:
    def compute_facts() -> dict[str, facts.Fact]:
        one = dataclasses.replace(sizes, steps=1)
        if noisy:
            still = _Steps(net, one, noisy=True, lr=0.0)
            return facts.of_noise([still.step() for _ in range(sizes.steps)])
        steps = _Steps(net, one, noisy=False)
        return facts.of_training(steps.parameters, steps.step)

    return Work(timer(_Steps(net, sizes, noisy)), compute_facts)


def _attention(sizes: Sizes, noisy: bool) -> Work:
    features = sizes.sequence[-1]
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
    graph, *states = nnx.split(layer, nnx.Param, ...)
    start, rest = states

    def apply(step: Int[Array, ""], x: Float[Array, "n t f"], params: Any) -> Float[Array, "n t f"]:
        merged = nnx.merge(graph, params, rest)
        y: Array = merged(x, rngs=nnx.Rngs(jax.random.fold_in(jax.random.key(0), step)))
        return y

    return attention_work(apply, start, sizes, noisy=noisy)
