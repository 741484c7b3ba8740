"""Zoneout: units that randomly keep an old value instead of taking a new one."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from dropout_lab.ops import _noise
from dropout_lab.ops._common import Rate, checked_rate, floating, placed_like, redraw, wide


def zoneout(
    key: Key[Array, ""],
    x: Float[Array, "*shape"],
    *,
    rate: Rate,
    old: Float[Array, "*shape"],
) -> Float[Array, "*shape"]:
    """Keeps the old value of a unit with probability ``rate``, else takes the new one.

    ``y = m * x + (1 - m) * old`` with ``m ~ Bernoulli(1 - rate)``, so ``E[y] = rate * old +
    (1 - rate) * x`` and ``Var[y] = rate * (1 - rate) * (x - old)**2``. With zeros for ``old`` this
    is classic dropout. Inference takes the mean: :func:`zoneout_mean`.

    Args:
      key: PRNG key; use one key for one call. Two calls with the same key and rate keep the same
        units.
      x: The new values, a floating-point array of any shape.
      rate: Probability of keeping the old value, in [0, 1]: a number, or a scalar array, which may
        be traced. At 1 the output is ``old``. The derivative with respect to it is 0.
      old: The old values, of the shape and type of ``x``. Gradients flow to both.

    Returns:
      An array like ``x``. An inf or NaN in the value that is not taken has no effect.

    Raises:
      ValueError: If ``rate`` is a number outside [0, 1], or ``old`` has another shape than ``x``.
      TypeError: If ``x`` is not floating point, or ``old`` has another type than ``x``.

    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> y = zoneout(jax.random.key(0), jnp.ones(10_000), rate=0.2, old=jnp.zeros(10_000))
      >>> f"{y.mean():.1f}"
      '0.8'

    References:
      D. Krueger, T. Maharaj, J. Kramár, M. Pezeshki, N. Ballas, N. R. Ke, A. Goyal, Y. Bengio,
      A. Courville, C. Pal, *Zoneout: regularizing RNNs by randomly preserving hidden activations*,
      ICLR 2017, arXiv:1606.01305.
      No departure; the authors' scripts for text take one minus the paper's probability as their
      argument.
    """
    x, old, rate = _checked("zoneout", x, rate, old)
    return _zoneout(key, x, old, rate)


def zoneout_mean(
    x: Float[Array, "*shape"], *, rate: Rate, old: Float[Array, "*shape"]
) -> Float[Array, "*shape"]:
    """Returns zoneout's mean, ``rate * old + (1 - rate) * x``: the inference rule.

    Args:
      x: The new values.
      rate: Probability of keeping the old value, in [0, 1].
      old: The old values, of the shape and type of ``x``.

    Returns:
      An array like ``x``; at rates 0 and 1 an inf or NaN in the value of weight 0 has no effect.

    Raises:
      ValueError: If ``rate`` is a number outside [0, 1], or ``old`` has another shape than ``x``.
      TypeError: If ``x`` is not floating point, or ``old`` has another type than ``x``.

    Example:
      >>> import jax.numpy as jnp
      >>> zoneout_mean(jnp.ones(2), rate=0.25, old=jnp.array([0.0, 2.0])).tolist()
      [0.75, 1.25]

    References:
      D. Krueger et al., *Zoneout: regularizing RNNs by randomly preserving hidden activations*,
      ICLR 2017, arXiv:1606.01305.
      No departure.
    """
    x, old, rate = _checked("zoneout_mean", x, rate, old)
    new = wide(x)
    weight = rate.astype(new.dtype)
    zero = jnp.zeros((), new.dtype)
    kept = jnp.where(weight > 0, weight * wide(old), zero)
    return (kept + jnp.where(weight < 1, (1 - weight) * new, zero)).astype(x.dtype)


def _checked(
    op: str, x: Float[Array, "*shape"], rate: Rate, old: Float[Array, "*shape"]
) -> tuple[Array, Array, Array]:
    x, old = floating(op, "x", x), floating(op, "old", old)
    if old.shape != x.shape:
        raise ValueError(f"{op}: old has shape {old.shape}; allowed: that of x, {x.shape}")
    if old.dtype != x.dtype:
        raise TypeError(f"{op}: old has dtype {old.dtype}; allowed: that of x, {x.dtype}")
    return x, old, checked_rate(op, rate)


@redraw
def _zoneout(
    key: Key[Array, ""],
    x: Float[Array, "*shape"],
    old: Float[Array, "*shape"],
    rate: Float[Array, ""],
) -> Float[Array, "*shape"]:
    kept = placed_like(x, _noise.keep_mask(key, rate, x.shape))
    return jnp.where(kept, x, placed_like(x, old))
