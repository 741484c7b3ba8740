"""Losses of a network on one batch, some of them designed for dropout."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import nnx
from jaxtyping import Array, Float, Int, Key
from ml_collections import FrozenConfigDict

from dropout_lab.training.network import Hparams

Loss = Callable[
    [Any, Float[Array, "n *shape"], Float[Array, "n *steps classes"], Key[Array, ""]],
    Float[Array, ""],
]
"""From a network, images, target probabilities and the PRNG key of the noise to a scalar.

Where the target is next tokens, means are over all steps; those whose target is all zeros, padding,
do not count.
"""


def target_probabilities(
    labels: Int[Array, "n *steps"], classes: int, smoothing: Float[Array, ""]
) -> Float[Array, "n *steps classes"]:
    """Returns target probabilities: one-hot labels, smoothed; zeros at padded steps."""
    target = jax.nn.one_hot(labels, classes) * (1 - smoothing) + smoothing / classes
    if labels.ndim > 1:  # the labels of padded steps
        target = jnp.where(labels[..., None] < 0, 0, target)
    return target


def make_loss(config: FrozenConfigDict, hparams: Hparams) -> Loss:
    """Returns the loss of a resolved configuration.

    Args:
      config: The configuration; only its static keys are read.
      hparams: The dynamic hyper-parameters; they may be traced.
    """
    if config.loss.name == "r_drop":
        return partial(r_drop, weight=hparams["loss.weight"])
    if config.loss.name == "multi_sample":
        return partial(multi_sample, samples=config.loss.samples)
    return cross_entropy


def cross_entropy(
    model: Any,
    images: Float[Array, "n *shape"],
    target: Float[Array, "n *steps classes"],
    key: Key[Array, ""],
) -> Float[Array, ""]:
    """Returns the mean cross-entropy of one noisy pass, in nats."""
    return _cross_entropy(model(images, rngs=nnx.Rngs(dropout=key)), target)


def r_drop(
    model: Any,
    images: Float[Array, "n *shape"],
    target: Float[Array, "n *steps classes"],
    key: Key[Array, ""],
    *,
    weight: Float[Array, ""],
) -> Float[Array, ""]:
    """Returns the cross-entropy of two passes with different noise plus their divergence.

    ``(CE1 + CE2) / 2 + weight * (KL(P1 || P2) + KL(P2 || P1)) / 4``, means over the batch in nats.
    Both passes update the batch statistics, one after the other.

    References:
      L. Wu et al., *R-Drop: regularized dropout for neural networks*, NeurIPS 2021,
      arXiv:2106.14448. The paper adds the two cross-entropies and the weighted mean of the two
      divergences; here everything is halved, so that weight 0 gives the mean cross-entropy.
    """
    first, second = (
        model(images, rngs=nnx.Rngs(dropout=pass_key)).astype(jnp.float32)
        for pass_key in jax.random.split(key)
    )
    fit = (_cross_entropy(first, target) + _cross_entropy(second, target)) / 2
    return fit + weight * _mean(symmetric_divergence(first, second), target) / 2


def symmetric_divergence(
    first: Float[Array, "*n classes"], second: Float[Array, "*n classes"]
) -> Float[Array, "*n"]:
    """Returns ``(KL(P || Q) + KL(Q || P)) / 2`` of two sets of logits, in nats."""
    p, q = jax.nn.log_softmax(first), jax.nn.log_softmax(second)
    return ((jnp.exp(p) - jnp.exp(q)) * (p - q)).sum(-1) / 2


def multi_sample(
    model: Any,
    images: Float[Array, "n *shape"],
    target: Float[Array, "n *steps classes"],
    key: Key[Array, ""],
    *,
    samples: int,
) -> Float[Array, ""]:
    """Returns the mean cross-entropy over ``samples`` draws of the noise on the last features.

    The layers below run once. Inference is not affected.

    References:
      H. Inoue, *Multi-sample dropout for accelerated training and better generalization*, 2019,
      arXiv:1905.09788.
    """
    features_key, head_key = jax.random.split(key)
    features = model.features(images, nnx.Rngs(dropout=features_key))
    losses = [
        _cross_entropy(model.head(features, nnx.Rngs(dropout=sample_key)), target)
        for sample_key in jax.random.split(head_key, samples)
    ]
    return sum(losses[1:], start=losses[0]) / samples


def _cross_entropy(
    logits: Float[Array, "n *steps classes"], target: Float[Array, "n *steps classes"]
) -> Float[Array, ""]:
    return _mean(optax.softmax_cross_entropy(logits.astype(jnp.float32), target), target)


def _mean(
    losses: Float[Array, "n *steps"], target: Float[Array, "n *steps classes"]
) -> Float[Array, ""]:
    """Returns the mean over examples, or over the steps that have a target."""
    if losses.ndim == 1:
        return losses.mean()
    counted = (target > 0).any(-1)
    return jnp.where(counted, losses, 0).sum() / jnp.maximum(counted.sum(), 1)
