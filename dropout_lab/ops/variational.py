"""Variational dropout: Gaussian noise whose variance is learnt."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from dropout_lab.ops._common import aligned, floating, wide
from dropout_lab.ops._dense import dense_arrays, local_sample
from dropout_lab.ops.gaussian import multiply_noise

_C1, _C2, _C3 = 1.16145124, -1.50204118, 0.58629921


def variational_dropout(
    key: Key[Array, ""], x: Float[Array, "*shape"], *, alpha: Float[Array, "..."]
) -> Float[Array, "*shape"]:
    """Multiplies units by Gaussian noise of learnt variance ``alpha`` (type A: correlated weights).

    ``y = x * (1 + sqrt(alpha) * e)`` with ``e ~ N(0, 1)``, so ``E[y] = x`` and
    ``Var[y] = alpha * x**2``. In front of a dense layer this is a posterior over its weights whose
    rows share a scale. ``alpha = rate / (1 - rate)`` has the variance of dropout. The extra loss is
    :func:`variational_kl`; at inference nothing is done.

    Args:
      key: PRNG key; use one key for one call.
      x: Floating-point array of any shape.
      alpha: Variance of the noise, in (0, 1] where the KL holds; any shape that broadcasts against
        ``x``. Gradients flow to it.

    Returns:
      An array like ``x``.

    Raises:
      TypeError: If ``x`` or ``alpha`` is not floating point.
      ValueError: If ``alpha`` does not broadcast against ``x``.

    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> x = jnp.ones((50_000, 2))
      >>> y = variational_dropout(jax.random.key(0), x, alpha=jnp.array([0.25, 1.0]))
      >>> [f"{v:.1f}" for v in y.std(axis=0)]
      ['0.5', '1.0']

    References:
      D. P. Kingma, T. Salimans, M. Welling, *Variational dropout and the local reparameterization
      trick*, NIPS 2015, arXiv:1506.02557.
      No departure in the noise; the paper clips ``alpha`` at 1, here the layer keeps it below.
    """
    x = floating("variational_dropout", "x", x)
    alpha = wide(aligned("variational_dropout", "alpha", alpha, x.shape))
    return multiply_noise(key, x, alpha)


def variational_weights(
    key: Key[Array, ""],
    x: Float[Array, "*batch inputs"],
    *,
    alpha: Float[Array, "..."],
    kernel: Float[Array, "inputs outputs"],
    bias: Float[Array, " outputs"] | None = None,
) -> Float[Array, "*batch outputs"]:
    """Multiplies by a kernel whose weights have Gaussian noise of learnt variance (type B).

    Weights ``w ~ N(kernel, alpha * kernel**2)``, independent, give ``u ~ N(x @ kernel + bias,
    x**2 @ (alpha * kernel**2))``, which is drawn directly: each example then has weights of its
    own (local reparametrisation). The extra loss is :func:`variational_kl` summed over weights; at
    inference there is no noise.

    Args:
      key: PRNG key; use one key for one call.
      x: Floating-point inputs.
      alpha: Variance of a weight in units of its square, in (0, 1] where the KL holds; any shape
        that broadcasts to that of ``kernel``. Gradients flow to it.
      kernel: Means of the weights.
      bias: Biases, without noise; None for none.

    Returns:
      The pre-activations, in the type of ``x``.

    Raises:
      TypeError: If ``x``, ``alpha``, ``kernel`` or ``bias`` is not floating point.
      ValueError: If shapes do not fit.

    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> x, kernel, alpha = jnp.ones((50_000, 2)), jnp.ones((2, 1)), jnp.float32(0.5)
      >>> u = variational_weights(jax.random.key(0), x, alpha=alpha, kernel=kernel)
      >>> f"mean {u.mean():.1f}, variance {u.var():.1f}"
      'mean 2.0, variance 1.0'

    References:
      D. P. Kingma, T. Salimans, M. Welling, *Variational dropout and the local reparameterization
      trick*, NIPS 2015, arXiv:1506.02557.
      No departure in the noise; the paper clips ``alpha`` at 1, here the layer keeps it below.
    """
    x, kernel, bias = dense_arrays("variational_weights", x, kernel, bias)
    alpha = aligned("variational_weights", "alpha", alpha, kernel.shape, onto="kernel")
    weights = wide(kernel)
    alpha = jnp.broadcast_to(jnp.asarray(alpha, weights.dtype), weights.shape)
    return local_sample(key, x, kernel, bias, alpha * weights**2)


def variational_kl(alpha: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Returns the KL divergence from the log-uniform prior, minus its value at ``alpha = 1``.

    ``-KL = 0.5 log(alpha) + c1 alpha + c2 alpha**2 + c3 alpha**3 + constant``. The prior is
    improper, so only differences have a meaning. It decreases in ``alpha``: noise is favoured.

    Args:
      alpha: Noise variances, in (0, 1].

    Returns:
      The divergence in nats per noise variable, at least 0.

    Example:
      >>> import jax.numpy as jnp
      >>> [f"{kl:.2f}" for kl in variational_kl(jnp.array([0.1, 0.5, 1.0]))]
      ['1.30', '0.31', '0.00']

    References:
      D. P. Kingma, T. Salimans, M. Welling, *Variational dropout and the local reparameterization
      trick*, NIPS 2015, arXiv:1506.02557.
      The paper leaves the constant open; here it makes the divergence vanish at 1.
    """
    polynomial = _C1 * alpha + _C2 * alpha**2 + _C3 * alpha**3
    return (_C1 + _C2 + _C3) - polynomial - 0.5 * jnp.log(alpha)
