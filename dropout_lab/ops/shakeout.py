"""Shakeout: a layer that enhances or reverses each input's contribution."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from dropout_lab.ops import _noise
from dropout_lab.ops._common import (
    Rate,
    checked_rate,
    checked_strength,
    redraw,
    wide,
)
from dropout_lab.ops._dense import dense_arrays


def shakeout(
    key: Key[Array, ""],
    x: Float[Array, "*batch inputs"],
    *,
    rate: Rate,
    kernel: Float[Array, "inputs outputs"],
    bias: Float[Array, " outputs"] | None = None,
    strength: float | Float[Array, ""] = 0.1,
) -> Float[Array, "*batch outputs"]:
    """Multiplies by a kernel, each input's weights enhanced, or reversed to a constant magnitude.

    ``u = (r * x) @ kernel + strength * ((r - 1) * x) @ sign(kernel) + bias`` with, for each example
    and input, ``r = 0`` with probability ``rate``, else ``1 / (1 - rate)``. So a dropped input has
    weights ``-strength * sign(kernel)``, ``E[u] = x @ kernel + bias`` and ``Var[u] =
    (rate / (1 - rate)) * x**2 @ (kernel + strength * sign(kernel))**2``. The reversal acts on
    weights as a mixture of L0, L1 and L2 penalties. At inference this is a plain layer.

    Args:
      key: PRNG key; use one key for one call.
      x: Floating-point inputs.
      rate: Probability of reversing an input, in [0, 1): a number, or a scalar array, which may be
        traced. The variance grows without bound towards 1, and a traced 1 counts as the largest
        float32 below. The derivative with respect to it is 0.
      kernel: Weights.
      bias: Biases, free of noise; None for none.
      strength: The magnitude of a reversed weight, at least 0: a number, or a scalar array, which
        may be traced. At 0 this is dropout of the inputs. The derivative with respect to it is 0.

    Returns:
      The pre-activations, in the type of ``x``. For the gradient with respect to ``kernel`` the
      derivative of its sign is taken to be that of its hyperbolic tangent, ``1 - tanh(kernel)**2``.

    Raises:
      ValueError: If ``rate`` is a number outside [0, 1), ``strength`` is a negative or infinite
        number, or shapes do not fit.
      TypeError: If ``x``, ``kernel`` or ``bias`` is not floating point.

    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> kernel = jnp.array([[1.0], [-1.0]])
      >>> x = jnp.array([[1.0, 0.0], [0.0, 1.0]]).repeat(9, axis=0)
      >>> u = shakeout(jax.random.key(0), x, rate=0.5, kernel=kernel, strength=0.25)
      >>> sorted(set(u.ravel().tolist()))
      [-2.25, -0.25, 0.25, 2.25]

    References:
      G. Kang, J. Li, D. Tao, *Shakeout: a new regularized deep neural network training scheme*,
      AAAI 2016; *Shakeout: a new approach to regularized deep neural network training*, IEEE TPAMI
      40(5), 2018, arXiv:1904.06593.
      The papers write ``tau`` and ``c`` for ``rate`` and ``strength``; the sign's derivative is
      that of the authors' code, at its default scale of 1.
    """
    x, kernel, bias = dense_arrays("shakeout", x, kernel, bias)
    rate = checked_rate("shakeout", rate)
    strength = checked_strength("shakeout", strength)
    u = _shaken_product(key, x, rate, kernel, strength)
    if bias is not None:
        u = u + bias.astype(u.dtype).reshape((1,) * (u.ndim - 1) + bias.shape)
    return u.astype(x.dtype)


@redraw
def _shaken_product(
    key: Key[Array, ""],
    x: Float[Array, "*batch inputs"],
    rate: Float[Array, ""],
    kernel: Float[Array, "inputs outputs"],
    strength: Float[Array, ""],
) -> Float[Array, "*batch outputs"]:
    value = wide(x)
    kernel = kernel.astype(value.dtype)
    mask = _noise.keep_mask(key, rate, x.shape)
    zero = jnp.zeros((), value.dtype)
    kept = jnp.where(mask, value * (1 / (1 - rate)).astype(value.dtype), zero)
    shift = (strength * jnp.where(mask, rate / (1 - rate), -1)).astype(value.dtype)
    # Selected, so that at strength 0 a dropped inf or NaN has no effect, as in dropout.
    shifted = jnp.where(strength > 0, value * shift, zero)
    return kept @ kernel + shifted @ _sign(kernel)


@jax.custom_jvp
def _sign(kernel: Float[Array, "..."]) -> Float[Array, "..."]:
    return jnp.sign(kernel)


@_sign.defjvp
def _sign_jvp(primals: tuple[Any], tangents: tuple[Any]) -> tuple[Array, Array]:
    (kernel,), (tangent,) = primals, tangents
    return _sign(kernel), (1 - jnp.tanh(kernel) ** 2) * tangent
