"""DropConnect: dropout of weights, and the moments that its inference draws from."""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P
from jaxtyping import Array, Float, Key

from dropout_lab.ops import _noise
from dropout_lab.ops._common import Rate, checked_rate, redraw, select, wide
from dropout_lab.ops._dense import dense_arrays, product
from dropout_lab.ops.moments import Gaussian


def drop_connect(
    key: Key[Array, ""],
    x: Float[Array, "*batch inputs"],
    *,
    rate: Rate,
    kernel: Float[Array, "inputs outputs"],
    bias: Float[Array, " outputs"] | None = None,
    per_example: bool = True,
) -> Float[Array, "*batch outputs"]:
    """Multiplies by a kernel whose weights are dropped with probability ``rate``.

    ``u = x @ (M * kernel) / (1 - rate) + (m * bias) / (1 - rate)`` with ``M, m ~
    Bernoulli(1 - rate)``, so ``E[u] = x @ kernel + bias`` and ``Var[u] = (rate / (1 - rate)) *
    (x**2 @ kernel**2 + bias**2)``. The masks of one example are drawn, used and discarded before
    the next example's, so memory does not grow with the batch.

    Args:
      key: PRNG key; use one key for one call.
      x: Floating-point inputs.
      rate: Probability of dropping a weight, in [0, 1]: a number, or a scalar array, which may be
        traced. At 1 the output and its gradient are 0. The derivative with respect to it is 0.
      kernel: Weights.
      bias: Biases, dropped like weights; None for none.
      per_example: Whether each example draws its own masks, as in the paper, or all share one.

    Returns:
      The pre-activations, in the type of ``x``.

    Raises:
      ValueError: If ``rate`` is a number outside [0, 1], or shapes do not fit.
      TypeError: If ``x``, ``kernel`` or ``bias`` is not floating point.

    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> kernel = jnp.ones((1, 8))
      >>> u = drop_connect(jax.random.key(0), jnp.ones((4, 1)), rate=0.5, kernel=kernel)
      >>> u.shape, sorted(set(u.ravel().tolist()))
      ((4, 8), [0.0, 2.0])

    References:
      L. Wan, M. Zeiler, S. Zhang, Y. LeCun, R. Fergus, *Regularization of neural networks using
      DropConnect*, ICML 2013.
      The paper does not divide by the keep probability in training; dividing there makes the mean
      network the plain layer.
    """
    x, kernel, bias = dense_arrays("drop_connect", x, kernel, bias)
    if bias is not None:
        # A bias is the weight of an input that is always 1: one mask then covers both.
        kernel = jnp.concatenate([kernel, bias[None].astype(kernel.dtype)])
        x = jnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, 1)], constant_values=1)
    rate = checked_rate("drop_connect", rate)
    if not per_example:
        return _masked_product(key, x, kernel, rate)
    rows = x.reshape(math.prod(x.shape[:-1]), x.shape[-1])
    keys = jax.random.split(key, rows.shape[0])
    # The backward pass adds the examples' gradients one by one, in the type of the weights; a sum
    # in bfloat16 would soon stop growing.
    weights = wide(kernel)
    outputs = _by_shard(_mapped, keys, rows, weights, rate)
    return outputs.reshape(*x.shape[:-1], kernel.shape[-1])


