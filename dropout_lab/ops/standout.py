"""Standout: dropout with a probability that depends on the input."""

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Key

from dropout_lab.ops import _noise
from dropout_lab.ops._common import (
    Rate,
    aligned,
    checked_rate,
    checked_strength,
    floating,
    redraw,
    select,
    wide,
)


def standout(
    key: Key[Array, ""],
    x: Float[Array, "*shape"],
    *,
    rate: Rate,
    drive: Float[Array, "..."],
    strength: float | Float[Array, ""] = 1.0,
) -> Float[Array, "*shape"]:
    """Drops units with a probability that decreases with their drive; keeps the rest unchanged.

    ``y = m * x`` with ``m ~ Bernoulli(keep)`` and ``keep = sigmoid(strength * drive +
    log((1 - rate) / rate))``, so ``E[y] = keep * x`` and ``Var[y] = keep * (1 - keep) * x**2``. A
    unit whose drive is 0 is dropped with probability ``rate``. At inference units are multiplied by
    :func:`standout_keep`.

    Args:
      key: PRNG key; use one key for one call.
      x: Floating-point array of any shape.
      rate: Probability of dropping where ``drive`` is 0, in [0, 1]: a number, or a scalar array,
        which may be traced. At 0 nothing is dropped and at 1 everything, whatever the drive. The
        derivative with respect to it is 0.
      drive: Evidence for keeping each unit, in any shape that broadcasts against ``x``; in the
        paper its pre-activation. No gradient flows to it. Where it is NaN the unit is kept.
      strength: The slope of the drive, at least 0: a number, or a scalar array, which may be
        traced. At 0 this is :func:`classic_dropout`. The derivative with respect to it is 0.

    Returns:
      An array like ``x``.

    Raises:
      ValueError: If ``rate`` is a number outside [0, 1], ``strength`` is a negative or infinite
        number, or ``drive`` does not broadcast against ``x``.
      TypeError: If ``x`` or ``drive`` is not floating point.

    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> drive = jnp.array([-2.0, 0.0, 2.0])
      >>> y = standout(jax.random.key(0), jnp.ones((10_000, 3)), rate=0.5, drive=drive)
      >>> [f"{kept:.1f}" for kept in y.mean(axis=0)]
      ['0.1', '0.5', '0.9']

    References:
      J. Ba, B. Frey, *Adaptive dropout for training deep neural networks*, NIPS 2013.
      The paper's ``alpha`` is ``strength`` and its ``beta`` is ``log((1 - rate) / rate)``, 0 at a
      rate of 0.5.
    """
    x = floating("standout", "x", x)
    logit = _logit("standout", aligned("standout", "drive", drive, x.shape), rate, strength)
    # A comparison with NaN would drop the unit and so hide that a run has diverged.
    drop = jax.nn.sigmoid(-logit).astype(jnp.float32)
    return _standout(key, x, jnp.where(jnp.isnan(drop), jnp.zeros((), drop.dtype), drop))


def standout_keep(
    drive: Float[Array, "*shape"], *, rate: Rate, strength: float | Float[Array, ""] = 1.0
) -> Float[Array, "*shape"]:
    """Returns the probability with which :func:`standout` keeps a unit.

    Args:
      drive: Evidence for keeping each unit; no gradient flows to it.
      rate: Probability of dropping where ``drive`` is 0, in [0, 1].
      strength: The slope of the drive, at least 0.

    Returns:
      ``sigmoid(strength * drive + log((1 - rate) / rate))``, at least in float32; exactly 1 at rate
      0 and 0 at rate 1.

    Raises:
      ValueError: If ``rate`` is a number outside [0, 1], or ``strength`` a negative or infinite
        number.
      TypeError: If ``drive`` is not floating point.

    Example:
      >>> import jax.numpy as jnp
      >>> [f"{keep:.2f}" for keep in standout_keep(jnp.array([-1.0, 0.0, 1.0]), rate=0.25)]
      ['0.52', '0.75', '0.89']

    References:
      J. Ba, B. Frey, *Adaptive dropout for training deep neural networks*, NIPS 2013.
      No departure.
    """
    drive = floating("standout_keep", "drive", drive)
    return jax.nn.sigmoid(_logit("standout_keep", jnp.asarray(drive), rate, strength))


def _logit(
    op: str, drive: Float[Array, "..."], rate: Rate, strength: float | Float[Array, ""]
) -> Float[Array, "..."]:
    """Returns the log odds of keeping a unit; infinite at rates 0 and 1, whatever the drive."""
    rate, strength = checked_rate(op, rate), checked_strength(op, strength)
    drive = lax.stop_gradient(wide(drive))
    odds = (jnp.log1p(-rate) - jnp.log(rate)).astype(drive.dtype)
    logit = strength.astype(drive.dtype) * drive + odds
    certain = jnp.where(rate > 0.5, -jnp.inf, jnp.inf).astype(drive.dtype)
    return jnp.where((rate > 0) & (rate < 1), logit, certain)


@redraw
def _standout(
    key: Key[Array, ""], x: Float[Array, "*shape"], drop: Float[Array, "..."]
) -> Float[Array, "*shape"]:
    return select(_noise.keep_mask(key, drop, x.shape), x)
