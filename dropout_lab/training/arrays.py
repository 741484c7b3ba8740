"""Arrays of examples: stored raw on the device, scaled and augmented in the compiled program."""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key, Num

from dropout_lab.data import LabelNoise, Split, steps_present

_PAD = 4


class Examples(NamedTuple):
    """Examples on the device, in the type of the data set; labels are correct, beside any noise."""

    images: Num[Array, "n *shape"]
    labels: Int[Array, "n *steps"]
    noise: LabelNoise | None = None


class Scaling(NamedTuple):
    """Affine scaling ``(x - shift) * scale``; shapes broadcast against one example."""

    shift: Float[Array, "*shape"]
    scale: Float[Array, "*shape"]


def to_device(split: Split) -> Examples:
    """Returns a split's arrays on the device, with correct labels."""
    return Examples(*jax.device_put((split.images, split.labels.astype(np.int32))))


def noisy_labels(hparams: dict[str, Any], examples: Examples) -> Int[Array, "n *steps"]:
    """Returns the labels with noise at the configured rate, if the examples have noise."""
    if examples.noise is None:
        return examples.labels
    wrong = examples.noise.threshold < hparams["data.label_noise"]
    return jnp.where(wrong, examples.noise.wrong, examples.labels)


def fit_scaling(kind: str, train: Split) -> Scaling:
    """Returns the scaling fitted to training examples.

    Args:
      kind: "unit" maps bytes to [0, 1] and leaves other types unchanged. "channel" and "feature"
        standardise each channel, or each element of an example, to mean 0 and variance 1; constant
        ones are only centred, and padded steps of sequences do not count.
      train: Training examples.
    """
    images = train.images
    if kind != "unit" and (present := steps_present(images)) is not None:
        return _sequence_scaling(kind, images, present)
    if kind == "unit":
        ones = (1,) * (images.ndim - 1)
        unit = 1 / 255 if images.dtype == np.uint8 else 1.0
        return _scaling(np.zeros(ones), np.full(ones, unit))
    axes = (0,) if kind == "feature" else tuple(range(images.ndim - 1))
    mean = images.mean(axes, np.float64, keepdims=True)[0]
    deviation = images.std(axes, np.float64, keepdims=True)[0]
    scale = 1 / np.where(deviation > 0, deviation, 1)
    return _scaling(mean, scale)


def _sequence_scaling(kind: str, images: np.ndarray, present: np.ndarray) -> Scaling:
    """Returns the scaling of feature sequences, some steps of which are padding."""
    if kind == "channel":
        values = images[present][
            None
        ]  # the same numbers in the same order, however long padding is
        axis = 1
    else:
        values, axis = np.where(present[..., None], images, np.nan), 0
    counts = np.isfinite(values).sum(axis)
    total = np.nansum(values, axis, np.float64)
    mean = total / np.maximum(counts, 1)
    squares = np.nansum((values - np.expand_dims(mean, axis)) ** 2, axis, np.float64)
    deviation = np.sqrt(squares / np.maximum(counts, 1))
    return _scaling(mean, 1 / np.where(deviation > 0, deviation, 1))


def _scaling(shift: np.ndarray, scale: np.ndarray) -> Scaling:
    return Scaling(*jax.device_put((shift.astype(np.float32), scale.astype(np.float32))))


def scaled(images: Num[Array, "n *shape"], scaling: Scaling) -> Float[Array, "n *shape"]:
    """Returns images scaled for the network; tokens stay as they are."""
    if jnp.issubdtype(images.dtype, jnp.signedinteger):
        return images
    return (images.astype(jnp.float32) - scaling.shift[None]) * scaling.scale[None]


def augmented(
    kind: str, rng_key: Key[Array, ""], images: Num[Array, "n *shape"]
) -> Num[Array, "n *shape"]:
    """Returns images with random data augmentation.

    Args:
      kind: "none" returns them unchanged. "crop_flip" pads each image with 4 zeros, crops it at
        random and mirrors it with probability 0.5.
      rng_key: PRNG key.
      images: Examples; for "crop_flip" of shape (n, height, width, channels).
    """
    if kind == "none":
        return images
    n, rows, cols, _ = images.shape
    padded = jnp.pad(images, ((0, 0), (_PAD, _PAD), (_PAD, _PAD), (0, 0)))
    offset_key, flip_key = jax.random.split(rng_key)
    offsets = jax.random.randint(offset_key, (n, 2), 0, 2 * _PAD + 1)
    flips = jax.random.bernoulli(flip_key, shape=(n,))

    def crop(image: Array, offset: Array, flip: Array) -> Array:
        down = offset[0] + jnp.arange(rows)
        across = offset[1] + jnp.arange(cols)
        across = jnp.where(flip, across[::-1], across)
        return image[down[:, None], across[None, :]]

    return jax.vmap(crop)(padded, offsets, flips)


def example_shape(split: Split) -> tuple[int, ...]:
    """Returns the shape of one example."""
    shape: tuple[Any, ...] = split.images.shape[1:]
    return shape


def by_lane(values: Any) -> list[float | None]:
    """Returns each lane's value, or None where it is not finite, which JSON cannot hold."""
    return [value if math.isfinite(value) else None for value in np.asarray(values).tolist()]
