"""Penalties added to the loss: a variant's divergence, L1, sparsity of hidden activations."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float
from ml_collections import FrozenConfigDict

from dropout_lab.schedules import Schedule, Step
from dropout_lab.training.network import Hparams, layers_with, weights_of
from dropout_lab.training.optimizer import Params, is_kernel

Hidden = Sequence[Float[Array, "n units"]]
"""Activations of the hidden dense layers, one entry per call within a loss."""

Penalty = Callable[[Step, Any, Hidden], Float[Array, ""]]
"""From the step, a network after its call, and its hidden activations to a scalar."""

_OFFSET = 1e-3


def make_penalties(
    config: FrozenConfigDict, hparams: Hparams, steps_per_epoch: int, examples: int
) -> list[Penalty]:
    """Returns the penalties of a resolved configuration.

    Args:
      config: The configuration; only its static keys are read.
      hparams: The dynamic hyper-parameters; they may be traced.
      steps_per_epoch: Updates per epoch.
      examples: Number of training examples, by which a variant's divergence is divided.
    """
    penalties: list[Penalty] = []
    if "dropout.penalty_weight" in hparams:
        warmup = _warmup(config.dropout.penalty_warmup, steps_per_epoch)

        def divergence(step: Step, model: Any, hidden: Hidden) -> Float[Array, ""]:
            total = sum(layer.penalty() for layer in layers_with(model, "penalty"))
            return hparams["dropout.penalty_weight"] * (warmup(step) / examples) * total

        penalties.append(divergence)
    if "loss.l1" in hparams:

        def late_l1(step: Step, model: Any, hidden: Hidden) -> Float[Array, ""]:
            start = hparams["loss.l1_start"] * steps_per_epoch
            weight = jnp.where(step < start, 0, hparams["loss.l1"])
            return weight * l1(weights_of(model).params)

        penalties.append(late_l1)
    if "loss.sparsity" in hparams:

        def sparse(step: Step, model: Any, hidden: Hidden) -> Float[Array, ""]:
            means = jnp.concatenate([activations.mean(0, jnp.float32) for activations in hidden])
            return hparams["loss.sparsity"] * sparsity_kl(means, hparams["loss.sparsity_target"])

        penalties.append(sparse)
    return penalties


def l1(params: Params) -> Float[Array, ""]:
    """Returns the sum of the absolute weights of all kernels."""
    kernels = jax.tree.map(lambda leaf, kernel: leaf if kernel else None, params, is_kernel(params))
    return sum((jnp.abs(leaf).sum() for leaf in jax.tree.leaves(kernels)), start=jnp.zeros(()))


def sparsity_kl(means: Float[Array, " units"], target: Float[Array, ""]) -> Float[Array, ""]:
    """Returns the divergence of mean activations from ``target``, summed over units, in nats.

    ``sum_j t log(t / q_j) - t + q_j``, the Kullback-Leibler divergence between Poisson variables of
    means ``t`` and ``q_j``. For small means it approximates the divergence of Bernoulli variables
    that sparse autoencoders use for logistic units, but it is also defined for means above 1, which
    rectified units can have. 0.001 is added to both means, so that a unit that is zero on the whole
    batch gives a finite value.

    Args:
      means: Mean activations over a batch, at least 0.
      target: Desired mean activation, above 0.
    """
    t, q = target + _OFFSET, means + _OFFSET
    return jnp.sum(t * jnp.log(t / q) - t + q)


def _warmup(epochs: tuple[float, float] | None, steps_per_epoch: int) -> Schedule:
    """Returns the factor on the divergence: linear from 0 at the first epoch to 1 at the second."""
    first, last = (epoch * steps_per_epoch for epoch in epochs or (0, 0))
    if first == last:
        return lambda step: jnp.where(step < first, 0.0, 1.0)
    return lambda step: jnp.clip((step - first) / (last - first), 0.0, 1.0)
