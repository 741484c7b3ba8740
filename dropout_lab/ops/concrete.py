"""Concrete dropout: a relaxation of dropout that makes its rate learnable."""

from collections.abc import Sequence
from functools import partial
from numbers import Real

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from dropout_lab.ops import _noise
from dropout_lab.ops._common import (
    MAX_RATES,
    Rate,
    broadcast_shape,
    checked_rate,
    floating,
    redraw,
    scalar,
    wide,
)


def concrete_dropout(
    key: Key[Array, ""],
    x: Float[Array, "*shape"],
    *,
    rate: Rate,
    temperature: float = 0.1,
    broadcast_dims: Sequence[int] = (),
) -> Float[Array, "*shape"]:
    """Scales units by a soft mask, near 0 or ``1 / (1 - rate)``, smooth in the learnt ``rate``.

    ``y = x * (1 - z) / (1 - rate)`` with ``z = sigmoid((logit(rate) + logit(u)) / temperature)``
    and ``u ~ U(0, 1)``. As the temperature goes to 0, ``z`` tends to Bernoulli(rate) and the
    moments to those of inverted dropout, ``E[y] = x`` and ``Var[y] = x**2 * rate / (1 - rate)``,
    which hold approximately above 0. The extra loss is the layers' ``penalty``. At inference
    nothing is done or, as in the paper, several draws are averaged.

    Args:
      key: PRNG key; use one key for one call.
      x: Floating-point array of any shape.
      rate: Probability of dropping, in [0, 1): a number, or a scalar array, which may be traced.
        Gradients flow to it; a traced rate out of range counts as the nearest in it.
      temperature: Softness of the mask, above 0: the paper's is 0.1, and 2/3 for feature maps.
      broadcast_dims: Axes along which all elements share one draw.

    Returns:
      An array like ``x``.

    Raises:
      ValueError: If ``rate`` is a number outside [0, 1) or not a scalar, the temperature is not
        above 0, or an axis is out of range.
      TypeError: If ``x`` or ``rate`` is not floating point.

    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> def mean(rate):
      ...     y = concrete_dropout(jax.random.key(0), jnp.ones(100_000), rate=rate)
      ...     return (y < 0.5).mean(), (y**2).mean()
      >>> dropped, square = mean(0.2)
      >>> f"{dropped:.1f} {square:.1f}", bool(jax.grad(lambda rate: mean(rate)[1])(0.2) > 0)
      ('0.2 1.2', True)

    References:
      Y. Gal, J. Hron, A. Kendall, *Concrete dropout*, NIPS 2017, arXiv:1705.07832.
      No departure; where the authors' code adds 1e-7 inside logs, ``u`` here is never 0 or 1.
    """
    x = floating("concrete_dropout", "x", x)
    if not temperature > 0:
        raise ValueError(
            f"concrete_dropout: temperature is {temperature}; allowed: a number above 0"
        )
    shape = broadcast_shape("concrete_dropout", x.shape, broadcast_dims)
    return _concrete(key, x, _learnt_rate(rate), float(temperature), shape)


def bernoulli_entropy(p: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Returns the entropy of a coin, ``-p log(p) - (1 - p) log(1 - p)``, in nats.

    Args:
      p: Probabilities.

    Example:
      >>> import jax.numpy as jnp
      >>> [f"{h:.3f}" for h in bernoulli_entropy(jnp.array([0.1, 0.5]))]
      ['0.325', '0.693']
    """
    return jax.scipy.special.entr(p) + jax.scipy.special.entr(1 - p)


def _learnt_rate(rate: Rate) -> Float[Array, ""]:
    """Returns a rate as ``checked_rate`` does, but with an array's type and gradient."""
    if isinstance(rate, Real):
        return checked_rate("concrete_dropout", rate)
    scalar("concrete_dropout", "rate", rate)
    learnt = wide(floating("concrete_dropout", "rate", jnp.asarray(rate)))
    inside = (learnt >= 0) & (learnt <= MAX_RATES["concrete_dropout"]) | jnp.isnan(learnt)
    # A clip alone would halve the gradient at the ends of the range.
    return jnp.where(inside, learnt, jnp.clip(learnt, 0, MAX_RATES["concrete_dropout"]))


@partial(redraw, static_argnums=(3, 4))
def _concrete(
    key: Key[Array, ""],
    x: Float[Array, "*shape"],
    rate: Float[Array, ""],
    temperature: float,
    mask_shape: tuple[int, ...],
) -> Float[Array, "*shape"]:
    u = _noise.uniform(key, mask_shape)
    # At rate 0 the derivative of the logarithm is infinite and would be multiplied by 0.
    log_rate = jnp.where(rate > 0, jnp.log(jnp.where(rate > 0, rate, 1)), -jnp.inf)
    # 1 - u is exact on the grid of u, and one logarithm costs half of two.
    logit = (log_rate - jnp.log1p(-rate)) + _noise.logarithm(u / (1 - u)).astype(rate.dtype)
    keep = jax.nn.sigmoid(-logit / temperature) / (1 - rate)
    value = wide(x)
    return (value * keep.astype(value.dtype)).astype(x.dtype)
