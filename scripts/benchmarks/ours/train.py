"""Training as a user gets it, beside its matrix products alone."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key
from ml_collections import FrozenConfigDict

from dropout_lab import ops
from dropout_lab.config import default_config, hparams_of, resolve
from dropout_lab.data import Split
from dropout_lab.training.arrays import Examples, fit_scaling
from dropout_lab.training.program import Program, as_arrays
from dropout_lab.training.state import TrainState
from scripts.benchmarks import facts
from scripts.benchmarks.problems import (
    BATCHWISE,
    CLASSES,
    LR,
    MLP,
    MOMENTUM,
    NETS,
    Net,
    Sizes,
    Weights,
    training_case,
    unit,
)
from scripts.benchmarks.recycled import Recycled
from scripts.benchmarks.work import Work, Works, timer

ONE_LAYER = "mlp step, dropout on one activation"
NO_LAYER = "mlp step, bare"


def works(sizes: Sizes) -> Works:
    """Returns the work of every network, and of the MLP's step with dropout in one place."""
    makers: Works = {}
    for net in NETS:
        for noisy in (True, False):
            case = training_case(net, noisy)
            makers[case, "ours"] = partial(training, net, sizes, DROPOUT if noisy else _NONE)
            makers[case, "floor"] = partial(_products, net, sizes)
    makers[BATCHWISE, "ours"] = partial(training, MLP, sizes, _BATCHWISE)
    makers[ONE_LAYER, "ours"] = partial(_bare_step, sizes, rate=0.5)
    makers[NO_LAYER, "ours"] = partial(_bare_step, sizes, rate=None)
    return makers


_NONE, DROPOUT = {"variant": "none"}, {"variant": "dropout", "dropout.input_rate": 0.0}
_BATCHWISE = {"variant": "batchwise_dropout", "dropout.input_rate": 0.2}


def config_of(net: Net, sizes: Sizes, noise: dict[str, Any]) -> FrozenConfigDict:
    """Returns the resolved configuration of a problem, with values by key for its noise."""
    config = default_config()
    shapes: dict[str, dict[str, Any]] = {
        "mlp": {"model.widths": sizes.widths},
        "cnn": {
            "model.stages": sizes.stages,
            "model.widths": (),
            "model.noise_before_pool": True,
        },
        "rnn": {"model.units": sizes.units, "model.widths": ()},
    }
    rates = {"dropout.rate": net.rate, "dropout.stage_rates": (net.rate,) * len(sizes.stages)}
    config.update_from_flattened_dict(
        {
            "model.name": net.name,
            "train.batch_size": net.batch,
            "train.epochs": 1,
            "optimizer.lr": LR,
            "optimizer.momentum": MOMENTUM,
            **shapes[net.name],
            **rates,
            **noise,
        }
    )
    return resolve(config)


class _Epochs:
    """Epochs of the network's program, one after the other."""

    def __init__(
        self, net: Net, sizes: Sizes, noise: dict[str, Any], *, batches: int, lr: float = LR
    ) -> None:
        config = config_of(net, sizes, noise)
        images, labels = net.data(batches)
        self._program = Program(config, net.shape, CLASSES)
        self._hparams = as_arrays(hparams_of(config) | {"optimizer.lr": lr})
        self._data = Examples(jnp.asarray(images), jnp.asarray(labels))
        self._scaling = fit_scaling("unit", Split(images, labels))
        self._steps = batches
        state = self._program.init(self._hparams)
        self._state = _with_weights(state, net.weights(sizes))
        self.loss = jnp.float32(0)

    def __call__(self, epochs: int) -> None:
        for _ in range(epochs):
            self._state, self.loss = self._program.train_epoch(
                self._state, self._hparams, self._data, self._scaling, steps=self._steps
            )
        jax.block_until_ready((self._state, self.loss))

    def step(self) -> float:
        """Trains for an epoch and returns its loss."""
        self(1)
        return float(self.loss)

    def parameters(self) -> int:
        """Returns how many numbers are learnt."""
        return sum(leaf.size for leaf in jax.tree.leaves(self._state.weights.params))


