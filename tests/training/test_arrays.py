import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dropout_lab.data import Split
from dropout_lab.training.arrays import (
    Examples,
    augmented,
    fit_scaling,
    scaled,
    to_device,
)

PAD = 4
OFFSETS = set(itertools.product(range(2 * PAD + 1), repeat=2))


def split_of(images, labels=None):
    return Split(images, np.zeros(len(images), np.int32) if labels is None else labels)


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (50, 5, 4, 3), np.uint8)


def test_device_keeps_the_stored_type(images):
    labels = np.arange(50, dtype=np.int32)
    examples = to_device(split_of(images, labels))
    assert isinstance(examples, Examples)
    assert examples.images.dtype == np.uint8
    np.testing.assert_array_equal(examples.images, images)
    np.testing.assert_array_equal(examples.labels, labels)


def test_unit_scaling_of_bytes_divides_by_255(images):
    actual = scaled(images, fit_scaling("unit", split_of(images)))
    assert actual.dtype == np.float32
    np.testing.assert_allclose(actual, images / 255, rtol=1e-6)


@pytest.mark.parametrize("shape", [(30, 7), (30, 5, 4, 3)])
def test_unit_scaling_leaves_other_numbers(shape):
    values = np.random.default_rng(1).normal(3, 9, shape).astype(np.float32)
    np.testing.assert_array_equal(scaled(values, fit_scaling("unit", split_of(values))), values)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize(("kind", "axes"), [("channel", (0, 1, 2)), ("feature", (0,))])
def test_standardised_training_data_has_mean_0_variance_1(images, kind, axes, dtype):
    train = images.astype(dtype)
    actual = np.asarray(scaled(train, fit_scaling(kind, split_of(train))), np.float64)
    np.testing.assert_allclose(actual.mean(axes), 0, atol=1e-5)
    np.testing.assert_allclose(actual.var(axes), 1, rtol=1e-5)


@pytest.mark.parametrize("kind", ["channel", "feature"])
def test_other_data_is_scaled_by_the_training_data(images, kind):
    train, test = images[:30].astype(np.float64), images[30:]
    axes = (0, 1, 2) if kind == "channel" else (0,)
    expected = (test - train.mean(axes)) / train.std(axes)
    actual = scaled(test, fit_scaling(kind, split_of(images[:30])))
    np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["channel", "feature"])
@pytest.mark.parametrize(("dtype", "value"), [(np.uint8, 77), (np.float32, 0.1)])
def test_constants_are_only_centred(kind, dtype, value):
    train = np.full((37, 2, 2, 1), value, dtype)
    scaling = fit_scaling(kind, split_of(train))
    np.testing.assert_allclose(scaled(jnp.asarray(train), scaling), 0, atol=1e-7)
    np.testing.assert_allclose(scaled(jnp.asarray(train + 1), scaling), 1, rtol=1e-6)


def windows(image):
    """Returns every window of the padded image, and its mirror, as bytes."""
    rows, cols, _ = image.shape
    padded = np.pad(image, ((PAD, PAD), (PAD, PAD), (0, 0)))
    known = {}
    for down, across in OFFSETS:
        window = padded[down : down + rows, across : across + cols]
        known[window.tobytes()] = (down, across, False)
        known[window[:, ::-1].tobytes()] = (down, across, True)
    return known


crop_flip = jax.jit(functools.partial(augmented, "crop_flip"))


def test_no_augmentation_returns_the_images(key, images):
    assert augmented("none", key, images) is images


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_every_crop_is_a_window_of_its_own_image_or_the_mirror_of_one(key, dtype):
    images = np.random.default_rng(2).integers(1, 256, (40, 6, 5, 2)).astype(dtype)
    crops = np.asarray(crop_flip(key, images))
    assert (crops.shape, crops.dtype) == (images.shape, images.dtype)
    for crop, image in zip(crops, images, strict=True):
        assert crop.tobytes() in windows(image)


def test_crops_use_every_offset_and_mirror_half(key):
    """2,000 of one image: 162 equally likely outcomes, all seen; the mirrored half at 4 sigma."""
    image = np.random.default_rng(3).integers(1, 256, (6, 5, 2), np.uint8)
    crops = np.asarray(crop_flip(key, np.broadcast_to(image, (2000, *image.shape))))
    known = windows(image)
    drawn = [known[crop.tobytes()] for crop in crops]
    assert {(down, across) for down, across, _ in drawn} == OFFSETS
    assert abs(sum(flip for *_, flip in drawn) - 1000) < 4 * np.sqrt(2000 / 4)


def test_crops_depend_on_the_key_alone(key, images):
    first = crop_flip(key, images)
    np.testing.assert_array_equal(first, crop_flip(key, images))
    other = crop_flip(jax.random.key(1), images)
    assert (np.asarray(first) != np.asarray(other)).any(axis=(1, 2, 3)).mean() > 0.9
