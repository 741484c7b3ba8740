"""Information dropout: log-normal noise whose width depends on the input."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from dropout_lab.ops import _noise
from dropout_lab.ops._common import aligned, floating, redraw, wide


def information_dropout(
    key: Key[Array, ""], x: Float[Array, "*shape"], *, alpha: Float[Array, "..."]
) -> Float[Array, "*shape"]:
    """Multiplies units by log-normal noise of median 1 and learnt width ``alpha``.

    ``y = x * exp(alpha * e)`` with ``e ~ N(0, 1)``, so ``E[y] = x * exp(alpha**2 / 2)``, which is
    not ``x``, and ``Var[y] = x**2 * exp(alpha**2) * (exp(alpha**2) - 1)``. The extra loss is
    :func:`information_kl`. At inference nothing is done, which is the noise's median.

    Args:
      key: PRNG key; use one key for one call.
      x: Floating-point array of any shape, in the paper outputs of ReLU.
      alpha: Standard deviation of the noise's logarithm, at least 0; any shape that broadcasts
        against ``x``. Gradients flow to it.

    Returns:
      An array like ``x``. The noise is positive, so no output changes sign.

    Raises:
      TypeError: If ``x`` or ``alpha`` is not floating point.
      ValueError: If ``alpha`` does not broadcast against ``x``.

    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> x = jnp.ones((50_000, 2))
      >>> y = information_dropout(jax.random.key(0), x, alpha=jnp.array([0.25, 0.5]))
      >>> [f"{v:.2f}" for v in jnp.log(y).std(axis=0)]
      ['0.25', '0.50']

    References:
      A. Achille, S. Soatto, *Information dropout: learning optimal representations through noisy
      computation*, IEEE TPAMI 40(12), 2018, arXiv:1611.01353.
      No departure in the noise.
    """
    x = floating("information_dropout", "x", x)
    alpha = aligned("information_dropout", "alpha", alpha, x.shape)
    return _information_dropout(key, x, wide(alpha))


def information_kl(alpha: Float[Array, "*shape"], *, max_alpha: float) -> Float[Array, "*shape"]:
    """Returns the KL divergence from the log-uniform prior, minus its value at ``max_alpha``.

    This is ``log(max_alpha / alpha)``. The prior is improper (and scale-free, like the units of a
    ReLU network), so only differences have a meaning. It decreases in ``alpha``: noise is favoured.

    Args:
      alpha: Standard deviations of the noise's logarithm, in (0, max_alpha].
      max_alpha: The largest possible value, above 0.

    Returns:
      The divergence in nats per unit, at least 0.

    Raises:
      TypeError: If ``alpha`` is not floating point.
      ValueError: If ``max_alpha`` is not above 0.

    Example:
      >>> import jax.numpy as jnp
      >>> [f"{kl:.2f}" for kl in information_kl(jnp.array([0.07, 0.35, 0.7]), max_alpha=0.7)]
      ['2.30', '0.69', '0.00']

    References:
      A. Achille, S. Soatto, *Information dropout: learning optimal representations through noisy
      computation*, IEEE TPAMI 40(12), 2018, arXiv:1611.01353.
      In the paper the divergence of a unit at 0 is a constant; as in the authors' code, such units
      are treated like all others here.
    """
    alpha = floating("information_kl", "alpha", alpha)
    if not max_alpha > 0:
        raise ValueError(f"information_kl: max_alpha is {max_alpha}; allowed: above 0")
    return jnp.log(max_alpha / alpha)


@redraw
def _information_dropout(
    key: Key[Array, ""], x: Float[Array, "*shape"], alpha: Float[Array, "..."]
) -> Float[Array, "*shape"]:
    value = wide(x)
    noise = jnp.exp(alpha.astype(value.dtype) * _noise.normal(key, x.shape).astype(value.dtype))
    return (value * noise).astype(x.dtype)
