"""Sparse variational dropout: Gaussian weights with learnt variances, most of them pruned."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from dropout_lab.ops._common import floating, wide
from dropout_lab.ops._dense import dense_arrays, local_sample

SPARSE_THRESHOLD = 3.0
"""The log of alpha above which a weight is only noise (a dropout rate of 0.95) and is pruned."""

_K1, _K2, _K3 = 0.63576, 1.87320, 1.48695
_CLIP = 8.0
_TINY = 1e-8


def sparse_variational_dropout(
    key: Key[Array, ""],
    x: Float[Array, "*batch inputs"],
    *,
    log_variance: Float[Array, "inputs outputs"],
    kernel: Float[Array, "inputs outputs"],
    bias: Float[Array, " outputs"] | None = None,
) -> Float[Array, "*batch outputs"]:
    """Multiplies by a kernel of Gaussian weights, each with its own variance.

    Weights ``w ~ N(kernel, exp(log_variance))``, independent, give ``u ~ N(x @ kernel + bias,
    x**2 @ exp(log_variance))``, which is drawn directly (local reparametrisation). Unlike a
    variance in units of ``kernel**2``, this parameter has a small gradient where a weight is small.
    The extra loss is :func:`sparse_kl`; at inference weights whose :func:`log_alpha` is above
    :data:`SPARSE_THRESHOLD` are 0.

    Args:
      key: PRNG key; use one key for one call.
      x: Floating-point inputs.
      log_variance: Logs of the weights' variances. Gradients flow to them.
      kernel: Means of the weights.
      bias: Biases, without noise; None for none.

    Returns:
      The pre-activations, in the type of ``x``.

    Raises:
      TypeError: If ``x``, ``log_variance``, ``kernel`` or ``bias`` is not floating point.
      ValueError: If shapes do not fit.

    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> x, kernel = jnp.ones((50_000, 2)), jnp.ones((2, 1))
      >>> u = sparse_variational_dropout(
      ...     jax.random.key(0), x, log_variance=jnp.zeros((2, 1)), kernel=kernel
      ... )
      >>> f"mean {u.mean():.1f}, variance {u.var():.1f}"
      'mean 2.0, variance 2.0'

    References:
      D. Molchanov, A. Ashukha, D. Vetrov, *Variational dropout sparsifies deep neural networks*,
      ICML 2017, arXiv:1701.05369.
      The authors' code clips ``log_alpha`` within 8 of 0 in the noise too; here only in the KL.
    """
    x, kernel, bias = dense_arrays("sparse_variational_dropout", x, kernel, bias)
    log_variance = floating("sparse_variational_dropout", "log_variance", log_variance)
    if log_variance.shape != kernel.shape:
        raise ValueError(
            f"sparse_variational_dropout: log_variance has shape {log_variance.shape}; allowed: "
            f"that of kernel, {kernel.shape}"
        )
    return local_sample(key, x, kernel, bias, jnp.exp(wide(log_variance)))


def log_alpha(
    log_variance: Float[Array, "*shape"], kernel: Float[Array, "*shape"]
) -> Float[Array, "*shape"]:
    """Returns each weight's ``log(variance / kernel**2)``, clipped to [-8, 8].

    Args:
      log_variance: Logs of the weights' variances.
      kernel: Means of the weights.

    Example:
      >>> import jax.numpy as jnp
      >>> log_alpha(jnp.zeros(3), jnp.array([1.0, 0.1, 0.0])).round(1).tolist()
      [0.0, 4.599999904632568, 8.0]

    References:
      D. Molchanov, A. Ashukha, D. Vetrov, *Variational dropout sparsifies deep neural networks*,
      ICML 2017, arXiv:1701.05369.
      The clipping, and 1e-8 added to the square, are those of the authors' code, which adds it in
      the noise of convolutions only.
    """
    return jnp.clip(log_variance - jnp.log(kernel**2 + _TINY), -_CLIP, _CLIP)


def sparse_kl(log_alpha: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Returns the KL divergence from the log-uniform prior, minus its limit for large alpha.

    ``KL = k1 * sigmoid(-k2 - k3 * log_alpha) + 0.5 * log(1 + 1 / alpha)``, which falls to 0 as
    alpha grows: a weight that is all noise costs nothing.

    Args:
      log_alpha: ``log(variance / kernel**2)`` of each weight, see :func:`log_alpha`.

    Returns:
      The divergence in nats per weight, at least 0.

    Example:
      >>> import jax.numpy as jnp
      >>> [f"{kl:.2f}" for kl in sparse_kl(jnp.array([-8.0, 0.0, 8.0]))]
      ['4.64', '0.43', '0.00']

    References:
      D. Molchanov, A. Ashukha, D. Vetrov, *Variational dropout sparsifies deep neural networks*,
      Equation 14, ICML 2017, arXiv:1701.05369.
      No departure; the constants are the paper's fit.
    """
    return _K1 * jax.nn.sigmoid(-_K2 - _K3 * log_alpha) + 0.5 * jax.nn.softplus(-log_alpha)
