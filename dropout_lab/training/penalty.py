"""What is added to the loss: a variant's own divergence, L1, sparsity of hidden activations."""

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
"""Activations of the hidden dense layers in the calls of one loss."""

Penalty = Callable[[Step, Any, Hidden], Float[Array, ""]]
"""From the step, a network that has just been called and its activations to a scalar."""

_RAISED = 1e-3


def make_penalties(
    config: FrozenConfigDict, hparams: Hparams, epoch_steps: int, examples: int
) -> list[Penalty]:
    """Returns the penalties of a resolved configuration.

    Args:
      config: The configuration; only its static keys are read.
      hparams: The dynamic numbers, by key; they may be traced.
      epoch_steps: Updates per epoch.
      examples: Training examples, over which a variant's divergence is spread.
    """
    penalties: list[Penalty] = []
    if "dropout.penalty_weight" in hparams:
        warmup = _warmup(config.dropout.penalty_warmup, epoch_steps)

        def divergence(step: Step, model: Any, hidden: Hidden) -> Float[Array, ""]:
            total = sum(layer.penalty() for layer in layers_with(model, "penalty"))
            return hparams["dropout.penalty_weight"] * (warmup(step) / examples) * total

        penalties.append(divergence)
    if "loss.l1" in hparams:

        def late_l1(step: Step, model: Any, hidden: Hidden) -> Float[Array, ""]:
            weight = jnp.where(step < hparams["loss.l1_start"] * epoch_steps, 0, hparams["loss.l1"])
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
    chosen = jax.tree.map(lambda leaf, kernel: leaf if kernel else None, params, is_kernel(params))
    return sum((jnp.abs(leaf).sum() for leaf in jax.tree.leaves(chosen)), start=jnp.zeros(()))


def sparsity_kl(means: Float[Array, " units"], target: Float[Array, ""]) -> Float[Array, ""]:
    """Returns how far mean activations are from ``target``, summed over units, in nats.

    ``sum_j t log(t / q_j) - t + q_j``, the Kullback-Leibler divergence of Poisson variables of mean
    ``q_j`` from one of mean ``t``. For small means it is that of Bernoulli variables, with which
    sparse autoencoders penalise logistic units; unlike that one it is also defined above 1, where
    rectified units may be. Both means are raised by 0.001, so that a unit that is silent on a whole
    batch gives no infinity.

    Args:
      means: Mean activations over a batch, at least 0.
      target: The mean activation to have, above 0.
    """
    t, q = target + _RAISED, means + _RAISED
    return jnp.sum(t * jnp.log(t / q) - t + q)


def _warmup(epochs: tuple[float, float] | None, epoch_steps: int) -> Schedule:
    """Returns the factor on the divergence: 0 until the first epoch, 1 from the second on."""
    first, last = (epoch * epoch_steps for epoch in epochs or (0, 0))
    if first == last:
        return lambda step: jnp.where(step < first, 0.0, 1.0)
    return lambda step: jnp.clip((step - first) / (last - first), 0.0, 1.0)