def training(net: Net, sizes: Sizes, noise: dict[str, Any]) -> Work:
    """Returns the work of a network's training step, with values by key for its noise."""
    training = _Epochs(net, sizes, noise, batches=sizes.steps)

    def compute_facts() -> dict[str, facts.Fact]:
        if noise is not _NONE:
            still = _Epochs(net, sizes, noise, batches=1, lr=0.0)
            return facts.of_noise([still.step() for _ in range(sizes.steps)])
        epochs = _Epochs(net, sizes, noise, batches=1)
        return facts.of_training(epochs.parameters(), epochs.step)

    return Work(timer(training, sizes.steps), compute_facts)


_PARTS = ("kernel", "recurrent_kernel", "bias")


def _with_weights(state: TrainState, weights: Weights) -> TrainState:
    """Returns the state with other parameters, given from the input up."""

    def height(path: tuple[str, ...]) -> tuple[bool, tuple[str, ...], int]:
        # The classifier is on top, its output (by luck of the alphabet) above its layers.
        return "classifier" in path, path[:-1], _PARTS.index(path[-1])

    leaves, tree = jax.tree_util.tree_flatten_with_path(state.weights.params)
    paths = [tuple(str(entry.key) for entry in path) for path, _ in leaves]
    given = dict(zip(sorted(paths, key=height), weights, strict=True))
    params = jax.tree.unflatten(tree, [jnp.asarray(given[path]) for path in paths])
    return state._replace(weights=state.weights._replace(params=params))


def _products(net: Net, sizes: Sizes) -> Work:
    """Returns the work of a step's products: forward, and backward to weights and inputs."""
    rng = np.random.default_rng(0)

    def draw(*shape: int) -> Float[Array, "..."]:
        return jnp.asarray(rng.normal(size=shape), jnp.float32)

    layers = [
        (draw(times, rows, inputs), draw(inputs, outputs), draw(times, rows, outputs))
        for times, rows, inputs, outputs in net.products(sizes)
    ]

    def step(number: Int[Array, ""], layers: Any) -> list[Any]:
        results = []
        for index, (x, kernel, above) in enumerate(layers):
            forward = [each @ kernel for each in x]
            to_kernel = x.reshape(-1, x.shape[-1]).T @ above.reshape(-1, above.shape[-1])
            to_x = [each @ kernel.T for each in above] if index else []
            results.append((forward, to_kernel, to_x))
        return results

    return Work(timer(Recycled(step, layers)))


def _bare_step(sizes: Sizes, *, rate: float | None) -> Work:
    """Returns the work of a step of gradient descent, with dropout on the first activation or not.

    The plainest program there is, so that all that differs is one op.
    """
    flat = [jnp.asarray(each) for each in MLP.weights(sizes)]
    images, labels = MLP.data(1)
    x = jnp.asarray(unit(images)).reshape(MLP.batch, -1)
    target = jax.nn.one_hot(labels, CLASSES)

    def loss(weights: list[Array], key: Key[Array, ""]) -> Float[Array, ""]:
        hidden = x
        for kernel, bias in zip(weights[:-2:2], weights[1:-2:2], strict=True):
            first = hidden is x
            hidden = jax.nn.relu(hidden @ kernel + bias)
            if first and rate is not None:
                hidden = ops.dropout(key, hidden, rate=rate)
        log_probs = jax.nn.log_softmax(hidden @ weights[-2] + weights[-1])
        return -(target * log_probs).sum() / MLP.batch

    def step(number: Int[Array, ""], weights: list[Array]) -> tuple[Int[Array, ""], list[Array]]:
        grads = jax.grad(loss)(weights, jax.random.fold_in(jax.random.key(0), number))
        return number + 1, [w - LR * grad for w, grad in zip(weights, grads, strict=True)]

    donating = jax.jit(step, donate_argnums=(0, 1))
    state = (jnp.int32(0), flat)

    def run(calls: int) -> None:
        nonlocal state
        for _ in range(calls):
            state = donating(*state)
        jax.block_until_ready(state)

    return Work(timer(run))
