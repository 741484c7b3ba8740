"""The compiled program of one static configuration: pure functions of state, hparams and data."""

from collections.abc import Callable, Sequence
from functools import partial, wraps
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax
from jaxtyping import Array, Float, Int, Key, Num
from ml_collections import FrozenConfigDict

from dropout_lab.models import Dense
from dropout_lab.system.compilation import options_for_one_call
from dropout_lab.training.arrays import Examples, Scaling, augmented, noisy_labels, scaled
from dropout_lab.training.loss import make_loss, target_probabilities
from dropout_lab.training.mesh import replicate, split_batch
from dropout_lab.training.metrics import (
    prediction_metrics,
    sparsity,
    token_metrics,
    token_scores,
)
from dropout_lab.training.mixing import mixed
from dropout_lab.training.network import Hparams, Mode, NetworkFactory, Weights, weights_of
from dropout_lab.training.optimizer import make_optimizer, make_rate_schedule, project_max_norm
from dropout_lab.training.penalty import make_penalties
from dropout_lab.training.prediction import predict
from dropout_lab.training.recalibration import recalibrate_batch_stats
from dropout_lab.training.state import Lengths, TrainState, moving_average

_INIT, _ORDER, _AUGMENT, _NOISE, _EVALUATION, _MIX = range(6)
"""Streams of random numbers."""


