"""Shared parts of the ops on dense layers: argument checks and Gaussian pre-activations."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from dropout_lab.ops import _noise
from dropout_lab.ops._common import floating, redraw, wide


def dense_arrays(
    op: str,
    x: Float[Array, "*batch inputs"],
    kernel: Float[Array, "inputs outputs"],
    bias: Float[Array, " outputs"] | None,
) -> tuple[Array, Array, Array | None]:
    """Returns JAX arrays for ``x @ kernel + bias``; raises unless that is defined.

    Args:
      op: The op's name, for error messages.
      x: Inputs.
      kernel: Weights.
      bias: Biases, or None.
    """
    x, kernel = floating(op, "x", x), floating(op, "kernel", kernel)
    if x.ndim < 1 or kernel.ndim != 2 or x.shape[-1] != kernel.shape[0]:
        raise ValueError(
            f"{op}: x has shape {x.shape} and kernel {kernel.shape}; allowed: "
            "(..., inputs) and (inputs, outputs)"
        )
    if bias is not None:
        bias = floating(op, "bias", bias)
        if bias.shape != kernel.shape[1:]:
            raise ValueError(f"{op}: bias has shape {bias.shape}; allowed: {kernel.shape[1:]}")
    return x, kernel, bias


def product(
    x: Float[Array, "*batch inputs"],
    kernel: Float[Array, "inputs outputs"],
    bias: Float[Array, " outputs"] | None,
) -> Float[Array, "*batch outputs"]:
    """Returns ``x @ kernel + bias`` in the type of ``x``."""
    y = x @ kernel.astype(x.dtype)
    if bias is None:
        return y
    return y + bias.astype(x.dtype).reshape((1,) * (y.ndim - 1) + bias.shape)


def local_sample(
    key: Key[Array, ""],
    x: Float[Array, "*batch inputs"],
    kernel: Float[Array, "inputs outputs"],
    bias: Float[Array, " outputs"] | None,
    variance: Float[Array, "inputs outputs"],
) -> Float[Array, "*batch outputs"]:
    """Returns pre-activations under weights of N(kernel, variance), by local reparametrisation.

    A sum of independent Gaussians is Gaussian, so one draw per output replaces one per weight.
    """
    value = wide(x)
    mean = product(value, kernel, bias)
    return gaussian_sample(key, mean, product(value**2, variance, None)).astype(x.dtype)


def gaussian_sample(
    key: Key[Array, ""], mean: Float[Array, "*shape"], variance: Float[Array, "*shape"]
) -> Float[Array, "*shape"]:
    """Draws from N(mean, variance), one draw per element; gradients flow to both.

    At a variance of 0 the derivative of its square root is taken as 0.

    Args:
      key: PRNG key; use one key for one call.
      mean: Floating-point array of any shape.
      variance: Variances, at least 0, of the same shape and type.

    Returns:
      An array like ``mean``.

    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> y = gaussian_sample(jax.random.key(0), jnp.ones(100_000), jnp.full(100_000, 4.0))
      >>> f"mean {y.mean():.1f}, variance {y.var():.1f}"
      'mean 1.0, variance 4.0'
    """
    return _sample(key, mean, safe_sqrt(variance))


def safe_sqrt(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Returns the square root, with a derivative of 0 (not infinity) at 0."""
    positive = x > 0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, x, 1)), 0)


@redraw
def _sample(
    key: Key[Array, ""], mean: Float[Array, "*shape"], scale: Float[Array, "*shape"]
) -> Float[Array, "*shape"]:
    noise = _noise.normal(key, mean.shape)
    value = wide(mean)
    return (value + wide(scale) * noise.astype(value.dtype)).astype(mean.dtype)