def drop_connect_moments(
    x: Float[Array, "*batch inputs"],
    *,
    rate: Rate,
    kernel: Float[Array, "inputs outputs"],
    bias: Float[Array, " outputs"] | None = None,
) -> Gaussian:
    """Returns the mean and variance of :func:`drop_connect`'s pre-activations over its masks.

    The means are ``x @ kernel + bias``, the variances ``(rate / (1 - rate)) * (x**2 @ kernel**2 +
    bias**2)``. The paper's inference averages the activations over draws of these Gaussians.

    Args:
      x: Floating-point inputs.
      rate: Probability of dropping a weight, in [0, 1]: a number, or a scalar array, which may be
        traced. At 1 both moments are 0. The derivative with respect to it is 0.
      kernel: Weights.
      bias: Biases, dropped like weights; None for none.

    Returns:
      The moments, means in the type of ``x``.

    Raises:
      ValueError: If ``rate`` is a number outside [0, 1], or shapes do not fit.
      TypeError: If ``x``, ``kernel`` or ``bias`` is not floating point.

    Example:
      >>> import jax.numpy as jnp
      >>> u = drop_connect_moments(jnp.ones(2), rate=0.5, kernel=jnp.ones((2, 1)))
      >>> float(u.mean[0]), float(u.variance[0])
      (2.0, 2.0)

    References:
      L. Wan, M. Zeiler, S. Zhang, Y. LeCun, R. Fergus, *Regularization of neural networks using
      DropConnect*, ICML 2013.
      The paper does not scale weights up; the factor of its variance is ``rate * (1 - rate)``.
    """
    x, kernel, bias = dense_arrays("drop_connect_moments", x, kernel, bias)
    rate = checked_rate("drop_connect_moments", rate)
    value = wide(x)
    mean = product(value, kernel, bias)
    squares = product(value**2, wide(kernel) ** 2, None if bias is None else wide(bias) ** 2)
    variance = (rate / jnp.where(rate < 1, 1 - rate, 1)).astype(value.dtype) * squares
    kept = jnp.broadcast_to(rate < 1, mean.shape)
    return Gaussian(select(kept, mean).astype(x.dtype), select(kept, variance))


def _mapped(
    keys: Key[Array, " n"],
    rows: Float[Array, "n inputs"],
    weights: Float[Array, "inputs outputs"],
    rate: Float[Array, ""],
) -> Float[Array, "n outputs"]:
    return lax.map(lambda row: redraw(_masked_sum)(*row, weights, rate), (keys, rows))


def _by_shard(
    function: Callable[..., Array], keys: Key[Array, " n"], rows: Array, *shared: Array
) -> Array:
    """Calls a function that maps over ``rows``, on each shard of an explicitly sharded batch."""
    sharding = jax.typeof(rows).sharding
    batch = sharding.spec[0] if sharding.spec else None
    if batch is None:
        return function(keys, rows, *shared)
    specs = (P(batch), P(batch), *(P() for _ in shared))
    placed = (
        jax.sharding.reshard(value, NamedSharding(sharding.mesh, spec))
        for value, spec in zip((keys, rows, *shared), specs, strict=True)
    )
    return jax.shard_map(function, mesh=sharding.mesh, in_specs=specs, out_specs=P(batch))(*placed)


@redraw
def _masked_product(
    key: Key[Array, ""],
    x: Float[Array, "*batch inputs"],
    kernel: Float[Array, "inputs outputs"],
    rate: Float[Array, ""],
) -> Float[Array, "*batch outputs"]:
    return x @ _masked(key, kernel, rate).astype(x.dtype)


# For one example a matrix product would write the masked kernel to memory and read it back, while a
# sum draws and uses the noise in one loop. For the gradient of x the product is faster, as the sum
# would be over the kernel's last axis. The derivative therefore has one term of each form.
@jax.custom_jvp
def _masked_sum(
    key: Key[Array, ""],
    x: Float[Array, " inputs"],
    kernel: Float[Array, "inputs outputs"],
    rate: Float[Array, ""],
) -> Float[Array, " outputs"]:
    return _weighted_rows(x, _masked(key, kernel, rate))


@_masked_sum.defjvp
def _masked_sum_jvp(primals: tuple[Array, ...], tangents: tuple[Array, ...]) -> tuple[Array, Array]:
    key, x, kernel, rate = primals
    _, x_tangent, kernel_tangent, _ = tangents
    along_x = x_tangent @ _masked(key, kernel, rate).astype(x.dtype)
    along_kernel = _weighted_rows(x, _masked(key, kernel_tangent, rate))
    return _masked_sum(*primals), along_x + along_kernel


def _weighted_rows(
    x: Float[Array, " inputs"], kernel: Float[Array, "inputs outputs"]
) -> Float[Array, " outputs"]:
    return (kernel * x[:, None].astype(kernel.dtype)).sum(axis=0).astype(x.dtype)


def _masked(
    key: Key[Array, ""], kernel: Float[Array, "inputs outputs"], rate: Float[Array, ""]
) -> Float[Array, "inputs outputs"]:
    """Returns the kernel with weights dropped, at least in float32."""
    return select(_noise.keep_mask(key, rate, kernel.shape), wide(kernel), rate)