class Program:
    """Initialisation, training and evaluation of any trial of one static configuration.

    Args:
      config: A resolved configuration; only its static keys are read.
      shape: Shape of one example.
      classes: Number of classes.
      vocabulary: Number of token types, if examples are tokens.
    """

    def __init__(
        self,
        config: FrozenConfigDict,
        shape: tuple[int, ...],
        classes: int,
        vocabulary: int | None = None,
    ) -> None:
        self.config = config
        self.network = NetworkFactory(config, shape, classes, vocabulary)
        self.init = self._compiled(self._init, options=options_for_one_call())
        self.train_epoch = self._compiled(self._train_epoch, static=("steps",), donate=("state",))
        self.evaluate = self._compiled(self._evaluate, static=("inference", "passes"))
        self.entropy = self._compiled(self._entropy, static=("inference", "passes"))
        self._predict = partial(predict, self.network)
        self.predict = self._compiled(self._predict, static=("inference", "passes"))
        self.sample = self._compiled(self._sample, static=("passes",))
        self.recalibrate = self._compiled(self._recalibrate)
        self.sparsity = self._compiled(self._sparsity)

    def _compiled(
        self,
        function: Callable[..., Any],
        *,
        static: tuple[str, ...] = (),
        donate: tuple[str, ...] = (),
        options: dict[str, int] | None = None,
    ) -> Any:
        """Returns a function compiled with the configured precision of matrix products."""

        @wraps(function)
        def precise(*args: Any, **keywords: Any) -> Any:
            with jax.default_matmul_precision(self.config.compute.precision):
                return function(*args, **keywords)

        return jax.jit(
            precise, static_argnames=static, donate_argnames=donate, compiler_options=options
        )

    def lengths(self, hparams: Hparams, examples: int) -> Lengths:
        """Returns the length of a trial with these hyper-parameters and this many examples."""
        train = self.config.train
        steps_per_epoch = examples // train.batch_size
        total_steps = train.updates or hparams["train.epochs"] * steps_per_epoch
        return Lengths(steps_per_epoch, total_steps)

    def _init(self, hparams: Hparams) -> TrainState:
        weights = self.network.init(hparams, _key(hparams, _INIT))
        # An optimiser's initial state does not depend on how long it will run.
        optimizer = make_optimizer(self.config, hparams, 1, 1).init(weights.params)
        average = jax.tree.map(jnp.zeros_like, weights) if "train.ema" in hparams else None
        return TrainState(weights, optimizer, jnp.int32(0), average)

    def _train_epoch(
        self,
        state: TrainState,
        hparams: Hparams,
        data: Examples,
        scaling: Scaling,
        *,
        steps: int,
    ) -> tuple[TrainState, Float[Array, ""]]:
        """Returns the state after ``steps`` updates in a new order, and their mean loss."""
        data = Examples(data.images, noisy_labels(hparams, data))
        size = self.config.train.batch_size
        lengths = self.lengths(hparams, data.labels.shape[0])
        epoch = state.step // lengths.steps_per_epoch
        order = jax.random.permutation(_key(hparams, _ORDER, epoch), data.labels.shape[0])
        batches = order[: steps * size].reshape(steps, size)
        optimizer = make_optimizer(self.config, hparams, *lengths)
        with_rates = self._rate_writer(hparams, lengths)
        penalties = make_penalties(
            self.config, hparams, lengths.steps_per_epoch, data.labels.shape[0]
        )

        def step(
            state: TrainState, batch: Int[Array, " size"]
        ) -> tuple[TrainState, Float[Array, ""]]:
            indices = split_batch(batch)
            examples = jax.tree.map(lambda leaf: leaf[indices], data)
            images = augmented(
                self.config.data.augment, _key(hparams, _AUGMENT, state.step), examples.images
            )
            images, labels = split_batch((images, examples.labels))
            smoothing = hparams["train.label_smoothing"]
            images, target = mixed(
                hparams,
                _key(hparams, _MIX, state.step),
                scaled(images, scaling),
                target_probabilities(labels, self.network.classes, smoothing),
            )
            weights = with_rates(state.weights, state.step)
            gradient = jax.value_and_grad(self._loss, has_aux=True)
            (loss, stats), grads = gradient(
                weights.params,
                weights,
                hparams,
                images,
                target,
                _key(hparams, _NOISE, state.step),
                [partial(penalty, state.step) for penalty in penalties],
            )
            params = weights.params
            updates, optimizer_state = optimizer.update(grads, state.optimizer, params)
            params = optax.apply_updates(params, updates)
            if "optimizer.max_norm" in hparams:
                params = project_max_norm(params, hparams["optimizer.max_norm"])
            weights = Weights(params, weights.rates, stats)
            average = state.average
            if average is not None:
                average = moving_average(average, weights, hparams["train.ema"], state.step)
            return replicate((TrainState(weights, optimizer_state, state.step + 1, average), loss))

        state, losses = lax.scan(step, state, batches)
        return state, losses.mean()

    def _rate_writer(
        self, hparams: Hparams, lengths: Lengths
    ) -> Callable[[Weights, Int[Array, ""]], Weights]:
        """Returns a function that writes a step's dropout rates into the weights."""
        if self.config.rate_schedule.name == "constant":
            return lambda weights, step: weights
        rates = self.network.rates(hparams)
        factor = make_rate_schedule(self.config.rate_schedule, *lengths)

        def write(weights: Weights, step: Int[Array, ""]) -> Weights:
            return weights._replace(rates=jax.tree.map(lambda rate: rate * factor(step), rates))

        return write

    def _loss(
        self,
        params: Any,
        weights: Weights,
        hparams: Hparams,
        images: Float[Array, "n *shape"],
        target: Float[Array, "n *steps classes"],
        noise_key: Key[Array, ""],
        penalties: Sequence[Callable[[Any, list[Array]], Float[Array, ""]]],
    ) -> tuple[Float[Array, ""], Any]:
        """Returns the loss with its penalties, and the new batch statistics."""
        in_compute_type = weights._replace(params=self.network.cast_to_compute(params))
        model = self.network.module(in_compute_type, "train")
        hidden: list[Array] = []
        if "loss.sparsity" in hparams:
            model.set_attributes(Dense, observe=hidden.append)
        loss = make_loss(self.config, hparams)(
            model, self.network.cast_to_compute(images), target, noise_key
        )
        stats = weights_of(model).stats
        if penalties:
            in_full_precision = self.network.module(Weights(params, weights.rates, stats), "train")
            loss += sum(penalty(in_full_precision, hidden) for penalty in penalties)
        return loss, stats

    def _recalibrate(self, weights: Weights, data: Examples, scaling: Scaling) -> Weights:
        """Returns the weights with batch statistics of the noiseless network on ``data``."""
        size = self.config.train.batch_size
        images = data.images[: len(data.images) // size * size]
        model = recalibrate_batch_stats(
            self.network.module(
                weights._replace(params=self.network.cast_to_compute(weights.params)), "mean"
            ),
            images.reshape(-1, size, *images.shape[1:]),
            prepare=lambda batch: self.network.cast_to_compute(scaled(split_batch(batch), scaling)),
        )
        return weights._replace(stats=weights_of(model).stats)

    def _sparsity(self, weights: Weights) -> dict[str, Float[Array, ""]]:
        """Returns the metrics of :func:`sparsity`."""
        return sparsity(self.network.module(weights, "mean"))

    def _evaluate(
        self,
        weights: Weights,
        hparams: Hparams,
        data: Examples,
        scaling: Scaling,
        *,
        inference: Mode,
        passes: int = 1,
    ) -> dict[str, Float[Array, ""]]:
        """Returns the metrics of predictions; under "mc" and "masks", uncertainties as well.

        They are those of :func:`prediction_metrics` or, of next tokens, :func:`token_metrics`.
        """
        labels = noisy_labels(hparams, data)
        key = _key(hparams, _EVALUATION)
        predicted = partial(
            self._predict, weights, key, data.images, scaling, inference=inference, passes=passes
        )
        if labels.ndim > 1:
            # A part's probabilities of all tokens at all steps would not fit into memory.
            scores, uncertainties = predicted(
                of=lambda prediction, rows: (
                    token_scores(prediction.log_probs, labels[rows]),
                    prediction.uncertainties(),
                )
            )
            counted = labels >= 0
            metrics = token_metrics(scores, characters=self.config.data.tokens == "characters")
        else:
            prediction = predicted()
            metrics = prediction_metrics(prediction.log_probs, labels)
            uncertainties, counted = prediction.uncertainties(), None
        if inference in ("mc", "masks"):
            metrics |= {name: values.mean(where=counted) for name, values in uncertainties.items()}
        return metrics

    def _entropy(
        self, weights: Weights, hparams: Hparams, data: Examples, scaling: Scaling, **rule: Any
    ) -> Float[Array, "n *steps"]:
        """Returns the entropies of the predictions whose metrics :meth:`_evaluate` returns."""
        key = _key(hparams, _EVALUATION)
        of = lambda prediction, rows: prediction.entropy  # noqa: E731
        found: Array = self._predict(weights, key, data.images, scaling, of=of, **rule)
        return found

    def _sample(
        self,
        weights: Weights,
        noise_key: Key[Array, ""],
        images: Num[Array, "n *shape"],
        scaling: Scaling,
        *,
        passes: int,
    ) -> Float[Array, "passes n classes"]:
        """Returns the class probabilities of each noisy pass."""

        def one(pass_key: Key[Array, ""]) -> Float[Array, "n classes"]:
            prediction = self._predict(weights, pass_key, images, scaling, inference="mc")
            return jnp.exp(prediction.log_probs)

        return lax.map(one, jax.random.split(noise_key, passes))


def as_arrays(hparams: dict[str, Any]) -> Hparams:
    """Returns hyper-parameters as arrays: the seed uint32, epochs int32, the rest float32."""
    integers: dict[str, Any] = {"seed": np.uint32, "train.epochs": np.int32}
    return {
        name: jax.tree.map(integers.get(name, np.float32), value) for name, value in hparams.items()
    }


def _key(hparams: Hparams, stream: int, index: int | Int[Array, ""] = 0) -> Key[Array, ""]:
    """Returns the PRNG key of one use.

    Streams are independent: a seed gives every variant the same weights and batches, so that
    variants can be compared in pairs.
    """
    stream_key = jax.random.fold_in(jax.random.key(hparams["seed"]), stream)
    return jax.random.fold_in(stream_key, index)
