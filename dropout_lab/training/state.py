"""The state of training and its length."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from dropout_lab.training.network import Weights


class TrainState(NamedTuple):
    """The state that a training step updates; PRNG keys are derived from the seed and the step."""

    weights: Weights
    optimizer: Any
    step: Int[Array, ""]
    average: Weights | None = None

    @property
    def evaluated(self) -> Weights:
        """The weights of the network that is evaluated: the moving average, if there is one."""
        return self.weights if self.average is None else self.average


class Lengths(NamedTuple):
    """Length of training, in updates; inside the program ``total_steps`` is traced."""

    steps_per_epoch: int
    total_steps: int | Int[Array, ""]

    @property
    def epochs(self) -> int | Int[Array, ""]:
        """Number of epochs; the last one may be shorter."""
        return -(-self.total_steps // self.steps_per_epoch)


def moving_average(
    average: Weights, weights: Weights, decay: Float[Array, ""], step: Int[Array, ""]
) -> Weights:
    """Returns the exponential moving average of the weights after one more update.

    After ``t`` updates, those of update ``i`` weigh ``decay ** (t - i)`` over the sum of all these
    powers: initial weights do not count, as with ``optax.ema(decay, debias=True)``. With decay 1
    all updates weigh the same. Batch statistics are averaged too; rates are the newest.

    Args:
      average: The average before; zeros at step 0.
      weights: The weights after the update.
      decay: Decay per update, in [0, 1].
      step: Number of updates before this one.
    """
    count = step + 1.0
    # Relative to 1 - decay, decay ** count rounded to single precision would be far off.
    powers = -jnp.expm1(count * jnp.log(decay))
    share = jnp.where(decay < 1, (1 - decay) / jnp.where(decay < 1, powers, 1), 1 / count)

    def one(old: Array, new: Array) -> Array:
        return old + share * (new - old) if jnp.issubdtype(new.dtype, jnp.floating) else new

    params, stats = (
        jax.tree.map(one, *pair)
        for pair in ((average.params, weights.params), (average.stats, weights.stats))
    )
    return Weights(params, weights.rates, stats)
