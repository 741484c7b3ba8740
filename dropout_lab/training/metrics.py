"""Metrics of predictions, and of the weights that inference prunes."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Bool, Float, Int

BINS = 15
"""Equal-width confidence bins of the calibration error, as in Guo et al. 2017."""


def prediction_metrics(
    log_probs: Float[Array, "n classes"], labels: Int[Array, " n"]
) -> dict[str, Float[Array, ""]]:
    """Returns the error of predictions, two proper scores and their calibration error.

    Args:
      log_probs: Log-probabilities.
      labels: True classes.

    Returns:
      Scalars by name:

      * error: Wrong predictions, in percent.
      * nll: Mean negative log-likelihood of the true class, in nats.
      * brier: Mean squared distance of the probabilities from the truth, summed over classes, in
        [0, 2] (G. W. Brier, *Verification of forecasts expressed in terms of probability*, 1950).
      * ece: Expected calibration error with 15 equal-width bins, in [0, 1] (C. Guo, G. Pleiss, Y.
        Sun, K. Q. Weinberger, *On calibration of modern neural networks*, ICML 2017).
    """
    probs = jnp.exp(log_probs)
    truth = jax.nn.one_hot(labels, log_probs.shape[-1], dtype=probs.dtype)
    correct = jnp.argmax(log_probs, axis=-1) == labels
    return {
        "error": 100 * jnp.mean(~correct, dtype=probs.dtype),
        "nll": -jnp.mean(jnp.sum(jnp.where(truth > 0, log_probs, 0), axis=-1)),
        "brier": jnp.mean(jnp.sum((probs - truth) ** 2, axis=-1)),
        "ece": _calibration_error(jnp.max(probs, axis=-1), correct),
    }


class TokenScores(NamedTuple):
    """What predictions of next tokens are worth, step by step.

    Attributes:
      counted: Whether the step has a next token; others are padding, 0 below.
      nll: Negative log-likelihood of the next token, in nats.
      wrong: 1 where another token is likelier.
    """

    counted: Bool[Array, "n steps"]
    nll: Float[Array, "n steps"]
    wrong: Float[Array, "n steps"]


def token_scores(
    log_probs: Float[Array, "n steps classes"], labels: Int[Array, "n steps"]
) -> TokenScores:
    """Returns the scores of predictions.

    Args:
      log_probs: Log-probabilities.
      labels: Next tokens; negative ones of padded steps.
    """
    counted = labels >= 0
    likelihood = jnp.take_along_axis(log_probs, jnp.maximum(labels, 0)[..., None], axis=-1)[..., 0]
    wrong = (jnp.argmax(log_probs, axis=-1) != labels).astype(log_probs.dtype)
    return TokenScores(counted, jnp.where(counted, -likelihood, 0), jnp.where(counted, wrong, 0))


def token_metrics(scores: TokenScores, *, characters: bool) -> dict[str, Float[Array, ""]]:
    """Returns the metrics of predicted next tokens, over all steps that have one.

    Args:
      scores: Their scores.
      characters: Whether tokens are characters.

    Returns:
      error: Tokens that were not the likeliest, in percent.
      accuracy: The others, in percent.
      nll: Mean negative log-likelihood of a token, in nats.
      perplexity: Its exponential.
      bits_per_character: If tokens are characters: the nll in bits.
    """
    count = jnp.maximum(scores.counted.sum(), 1)
    nll, wrong = scores.nll.sum() / count, scores.wrong.sum() / count
    metrics = {
        "error": 100 * wrong,
        "accuracy": 100 * (1 - wrong),
        "nll": nll,
        "perplexity": jnp.exp(nll),
    }
    return metrics | ({"bits_per_character": nll / jnp.log(2)} if characters else {})


def _calibration_error(
    confidence: Float[Array, " n"], correct: Bool[Array, " n"]
) -> Float[Array, ""]:
    """Returns the mean over bins, weighted by count, of |accuracy - confidence|."""
    # Bins are open below and closed above, so that a confidence of 1 falls in the last.
    bins = jnp.clip(jnp.ceil(confidence * BINS).astype(jnp.int32) - 1, 0, BINS - 1)
    gap = correct.astype(confidence.dtype) - confidence
    return jnp.sum(jnp.abs(jnp.zeros(BINS).at[bins].add(gap))) / confidence.size


def sparsity(model: nnx.Module) -> dict[str, Float[Array, ""]]:
    """Returns how many weights inference prunes; nothing for a network that is never pruned.

    Returns:
      sparsity: Pruned weights of all kernels that can be pruned, in percent.
      compression: All of these weights over those left.
      sparsity.PATH: Pruned weights of the layer at that path, in percent.
    """
    counts = {
        ".".join(map(str, path)): layer.pruned()
        for path, layer in nnx.iter_graph(model)
        if hasattr(layer, "pruned")
    }
    if not counts:
        return {}
    layers = {f"sparsity.{path}": 100 * pruned / total for path, (pruned, total) in counts.items()}
    pruned, total = (sum(part) for part in zip(*counts.values(), strict=True))
    left = jnp.maximum(total - pruned, 1)
    return {"sparsity": 100 * pruned / total, "compression": total / left, **layers}
