"""Predictions of a trained network: class probabilities and their uncertainties."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jax import lax
from jaxtyping import Array, Float, Int, Key, Num

from dropout_lab.training.arrays import Scaling, scaled
from dropout_lab.training.mesh import split_batch
from dropout_lab.training.network import Mode, NetworkFactory, Weights

_CHUNK = 1000
_Totals = tuple[Array, Array, Array]


class Prediction(NamedTuple):
    """Predictions for n examples; those of a single pass have no uncertainty between passes.

    A network that predicts the next token has one for each step of an example.

    Attributes:
      log_probs: Log of the class probabilities, averaged over passes.
      entropy: Entropy of these probabilities, in nats.
      mutual_information: Between label and noise, in nats: the entropy minus the mean entropy of
        the passes (N. Houlsby, F. Huszar, Z. Ghahramani, M. Lengyel, *Bayesian active learning for
        classification and preference learning*, 2011, arXiv:1112.5745).
      variation_ratio: Fraction of the passes that do not predict the most frequent class (Y. Gal,
        *Uncertainty in deep learning*, 2016, Section 3.3.1).
    """

    log_probs: Float[Array, "n *steps classes"]
    entropy: Float[Array, "n *steps"]
    mutual_information: Float[Array, "n *steps"]
    variation_ratio: Float[Array, "n *steps"]

    def uncertainties(self) -> dict[str, Float[Array, "n *steps"]]:
        """Returns all but the probabilities, by name."""
        fields = self._asdict()
        del fields["log_probs"]
        return fields


def predict(
    network: NetworkFactory,
    weights: Weights,
    noise_key: Key[Array, ""],
    images: Num[Array, "n *shape"],
    scaling: Scaling,
    *,
    inference: Mode,
    passes: int = 1,
    of: Callable[[Prediction, Int[Array, " chunk"]], Any] = lambda prediction, rows: prediction,
) -> Any:
    """Returns predictions, computed in chunks of examples.

    Args:
      network: The network's factory.
      weights: Its weights.
      noise_key: PRNG key of the noise.
      images: Examples as stored.
      scaling: How to scale them.
      inference: A key of ``places.INFERENCE_RULES``.
      passes: Noisy passes under "mc", samples of each noisy layer under "gaussian"; under "masks"
        the number of the first masks, or all if there are fewer.
      of: What to return of the predictions of a chunk, given the indices of its examples: arrays
        with an entry for each example. The predictions themselves by default.
    """
    weights = weights._replace(params=network.cast_to_compute(weights.params))
    count = images.shape[0]
    predictions = math.prod(network.output_shape[:-1])  # of an example
    chunk = min(max(_CHUNK // predictions, 1), count)
    chunks = -(-count // chunk)
    rows = jnp.minimum(jnp.arange(chunks * chunk), count - 1).reshape(chunks, chunk)

    def one(item: tuple[Array, Array]) -> Any:
        indices, chunk_index = item
        return of(predicted(indices, chunk_index), indices)

    def predicted(indices: Array, chunk_index: Array) -> Prediction:
        x = network.cast_to_compute(scaled(images[split_batch(indices)], scaling))
        chunk_key = jax.random.fold_in(noise_key, chunk_index)
        if inference in ("mc", "masks"):
            return _averaged(network, weights, inference, chunk_key, x, passes)
        model = network.module(weights, inference, draws=passes)
        log_probs = _log_probs(model, x, chunk_key)
        zeros = jnp.zeros(log_probs.shape[:-1])
        return Prediction(log_probs, _entropy(log_probs), zeros, zeros)

    parts = lax.map(one, (rows, jnp.arange(chunks)))
    return jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:])[:count], parts)


def _averaged(
    network: NetworkFactory,
    weights: Weights,
    inference: Mode,
    noise_key: Key[Array, ""],
    x: Array,
    passes: int,
) -> Prediction:
    """Returns the mean of the softmax outputs of noisy passes, and their uncertainties."""
    if inference == "masks":
        passes = min(passes, network.masks)

    def one_pass(totals: _Totals, draw: Array) -> tuple[_Totals, None]:
        log_sum, entropy, counts = totals
        pass_key = jax.random.fold_in(noise_key, draw)
        log_probs = _log_probs(network.module(weights, inference, mask=draw), x, pass_key)
        votes = jax.nn.one_hot(jnp.argmax(log_probs, -1), network.classes)
        # Summed as logarithms, because probabilities of confident networks underflow.
        log_sum = jnp.logaddexp(log_sum, log_probs)
        return (log_sum, entropy + _entropy(log_probs), counts + votes), None

    zeros = jnp.zeros((x.shape[0], *network.output_shape))
    totals = jnp.full_like(zeros, -jnp.inf), zeros[..., 0], zeros
    (log_sum, entropy, counts), _ = lax.scan(one_pass, totals, jnp.arange(passes))
    log_probs = log_sum - jnp.log(passes)
    of_mean = _entropy(log_probs)
    return Prediction(log_probs, of_mean, of_mean - entropy / passes, 1 - counts.max(-1) / passes)


def _log_probs(
    model: nnx.Module, x: Array, noise_key: Key[Array, ""]
) -> Float[Array, "n *steps classes"]:
    logits = model(x, rngs=nnx.Rngs(dropout=noise_key))
    return jax.nn.log_softmax(logits.astype(jnp.float32))


def _entropy(log_probs: Float[Array, "n *steps classes"]) -> Float[Array, "n *steps"]:
    """Returns the entropy in nats; a class of probability 0 adds nothing."""
    probs = jnp.exp(log_probs)
    return -jnp.where(probs > 0, probs * log_probs, 0).sum(-1)
