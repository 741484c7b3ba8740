import re
import tempfile
from pathlib import Path

import hypothesis
import numpy as np
import pytest

from dropout_lab.data import load
from dropout_lab.errors import InputError
from tests.damage import damages


def _arrays(**changed):
    rng = np.random.default_rng(0)
    arrays = {
        "x_train": rng.normal(size=(31, 4)),
        "y_train": np.arange(31) % 3,
        "x_test": rng.normal(size=(6, 4)),
        "y_test": np.arange(6) % 5,
    }
    return {key: value for key, value in {**arrays, **changed}.items() if value is not None}


@pytest.fixture
def save(tmp_path):
    def write(**changed):
        np.savez(tmp_path / "own.npz", **_arrays(**changed))
        return str(tmp_path / "own.npz")

    return write


def test_floats_become_float32_and_a_sixth_is_validation(save):
    data = load("npz", path=save())
    assert (len(data.train), len(data.val), len(data.test)) == (26, 5, 6)
    assert data.train.images.dtype == np.float32
    assert data.train.labels.dtype == np.int32
    assert data.classes == 5
    seen = np.concatenate([data.train.images, data.val.images])
    order = np.lexsort(seen.T)
    expected = _arrays()["x_train"].astype(np.float32)
    np.testing.assert_array_equal(seen[order], expected[np.lexsort(expected.T)])


def test_bytes_of_any_rank_stay_as_they_are(save):
    x = np.arange(31 * 8, dtype=np.uint8).reshape(31, 2, 2, 2)
    data = load("npz", path=save(x_train=x, x_test=x[:6]), val_size=0)
    assert data.train.images.dtype == np.uint8
    assert data.train.images.shape == (31, 2, 2, 2)


def test_examples_keep_their_labels(save):
    x = np.arange(31, dtype=np.float32)[:, None]
    data = load("npz", path=save(x_train=x, x_test=x[:6]), val_size=7)
    for split in (data.train, data.val):
        np.testing.assert_array_equal(split.images[:, 0] % 3, split.labels)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"y_test": None, "x_test": None}, "no array x_test, y_test; an .npz of data needs"),
        ({"y_train": np.arange(30)}, "y_train has shape (30,); must be (31,), one per x."),
        ({"y_train": np.ones((31, 1), int)}, "y_train has shape (31, 1); must be (31,)"),
        ({"y_train": np.ones(31)}, "y_train is float64; labels must be integers."),
        ({"y_train": np.arange(31) - 1}, "y_train has labels -1..29; must be in 0..65535."),
        ({"y_test": np.arange(6) + 65531}, "y_test has labels 65531..65536; must be in 0..65535."),
        ({"x_train": np.ones((31, 4), int)}, "x_train is int64; must be uint8 or floating point."),
        ({"x_train": np.ones((31, 4), complex)}, "x_train is complex128; must be uint8 or"),
        ({"x_train": np.full((31, 4), np.nan)}, "x_train has 124 values that are not finite"),
        ({"x_test": np.full((6, 4), 1e300)}, "x_test has 24 values that are not finite"),
        ({"x_train": np.ones(31)}, "x_train has shape (31,); must be (n, ...), rank >= 2"),
        ({"x_train": np.ones(())}, "x_train has shape (); must be (n, ...), rank >= 2"),
        ({"x_test": np.ones((0, 4))}, "x_test has shape (0, 4); must be (n, ...), rank >= 2, not"),
        ({"x_test": np.ones((6, 5))}, "x_train has examples of shape (4,), x_test of (5,)"),
        ({"x_test": np.ones((6, 4), np.uint8)}, "x_train is float64 but x_test uint8"),
        ({"x_test": np.array([[{}]] * 6)}, "not a readable .npz file of plain arrays"),
    ],
)
def test_bad_arrays_are_refused(save, changed, message):
    path = save(**changed)
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        load("npz", path=path)
    assert str(caught.value).startswith(path)
    assert "\n" not in str(caught.value)


def test_unreadable_files_are_refused(tmp_path, save):
    whole = (tmp_path / save()).read_bytes()
    flipped = bytearray(whole)
    flipped[200] ^= 1  # in the values of x_train, which the zip's own checksum guards
    bad = {"cut": whole[: len(whole) // 2], "empty": b"", "text": b"hello\n", "flipped": flipped}
    for name, content in bad.items():
        (tmp_path / name).write_bytes(content)
    for name in [*bad, "absent", "."]:
        with pytest.raises(InputError, match=r"not a readable \.npz") as caught:
            load("npz", path=str(tmp_path / name))
        assert str(caught.value).startswith(str(tmp_path / name))


def test_a_bare_array_is_refused(tmp_path):
    np.save(tmp_path / "x.npy", np.ones(3))
    with pytest.raises(InputError, match=r"x\.npy: a bare array; an \.npz of data needs"):
        load("npz", path=str(tmp_path / "x.npy"))


@hypothesis.settings(derandomize=True, deadline=None, max_examples=200, database=None)
@hypothesis.given(damage=damages())
def test_a_damaged_file_is_read_as_numbers_or_told_in_one_line(damage):
    with tempfile.TemporaryDirectory() as folder:
        np.savez_compressed(Path(folder, "own.npz"), **_arrays())
        path = damage(Path(folder))
        message = ""
        try:
            load("npz", path=str(path))
        except InputError as error:
            message = str(error)
    assert len(message.splitlines()) <= 1
