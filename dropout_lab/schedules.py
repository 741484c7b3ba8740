"""Schedules of dropout rates and learning rates: functions from the step to the rate, as in optax.

Rates and steps may be traced, so that changing them does not recompile::

    schedule = early_constant(0.1, steps=1000)
    rate = schedule(step)
"""

from collections.abc import Callable, Sequence

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from dropout_lab.ops import Rate

Step = int | Int[Array, ""]
Number = float | Float[Array, ""]
Schedule = Callable[[Step], Float[Array, ""]]


def constant(rate: Rate) -> Schedule:
    """Returns ``rate`` at every step."""
    return lambda step: jnp.float32(rate)


def linear(rate: Rate, *, steps: Number) -> Schedule:
    """Returns a rate that grows linearly from 0 to ``rate`` at step ``steps``, then stays.

    References:
      G. Ghiasi, T.-Y. Lin, Q. V. Le, *DropBlock*, NeurIPS 2018, arXiv:1810.12890.
    """
    return lambda step: rate * jnp.minimum(step / steps, 1.0)


def annealed(rate: Rate, *, steps: Number) -> Schedule:
    """Returns ``rate * max(0, 1 - step / steps)``: from ``rate`` down to 0.

    References:
      S. J. Rennie, V. Goel, S. Thomas, *Annealed dropout training of deep networks*, SLT 2014.
    """
    return lambda step: rate * jnp.maximum(1.0 - step / steps, 0.0)


def early_constant(rate: Rate, *, steps: Number) -> Schedule:
    """Returns ``rate`` before step ``steps`` and 0 from that step on, against underfitting.

    References:
      Z. Liu, Z. Xu, J. Jin, Z. Shen, T. Darrell, *Dropout reduces underfitting*, ICML 2023,
      arXiv:2303.01500.
    """
    return lambda step: jnp.where(step < steps, jnp.float32(rate), 0.0)


def early_linear(rate: Rate, *, steps: Number) -> Schedule:
    """Returns a rate that falls linearly to 0 at step ``steps``, against underfitting.

    References:
      Z. Liu et al., *Dropout reduces underfitting*, ICML 2023, arXiv:2303.01500.
    """
    return annealed(rate, steps=steps)


def late_constant(rate: Rate, *, steps: Number) -> Schedule:
    """Returns 0 before step ``steps`` and ``rate`` from that step on, against overfitting.

    References:
      Z. Liu et al., *Dropout reduces underfitting*, ICML 2023, arXiv:2303.01500. The same as the
      "switch" baseline of P. Morerio et al., *Curriculum dropout*, ICCV 2017.
    """
    return lambda step: jnp.where(step < steps, 0.0, jnp.float32(rate))


def late_linear(rate: Rate, *, steps: Number, total: Number) -> Schedule:
    """Returns 0 before step ``steps``, then a rate that grows linearly to ``rate`` at ``total``.

    References:
      Z. Liu et al., *Dropout reduces underfitting*, ICML 2023, arXiv:2303.01500; their late dropout
      has a constant rate.
    """
    span = jnp.maximum(total - steps, 1.0)
    return lambda step: rate * jnp.clip((step - steps) / span, 0.0, 1.0)


def curriculum(rate: Rate, *, gamma: Number) -> Schedule:
    """Returns ``rate * (1 - exp(-gamma * step))``, which grows from 0 towards ``rate``.

    The probability of keeping is ``(1 - q) * exp(-gamma * step) + q`` with ``q = 1 - rate``.

    References:
      P. Morerio, J. Cavazza, R. Volpi, R. Vidal, V. Murino, *Curriculum dropout*, ICCV 2017,
      arXiv:1703.06229; there ``gamma`` is about 10 divided by the number of updates.
    """
    return lambda step: rate * -jnp.expm1(-gamma * step)


def anti_curriculum(rate: Rate, *, gamma: Number) -> Schedule:
    """Returns ``rate * exp(-gamma * step)``, which falls from ``rate`` towards 0.

    The probability of keeping is ``1 - (1 - q) * exp(-gamma * step)`` with ``q = 1 - rate``.

    References:
      P. Morerio et al., *Curriculum dropout*, ICCV 2017, arXiv:1703.06229.
    """
    return lambda step: rate * jnp.exp(-gamma * step)


def step(rate: Rate, *, boundaries: Sequence[float], factors: Sequence[float]) -> Schedule:
    """Returns ``rate * factors[i]`` between the ``i``-th boundary and the next.

    Args:
      rate: The rate.
      boundaries: Steps at which the factor changes, in increasing order.
      factors: One more than boundaries; the first holds from step 0.
    """
    edges = jnp.asarray(boundaries, jnp.float32)
    levels = jnp.asarray(factors, jnp.float32)
    return lambda step: rate * levels[jnp.searchsorted(edges, step, side="right")]


def inverse(rate: Number, *, gamma: Number, power: Number) -> Schedule:
    """Returns ``rate * (1 + gamma * step) ** -power``, Caffe's schedule of learning rates."""
    return lambda step: rate * (1.0 + gamma * step) ** -power


def late_annealed(rate: Number, *, steps: Number, total: Number) -> Schedule:
    """Returns ``rate`` before step ``steps``, then a rate that falls linearly to 0 at ``total``."""
    span = jnp.maximum(total - steps, 1.0)
    return lambda step: rate * jnp.clip((total - step) / span, 0.0, 1.0)


SCHEDULES: dict[str, Callable[..., Schedule]] = {
    "constant": constant,
    "linear": linear,
    "annealed": annealed,
    "early_constant": early_constant,
    "early_linear": early_linear,
    "late_constant": late_constant,
    "late_linear": late_linear,
    "curriculum": curriculum,
    "anti_curriculum": anti_curriculum,
    "step": step,
}
"""Schedules of dropout rates by name; those of learning rates are in training/optimizer.py."""
