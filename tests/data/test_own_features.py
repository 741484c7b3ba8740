"""Features of any numeric type and layout."""

import re

import numpy as np
import pytest

from dropout_lab.data.own import features
from dropout_lab.errors import InputError


def _convert(*arrays):
    named = {f"x_{number}": array for number, array in enumerate(arrays)}
    converted, notes = features.convert("own.npz", named)
    return [converted[name] for name in named], notes


def _pixels(shape=(5, 6, 6, 1), dtype=np.int64, high=256):
    return np.random.default_rng(0).integers(0, high, shape).astype(dtype)


@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.uint16, np.float32, np.float64])
def test_pixels_of_any_type_become_bytes(dtype):
    array = _pixels(dtype=dtype)
    [converted], [note] = _convert(array)
    assert converted.dtype == np.uint8
    np.testing.assert_array_equal(converted, array)
    assert re.fullmatch(
        rf"{np.dtype(dtype)} values, whole numbers in \d+\.\.\d+, became bytes", note
    )


def test_pixels_between_whole_numbers_are_divided_by_255():
    array = _pixels(dtype=np.float64) * 0.99
    [converted], notes = _convert(array)
    assert converted.dtype == np.float32
    np.testing.assert_allclose(converted, array / 255, rtol=1e-6)
    assert notes == [f"float64 values in {array.min():g}..{array.max():g} were divided by 255"]


@pytest.mark.parametrize(
    ("array", "noted"),
    [
        (np.linspace(0, 1, 60).reshape(5, 12), False),
        (np.linspace(-1, 1, 60, dtype=np.float32).reshape(5, 4, 3, 1), False),
        (np.linspace(0, 250, 60).reshape(5, 12), False),  # a table's column, perhaps
        (np.arange(60, dtype=np.float16).reshape(5, 12), False),
        (np.arange(-30, 30).reshape(5, 12), True),
        (np.arange(5000).reshape(5, 1000), True),
        (np.arange(60).reshape(5, 12) % 2, True),
        (np.arange(60).reshape(5, 12) % 2 == 0, True),
    ],
    ids=lambda value: f"{value.dtype} {value.max():g}" if isinstance(value, np.ndarray) else "",
)
def test_other_numbers_become_float32_as_they_are(array, noted):
    [converted], notes = _convert(array)
    assert converted.dtype == np.float32
    np.testing.assert_array_equal(converted, array.astype(np.float32))
    assert bool(notes) == noted


@pytest.mark.parametrize(
    ("shape", "became"),
    [
        ((5, 6, 8), (5, 6, 8, 1)),
        ((5, 3, 6, 8), (5, 6, 8, 3)),
        ((5, 1, 6, 8), (5, 6, 8, 1)),
        ((5, 6, 8, 3), (5, 6, 8, 3)),
        ((5, 3, 6, 3), (5, 3, 6, 3)),
        ((5, 12), (5, 12)),
    ],
    ids=str,
)
def test_images_become_height_width_channels(shape, became):
    array = _pixels(shape, np.uint8)
    [converted], notes = _convert(array)
    assert converted.shape == became
    assert bool(notes) == (shape != became)
    expected = np.moveaxis(array, 1, -1) if shape[1] in (1, 3) and became != shape else array
    np.testing.assert_array_equal(converted, expected.reshape(became))


def test_dark_bytes_are_noted():
    _, notes = _convert(_pixels(dtype=np.uint8, high=17))
    assert notes == ["bytes in 0..16: scaling 'unit' divides by 255, so 0.063 is left"]


def test_parts_are_converted_alike():
    one, other = _pixels(), _pixels(high=50)
    converted, _ = _convert(one, other)
    assert [array.dtype for array in converted] == [np.uint8, np.uint8]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ([np.full((3, 4), np.nan)], "x_0 has 12 values .* first in example 0: NaN, .* drop"),
        ([np.full((3, 4), 1e300)], "x_0 has 12 values that are not finite"),
        ([np.ones((3, 4), complex)], "x_0 is complex128; must be numbers; save real"),
        ([np.array([["a"]])], "x_0 is <U1; must be numbers; encode text"),
        ([np.array([["2020-01-01"]], "datetime64[D]")], "x_0 is datetime64.*; save dates"),
        ([np.full((3, 4), 2**40)], "int64 values in .* not exact as float32"),
        ([np.ones(3)], r"x_0 has shape \(3,\).* a single feature has shape \(3, 1\)"),
        ([np.ones((3, 4)), np.ones((3, 5))], r"x_0 has examples of shape \(4,\), x_1 of \(5,\)"),
        ([-np.ones((3, 4)), np.ones((3, 4), np.uint8)], "x_0 is float64 but x_1 is uint8; save"),
        (
            [_pixels(), _pixels() / 255],
            "x_0 in .*, x_1 in .*; scale all parts alike",
        ),
    ],
    ids=range(10),
)
def test_bad_arrays_are_refused(arrays, message):
    with pytest.raises(InputError, match=f"^own.npz: {message}") as caught:
        _convert(*arrays)
    assert "\n" not in str(caught.value)
