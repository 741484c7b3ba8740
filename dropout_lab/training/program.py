"""The compiled program of one static configuration: pure functions of state, numbers and data."""

from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import nnx
from jax import lax
from jaxtyping import Array, Float, Int, Key
from ml_collections import FrozenConfigDict

from dropout_lab import nn
from dropout_lab.models import MODELS
from dropout_lab.training.arrays import Examples, Scaling, augmented, scaled
from dropout_lab.training.metrics import measure
from dropout_lab.training.optimizer import make_optimizer, project
from dropout_lab.variants import VARIANTS, Noise

Numbers = dict[str, Any]
"""The dynamic numbers of a trial, by configuration key, as arrays."""

Mode = Literal["train", "eval", "mc"]
"""Noise and batch statistics: both live; both at rest; noise live, statistics at rest."""

INFERENCE = ("mean", "mc")
"""How to predict: see :meth:`Program.predict`."""

_CHUNK = 1000


class Weights(NamedTuple):
    """Everything a network holds, as nested dictionaries of arrays."""

    params: Any
    rates: Any
    stats: Any


class State(NamedTuple):
    """What training carries from one step to the next. Keys are derived from seed and step."""

    weights: Weights
    optimizer: Any
    step: Int[Array, ""]


class Lengths(NamedTuple):
    """How long to train, in updates."""

    epoch: int
    total: int

    @property
    def epochs(self) -> int:
        """Epochs, the last of which may be cut short."""
        return -(-self.total // self.epoch)


class Program:
    """Initialisation, training and evaluation for all trials of one static configuration.

    Args:
      config: A resolved configuration; only its static keys are read.
      shape: Shape of one example.
      classes: Number of classes.
    """

    def __init__(self, config: FrozenConfigDict, shape: tuple[int, ...], classes: int) -> None:
        self.config = config
        self._shape = shape
        self._classes = classes
        skeleton = nnx.eval_shape(lambda: self._build(None, jax.random.key(0)))
        self._graph, *self._skeletons = nnx.split(skeleton, nnx.Param, nn.DropRate, ...)
        self.init = jax.jit(self._init, static_argnames="lengths")
        self.train_epoch = jax.jit(
            self._train_epoch, static_argnames=("lengths", "steps"), donate_argnames="state"
        )
        self.evaluate = jax.jit(self._evaluate, static_argnames=("inference", "passes"))
        self.predict = jax.jit(self._predict, static_argnames=("inference", "passes"))

    def lengths(self, examples: int) -> Lengths:
        """Returns the training length with so many training examples."""
        train = self.config.train
        epoch = examples // train.batch_size
        return Lengths(epoch, train.updates or train.epochs * epoch)

    def _build(self, numbers: Numbers | None, key: Key[Array, ""]) -> nnx.Module:
        """Returns a network with fresh weights; without numbers, one of the right structure."""
        options = self.config.model.to_dict()
        model = MODELS[options.pop("name")]
        if numbers is None:
            zeros = (0.0,) * len(options["stages"] or ())
            rates: dict[str, Any] = {"rate": 0.0, "input_rate": 0.0, "stage_rates": zeros}
        else:
            rates = {name: numbers[f"dropout.{name}"] for name in _RATES}
        taken = VARIANTS[self.config.variant].options
        extra = {name: self.config.dropout[name] for name in taken}
        return model(
            self._shape,
            self._classes,
            **{name: value for name, value in options.items() if value is not None},
            noise=Noise(self.config.variant, **rates, options=extra),
            rngs=nnx.Rngs(params=key),
        )

    def module(self, weights: Weights, mode: Mode) -> nnx.Module:
        """Returns the network that holds ``weights``, in a mode."""
        states = []
        for skeleton, tree in zip(self._skeletons, weights, strict=True):
            state = jax.tree.map(lambda leaf: leaf, skeleton)
            nnx.replace_by_pure_dict(state, tree)
            states.append(state)
        model = nnx.merge(self._graph, *states, copy=True)
        if mode == "train":
            model.train()
        else:
            model.eval()
        if mode == "mc":
            model.set_attributes(nn.Stochastic, deterministic=False, raise_if_not_found=False)
        return model

    def _init(self, numbers: Numbers, lengths: Lengths) -> State:
        model = self._build(numbers, _key(numbers, _INIT))
        weights = _weights(model)
        optimizer = make_optimizer(self.config, numbers, *lengths).init(weights.params)
        return State(weights, optimizer, jnp.int32(0))

    def _train_epoch(
        self,
        state: State,
        numbers: Numbers,
        data: Examples,
        scaling: Scaling,
        *,
        lengths: Lengths,
        steps: int,
    ) -> tuple[State, Float[Array, ""]]:
        """Returns the state after ``steps`` updates in a fresh order, and their mean loss."""
        size = self.config.train.batch_size
        epoch = state.step // lengths.epoch
        order = jax.random.permutation(_key(numbers, _ORDER, epoch), data.labels.shape[0])
        batches = order[: steps * size].reshape(steps, size)
        optimizer = make_optimizer(self.config, numbers, *lengths)

        def step(state: State, batch: Int[Array, " size"]) -> tuple[State, Float[Array, ""]]:
            examples = jax.tree.map(lambda leaf: leaf[batch], data)
            images = augmented(
                self.config.data.augment, _key(numbers, _AUGMENT, state.step), examples.images
            )
            gradient = jax.value_and_grad(self._loss, has_aux=True)
            (loss, stats), grads = gradient(
                state.weights.params,
                state.weights,
                numbers,
                scaled(images, scaling),
                examples.labels,
                _key(numbers, _NOISE, state.step),
                data.labels.shape[0],
            )
            params = state.weights.params
            updates, optimizer_state = optimizer.update(grads, state.optimizer, params)
            params = optax.apply_updates(params, updates)
            if "optimizer.max_norm" in numbers:
                params = project(params, numbers["optimizer.max_norm"])
            weights = Weights(params, state.weights.rates, stats)
            return State(weights, optimizer_state, state.step + 1), loss

        state, losses = lax.scan(step, state, batches)
        return state, losses.mean()

    def _loss(
        self,
        params: Any,
        weights: Weights,
        numbers: Numbers,
        images: Float[Array, "n *shape"],
        labels: Int[Array, " n"],
        key: Key[Array, ""],
        train_size: int,
    ) -> tuple[Float[Array, ""], Any]:
        """Returns the loss (cross-entropy, plus the variant's penalty per example), statistics."""
        model = self.module(weights._replace(params=params), "train")
        logits = model(images, rngs=nnx.Rngs(dropout=key))
        smoothing = numbers["train.label_smoothing"]
        target = jax.nn.one_hot(labels, self._classes) * (1 - smoothing) + smoothing / self._classes
        loss = optax.softmax_cross_entropy(logits, target).mean()
        return loss + _penalty(model) / train_size, _weights(model).stats

    def _evaluate(
        self,
        weights: Weights,
        numbers: Numbers,
        data: Examples,
        scaling: Scaling,
        *,
        inference: str,
        passes: int = 1,
    ) -> dict[str, Float[Array, ""]]:
        """Returns the metrics of :func:`measure`."""
        key = _key(numbers, _EVALUATION)
        log_probs = self._predict(
            weights, key, data.images, scaling, inference=inference, passes=passes
        )
        return measure(log_probs, data.labels)

    def _predict(
        self,
        weights: Weights,
        key: Key[Array, ""],
        images: Array,
        scaling: Scaling,
        *,
        inference: str,
        passes: int = 1,
    ) -> Float[Array, "n classes"]:
        """Returns log-probabilities, a chunk of examples at a time.

        Args:
          weights: The network.
          key: Where Monte-Carlo passes draw their noise from.
          images: Examples as stored.
          scaling: How to scale them.
          inference: "mean": one pass with the noise at rest, by each layer's inference rule. "mc":
            the mean of ``passes`` softmax outputs with live noise.
          passes: See ``inference``.
        """
        count = images.shape[0]
        chunk = min(_CHUNK, count)
        chunks = -(-count // chunk)
        rows = jnp.minimum(jnp.arange(chunks * chunk), count - 1).reshape(chunks, chunk)

        def mean(x: Array, _: Array) -> Array:
            return jax.nn.log_softmax(self.module(weights, "eval")(x))

        def monte_carlo(x: Array, index: Array) -> Array:
            def one_pass(total: Array, draw: Array) -> tuple[Array, None]:
                noise = jax.random.fold_in(jax.random.fold_in(key, index), draw)
                logits = self.module(weights, "mc")(x, rngs=nnx.Rngs(dropout=noise))
                return total + jax.nn.softmax(logits), None

            zeros = jnp.zeros((chunk, self._classes))
            total, _ = lax.scan(one_pass, zeros, jnp.arange(passes))
            return jnp.log(total / passes)

        rule = {"mean": mean, "mc": monte_carlo}[inference]
        outputs = lax.map(
            lambda item: rule(scaled(images[item[0]], scaling), item[1]),
            (rows, jnp.arange(chunks)),
        )
        return outputs.reshape(-1, self._classes)[:count]


_RATES = ("rate", "input_rate", "stage_rates")
_INIT, _ORDER, _AUGMENT, _NOISE, _EVALUATION = range(5)


def as_arrays(numbers: dict[str, Any]) -> Numbers:
    """Returns the dynamic numbers as arrays: the seed a uint32, everything else float32."""
    return {
        key: jnp.uint32(value)
        if key == "seed"
        else jax.tree.map(lambda item: jnp.float32(item), value)
        for key, value in numbers.items()
    }


def _key(numbers: Numbers, stream: int, index: int | Int[Array, ""] = 0) -> Key[Array, ""]:
    """Returns the key of one use.

    Streams are separate: a seed gives every variant the same weights and batches, so comparisons
    pair.
    """
    key = jax.random.fold_in(jax.random.key(numbers["seed"]), stream)
    return jax.random.fold_in(key, index)


def _weights(model: nnx.Module) -> Weights:
    states = nnx.split(model, nnx.Param, nn.DropRate, ...)[1:]
    return Weights(*map(nnx.to_pure_dict, states))


def _penalty(model: nnx.Module) -> Float[Array, ""]:
    """Returns the sum of the layers' extra losses."""
    nodes = (node for _, node in nnx.iter_graph(model))
    penalties = (node.penalty() for node in nodes if hasattr(node, "penalty"))
    return sum(penalties, start=jnp.float32(0))
