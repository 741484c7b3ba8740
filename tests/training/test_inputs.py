"""Examples to predict from: what is taken as it is, what is brought back, what is refused."""

import numpy as np
import pandas as pd
import pytest

from dropout_lab.errors import InputError
from dropout_lab.training.inputs import Inputs

SHAPE = (2, 2, 1)
BYTES = Inputs.of({"name": "mnist", "shape": SHAPE}, np.float32(1 / 255))
FLOATS = Inputs.of({"name": "npz", "shape": SHAPE, "range": [0.0, 1.0]}, np.float32(1))
IMAGES = np.random.default_rng(0).integers(0, 256, (3, *SHAPE)).astype(np.uint8)


@pytest.mark.parametrize(
    "x",
    [
        IMAGES,
        IMAGES.astype(np.int64),
        IMAGES.astype(np.float64),
        IMAGES / 255,
        (IMAGES / 255).astype(np.float32),
        IMAGES.tolist(),
    ],
    ids=["bytes", "int64", "float64", "scaled", "scaled float32", "list"],
)
def test_bytes_may_be_given_in_other_types_and_scaled(x):
    np.testing.assert_allclose(BYTES.checked(x), IMAGES, atol=1e-4)


def test_columns_of_a_data_frame_are_taken_by_name():
    data = {"name": "table", "shape": [2], "range": [0.0, 9.0], "columns": ["a", "b"]}
    inputs = Inputs.of(data, np.float32(1))
    frame = pd.DataFrame({"b": [1.5, 2.5], "label": ["x", "y"], "a": [3.0, 4.0]})
    np.testing.assert_array_equal(inputs.checked(frame), [[3.0, 1.5], [4.0, 2.5]])
    np.testing.assert_array_equal(inputs.checked(frame[["a", "b"]].to_numpy())[0], [3.0, 1.5])
    with pytest.raises(InputError, match="x has no column 'b'; allowed: a table with a, b, in any"):
        inputs.checked(frame[["a", "label"]])


def test_a_record_of_older_code_tells_bytes_by_their_scale():
    data = {"name": "npz", "shape": SHAPE}
    np.testing.assert_allclose(Inputs.of(data, np.float32(1 / 255)).checked(IMAGES / 255), IMAGES)
    assert Inputs.of(data, np.float32(1)).checked(IMAGES / 255).max() <= 1


@pytest.mark.parametrize(
    ("inputs", "x", "message"),
    [
        (BYTES, IMAGES / 127.5 - 1, r"x has values from -.* to .*bytes.*; allowed: values from 0"),
        (BYTES, IMAGES * 2.0, r"x has values from .*bytes and scales them itself; allowed"),
        (BYTES, IMAGES.astype(np.int64) - 256, r"x has values from -2"),
        (FLOATS, IMAGES, r"trained on values from 0 to 1; allowed: such values; bytes: x / 255"),
        (BYTES, np.full((1, *SHAPE), np.nan), r"x holds values that are not finite"),
        (BYTES, np.full((1, *SHAPE), "a"), r"x is of type <U1; allowed: numbers"),
        (BYTES, IMAGES[0], r"x has shape \(2, 2, 1\); allowed: \(n, 2, 2, 1\).*: x\[None\]"),
        (BYTES, IMAGES[..., 0], r"x has shape \(3, 2, 2\); .* last axis: x\[\.\.\., None\]"),
        (BYTES, IMAGES[:0], r"x has shape \(0, 2, 2, 1\); allowed: \(n, 2, 2, 1\)$"),
    ],
)
def test_what_cannot_be_of_the_data_is_refused_with_the_cure(inputs, x, message):
    with pytest.raises(InputError, match=message):
        inputs.checked(x)


def test_floats_may_lie_a_little_outside():
    x = np.linspace(-0.5, 1.5, 4).reshape(1, *SHAPE)
    np.testing.assert_allclose(FLOATS.checked(x), x, rtol=1e-6)
