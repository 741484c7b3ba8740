"""Fast dropout: Gaussian pre-activations with the moments of dropped inputs."""

from jaxtyping import Array, Float, Key

from dropout_lab.ops._common import Rate, checked_rate, wide
from dropout_lab.ops._dense import dense_arrays, gaussian_sample, product


def fast_dropout(
    key: Key[Array, ""],
    x: Float[Array, "*batch inputs"],
    *,
    rate: Rate,
    kernel: Float[Array, "inputs outputs"],
    bias: Float[Array, " outputs"] | None = None,
) -> Float[Array, "*batch outputs"]:
    """Draws a dense layer's pre-activations under dropout of its inputs, as if they were Gaussian.

    ``u = mu + s * e`` with ``e ~ N(0, 1)``, one per output, ``E[u] = mu = x @ kernel + bias`` and
    ``Var[u] = s**2 = (rate / (1 - rate)) * (x**2 @ kernel**2)``, the moments under inverted dropout
    of ``x``. A sum of many terms is close to Gaussian. Dropout correlates the outputs of an
    example; here they are drawn independently. At inference there is no noise.

    Args:
      key: PRNG key; use one key for one call.
      x: Floating-point inputs.
      rate: Probability of dropping an input, in [0, 1): a number, or a scalar array, which may be
        traced. The noise grows without bound towards 1, and a traced 1 counts as the largest
        float32 below. The derivative with respect to it is 0.
      kernel: Weights.
      bias: Biases, not dropped; None for none.

    Returns:
      The pre-activations, in the type of ``x``.

    Raises:
      ValueError: If ``rate`` is a number outside [0, 1), or shapes do not fit.
      TypeError: If ``x``, ``kernel`` or ``bias`` is not floating point.

    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> x, kernel = jnp.ones((50_000, 4)), jnp.ones((4, 1))
      >>> u = fast_dropout(jax.random.key(0), x, rate=0.5, kernel=kernel)
      >>> f"mean {u.mean():.1f}, variance {u.var():.1f}"
      'mean 4.0, variance 4.0'

    References:
      S. Wang, C. Manning, *Fast dropout training*, ICML 2013.
      The paper drops without scaling up, so that its mean is ``(1 - rate) * x @ kernel``.
    """
    x, kernel, bias = dense_arrays("fast_dropout", x, kernel, bias)
    rate = checked_rate("fast_dropout", rate)
    value = wide(x)
    spread = product(value**2, wide(kernel) ** 2, None)
    variance = (rate / (1 - rate)).astype(value.dtype) * spread
    return gaussian_sample(key, product(value, kernel, bias), variance).astype(x.dtype)
