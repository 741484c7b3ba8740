"""Data on the device: raw there, scaled and augmented inside the compiled program."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key, Num

from dropout_lab.data import Split

_PAD = 4


class Examples(NamedTuple):
    """Examples on the device, in the type they are stored in."""

    images: Num[Array, "n *shape"]
    labels: Int[Array, " n"]


class Scaling(NamedTuple):
    """What to subtract and multiply by; shapes broadcast against one example."""

    shift: Float[Array, "*shape"]
    scale: Float[Array, "*shape"]


def to_device(split: Split) -> Examples:
    """Returns a split's arrays on the device."""
    return Examples(*jax.device_put((split.images, split.labels.astype(np.int32))))


def fit_scaling(kind: str, train: Split) -> Scaling:
    """Returns the scaling that training examples ask for.

    Args:
      kind: "unit": bytes to [0, 1], other numbers as they are. "channel", "feature": to mean 0 and
        variance 1 over the training examples, for each channel or for each number of an example;
        what never varies is only centred.
      train: The examples to fit it on; nothing else is looked at.
    """
    images = train.images
    if kind == "unit":
        ones = (1,) * (images.ndim - 1)
        unit = 1 / 255 if images.dtype == np.uint8 else 1.0
        return _scaling(np.zeros(ones), np.full(ones, unit))
    axes = (0,) if kind == "feature" else tuple(range(images.ndim - 1))
    mean = images.mean(axes, np.float64, keepdims=True)[0]
    deviation = images.std(axes, np.float64, keepdims=True)[0]
    scale = 1 / np.where(deviation > 0, deviation, 1)
    return _scaling(mean, scale)


def _scaling(shift: np.ndarray, scale: np.ndarray) -> Scaling:
    return Scaling(*jax.device_put((shift.astype(np.float32), scale.astype(np.float32))))


def scaled(images: Num[Array, "n *shape"], scaling: Scaling) -> Float[Array, "n *shape"]:
    """Returns images as the network sees them."""
    return (images.astype(jnp.float32) - scaling.shift[None]) * scaling.scale[None]


def augmented(
    kind: str, key: Key[Array, ""], images: Num[Array, "n *shape"]
) -> Num[Array, "n *shape"]:
    """Returns images as training sees them.

    Args:
      kind: "none": as they are. "crop_flip": cropped at random after padding by 4 zeros, and each
        mirrored with probability one half.
      key: PRNG key.
      images: Examples; for "crop_flip" of shape (n, height, width, channels).
    """
    if kind == "none":
        return images
    n, rows, cols, _ = images.shape
    padded = jnp.pad(images, ((0, 0), (_PAD, _PAD), (_PAD, _PAD), (0, 0)))
    offset_key, flip_key = jax.random.split(key)
    offsets = jax.random.randint(offset_key, (n, 2), 0, 2 * _PAD + 1)
    flips = jax.random.bernoulli(flip_key, shape=(n,))

    def one(image: Array, offset: Array, flip: Array) -> Array:
        down = offset[0] + jnp.arange(rows)
        across = offset[1] + jnp.arange(cols)
        across = jnp.where(flip, across[::-1], across)
        return image[down[:, None], across[None, :]]

    return jax.vmap(one)(padded, offsets, flips)


def example_shape(split: Split) -> tuple[int, ...]:
    """Returns the shape of one example."""
    shape: tuple[Any, ...] = split.images.shape[1:]
    return shape
