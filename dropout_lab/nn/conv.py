"""Convolution and max-pooling with gradients that stay fast inside a loop on CPU.

XLA's CPU backend computes a convolution's weight gradient tens of times slower inside a
``while`` loop (and so inside ``lax.scan``) than outside, and the gradient of ``reduce_window`` by
select-and-scatter. Both are written out here with operations that do not have the problem. The
plain forms beside them are what tests compare with, and what other backends run.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

_LAYOUT = ("NHWC", "HWIO", "NHWC")

Padding = tuple[tuple[int, int], tuple[int, int]]


def conv(
    x: Float[Array, "n h w i"],
    kernel: Float[Array, "a b i o"],
    *,
    stride: int = 1,
) -> Float[Array, "n p q o"]:
    """Returns the 2-D convolution (cross-correlation) of ``x``, zero-padded: ``p = h/stride``.

    Args:
      x: Images, channels last.
      kernel: Filters.
      stride: Step in both directions, at least 1.
    """
    padding = _same_padding(x.shape[1:3], kernel.shape[:2], stride)
    return _conv(x, kernel, stride, padding)


def plain_conv(
    x: Float[Array, "n h w i"], kernel: Float[Array, "a b i o"], stride: int, padding: Padding
) -> Float[Array, "n p q o"]:
    """Returns the same convolution with JAX's own gradients."""
    return lax.conv_general_dilated(x, kernel, (stride, stride), padding, dimension_numbers=_LAYOUT)


@partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def _conv(
    x: Float[Array, "n h w i"], kernel: Float[Array, "a b i o"], stride: int, padding: Padding
) -> Float[Array, "n p q o"]:
    return plain_conv(x, kernel, stride, padding)


def _conv_fwd(
    x: Array, kernel: Array, stride: int, padding: Padding
) -> tuple[Array, tuple[Array, Array]]:
    return plain_conv(x, kernel, stride, padding), (x, kernel)


def _conv_bwd(
    stride: int, padding: Padding, residuals: tuple[Array, Array], g: Array
) -> tuple[Array, Array]:
    x, kernel = residuals
    dx = _input_gradient(g, kernel, x.shape, stride, padding)
    dkernel = lax.platform_dependent(
        x,
        g,
        cpu=partial(_kernel_gradient_by_taps, size=kernel.shape, stride=stride, padding=padding),
        default=partial(_kernel_gradient, kernel=kernel, stride=stride, padding=padding),
    )
    return dx, dkernel


_conv.defvjp(_conv_fwd, _conv_bwd)


def _input_gradient(
    g: Array, kernel: Array, shape: tuple[int, ...], stride: int, padding: Padding
) -> Array:
    """Returns the convolution of ``g``, spread out by the stride, with the flipped kernel."""
    flipped = kernel[::-1, ::-1].swapaxes(2, 3)
    edges = []
    for axis in (0, 1):
        reach = kernel.shape[axis] - 1
        spread = stride * (g.shape[1 + axis] - 1) + 1
        low = reach - padding[axis][0]
        edges.append((low, shape[1 + axis] + reach - spread - low))
    return lax.conv_general_dilated(
        g, flipped, (1, 1), edges, lhs_dilation=(stride, stride), dimension_numbers=_LAYOUT
    )


def _kernel_gradient(x: Array, g: Array, kernel: Array, stride: int, padding: Padding) -> Array:
    pullback = jax.vjp(lambda k: plain_conv(x, k, stride, padding), kernel)[1]
    return pullback(g)[0]


def _kernel_gradient_by_taps(
    x: Array, g: Array, size: tuple[int, ...], stride: int, padding: Padding
) -> Array:
    """Returns the weight gradient as one matrix product per position in the kernel."""
    padded = jnp.pad(x, ((0, 0), *padding, (0, 0)))
    rows, cols = (stride * (n - 1) + 1 for n in g.shape[1:3])

    def tap(a: int, b: int) -> Array:
        window = padded[:, a : a + rows : stride, b : b + cols : stride]
        return jnp.einsum("nhwi,nhwo->io", window, g, preferred_element_type=g.dtype)

    return jnp.stack([jnp.stack([tap(a, b) for b in range(size[1])]) for a in range(size[0])])


def _same_padding(image: tuple[int, ...], size: tuple[int, ...], stride: int) -> Padding:
    """Returns TensorFlow's SAME padding: the odd zero goes after."""
    edges = []
    for pixels, taps in zip(image, size, strict=True):
        total = max((-(-pixels // stride) - 1) * stride + taps - pixels, 0)
        edges.append((total // 2, total - total // 2))
    return edges[0], edges[1]


def max_pool(x: Float[Array, "n h w c"], window: int) -> Float[Array, "n p q c"]:
    """Returns the maximum of each ``window`` by ``window`` block; an incomplete edge is left out.

    The gradient goes to the first maximum of a block, as select-and-scatter's does.
    """
    return _max_pool(_whole_blocks(x, window), window)


def plain_max_pool(x: Float[Array, "n h w c"], window: int) -> Float[Array, "n p q c"]:
    """Returns the same maxima with JAX's own gradient."""
    area = (1, window, window, 1)
    return lax.reduce_window(x, -jnp.inf, lax.max, area, area, "VALID")


def _whole_blocks(x: Array, window: int) -> Array:
    rows, cols = (n - n % window for n in x.shape[1:3])
    return x[:, :rows, :cols]


def _blocks(x: Array, window: int) -> list[Array]:
    """Returns the ``window**2`` interleaved sub-images, in row-major order of their offsets."""
    offsets = [(a, b) for a in range(window) for b in range(window)]
    return [x[:, a::window, b::window] for a, b in offsets]


@partial(jax.custom_vjp, nondiff_argnums=(1,))
def _max_pool(x: Array, window: int) -> Array:
    return plain_max_pool(x, window)


def _max_pool_fwd(x: Array, window: int) -> tuple[Array, tuple[Array, Array]]:
    y = plain_max_pool(x, window)
    return y, (x, y)


def _max_pool_bwd(window: int, residuals: tuple[Array, Array], g: Array) -> tuple[Array]:
    x, y = residuals
    taken = jnp.zeros(y.shape, bool)
    parts = []
    for block in _blocks(x, window):
        hit = (block == y) & ~taken
        taken |= hit
        parts.append(jnp.where(hit, g, 0))
    n, p, q, c = y.shape
    grid = jnp.stack(parts, axis=3).reshape(n, p, q, window, window, c)
    return (grid.transpose(0, 1, 3, 2, 4, 5).reshape(x.shape),)


_max_pool.defvjp(_max_pool_fwd, _max_pool_bwd)
