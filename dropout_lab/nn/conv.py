"""Convolution and max-pooling whose gradients are fast inside a loop on CPU.

XLA's CPU backend computes a convolution's weight gradient tens of times slower inside a
``while`` loop (and so inside ``lax.scan``) than outside, and the gradient of ``reduce_window`` by
slow select-and-scatter. On CPU a convolution is therefore a matrix product of patches; the gradient
of pooling is written out. Other backends run the plain convolution; tests compare with the plain
forms.
"""

from functools import partial
from typing import Literal

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

_LAYOUT = ("NHWC", "HWIO", "NHWC")
_CACHED = 2**20  # numbers: 4 MB in float32; half and twice as many are slower

Padding = tuple[tuple[int, int], tuple[int, int]]
Edges = Literal["same", "valid"]
"""A convolution's treatment of edges: zero padding that keeps the size, or no padding."""


def conv(
    x: Float[Array, "n h w i"],
    kernel: Float[Array, "a b i o"],
    *,
    stride: int = 1,
    padding: Edges = "same",
) -> Float[Array, "n p q o"]:
    """Returns the 2-D convolution (cross-correlation) of ``x``.

    Its gradient, like that of :func:`max_pool`, can be differentiated in reverse mode only.

    Args:
      x: Images, channels last.
      kernel: Filters.
      stride: Step in both directions, at least 1.
      padding: "same", with zeros: ``p = h / stride``; or "valid": ``p = (h - a + 1) / stride``.

    Raises:
      ValueError: If ``padding`` is anything else.
    """
    if padding not in ("same", "valid"):
        raise ValueError(f"conv: padding is {padding!r}; allowed: 'same', 'valid'")
    if padding == "valid":
        return _conv(x, kernel, stride, ((0, 0), (0, 0)))
    return _conv(x, kernel, stride, _same_padding(x.shape[1:3], kernel.shape[:2], stride))


def plain_conv(
    x: Float[Array, "n h w i"], kernel: Float[Array, "a b i o"], stride: int, padding: Padding
) -> Float[Array, "n p q o"]:
    """Returns the same convolution, computed by XLA."""
    return lax.conv_general_dilated(x, kernel, (stride, stride), padding, dimension_numbers=_LAYOUT)


def patch_conv(
    x: Float[Array, "n h w i"], kernel: Float[Array, "a b i o"], stride: int, padding: Padding
) -> Float[Array, "n p q o"]:
    """Returns the same convolution as one matrix product per small group of images.

    Patches overlap and are many times as large as their images; those of a group stay in cache.
    """
    product = partial(_patch_product, kernel=kernel, stride=stride, padding=padding)
    y = lax.map(product, _few_at_once(x, x, kernel, stride))
    return y.reshape(-1, *y.shape[2:])


@partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def _conv(
    x: Float[Array, "n h w i"], kernel: Float[Array, "a b i o"], stride: int, padding: Padding
) -> Float[Array, "n p q o"]:
    return lax.platform_dependent(
        x,
        kernel,
        cpu=partial(patch_conv, stride=stride, padding=padding),
        default=partial(plain_conv, stride=stride, padding=padding),
    )


def _conv_fwd(
    x: Array, kernel: Array, stride: int, padding: Padding
) -> tuple[Array, tuple[Array, Array]]:
    return _conv(x, kernel, stride, padding), (x, kernel)


def _conv_bwd(
    stride: int, padding: Padding, residuals: tuple[Array, Array], g: Array
) -> tuple[Array, Array]:
    return lax.platform_dependent(
        *residuals,
        g,
        cpu=partial(_patch_gradients, stride=stride, padding=padding),
        default=partial(_plain_gradients, stride=stride, padding=padding),
    )


_conv.defvjp(_conv_fwd, _conv_bwd)


def _patch_gradients(
    x: Array, kernel: Array, g: Array, *, stride: int, padding: Padding
) -> tuple[Array, Array]:
    product = partial(_patch_product, stride=stride, padding=padding)

    def few(total: Array, images: tuple[Array, ...]) -> tuple[Array, Array]:
        dx, dkernel = jax.vjp(product, images[0], kernel)[1](images[1])
        return total + dkernel, dx

    chunks = tuple(_few_at_once(images, x, kernel, stride) for images in (x, g))
    zero = jnp.zeros(kernel.shape, jnp.promote_types(kernel.dtype, jnp.float32))
    dkernel, dx = lax.scan(few, zero, chunks)
    return dx.reshape(x.shape), dkernel.astype(kernel.dtype)


# Written out because JAX 0.7.2 cannot batch its own convolution's gradients.
def _plain_gradients(
    x: Array, kernel: Array, g: Array, *, stride: int, padding: Padding
) -> tuple[Array, Array]:
    outer, inner = [], []
    for axis, (low, _) in enumerate(padding):
        reach, pixels = kernel.shape[axis] - 1, x.shape[1 + axis]
        spread = stride * (g.shape[1 + axis] - 1) + 1
        outer.append((reach - low, pixels + low - spread))
        inner.append((low, reach + spread - pixels - low))
    flipped = kernel[::-1, ::-1].swapaxes(2, 3)
    apart = (stride, stride)
    dx = lax.conv_general_dilated(
        g, flipped, (1, 1), outer, lhs_dilation=apart, dimension_numbers=_LAYOUT
    )
    # The kernel's gradient sums over the batch.
    dkernel = lax.conv_general_dilated(
        x, g, (1, 1), inner, rhs_dilation=apart, dimension_numbers=("CHWN", "IHWO", "HWNC")
    )
    return dx, dkernel


def _few_at_once(
    images: Float[Array, "n ..."], x: Float[Array, "n h w i"], kernel: Array, stride: int
) -> Float[Array, "chunks few ..."]:
    """Returns images in equal groups, for patches of ``x`` that stay in cache."""
    n, h, w, _ = x.shape
    size = h * w * kernel[..., 0].size // stride**2  # of one image's patches
    fitting = (m for m in range(n, 0, -1) if n % m == 0 and m * size <= max(_CACHED, size))
    few = next(fitting, 1)  # none of an empty batch
    return images.reshape(n // few, few, *images.shape[1:])


def _patch_product(
    x: Float[Array, "n h w i"], kernel: Float[Array, "a b i o"], stride: int, padding: Padding
) -> Float[Array, "n p q o"]:
    high, wide, _, channels = kernel.shape
    padded = jnp.pad(x, ((0, 0), *padding, (0, 0)))
    ends = padded.shape[1] - high + 1, padded.shape[2] - wide + 1
    taps = [
        padded[:, a : a + ends[0] : stride, b : b + ends[1] : stride]
        for a in range(high)
        for b in range(wide)
    ]
    patches = jnp.concatenate(taps, axis=-1)
    y = patches.reshape(-1, patches.shape[-1]) @ kernel.reshape(-1, channels)
    return y.reshape(*patches.shape[:-1], channels)


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
