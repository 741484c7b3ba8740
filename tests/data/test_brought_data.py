"""Thirteen shapes that data comes in: read right, or refused with what to do."""

import numpy as np
import pytest

from dropout_lab.data import load
from dropout_lab.errors import InputError

N = 30
CLASSES = np.arange(N) % 3
PIXELS = np.random.default_rng(0).integers(0, 256, (N, 6, 7, 3))
VALUES = np.random.default_rng(1).normal(size=(N, 5))
NAMES = ["cat", "dog", "ewe"]
USUAL = ("x_train", "y_train", "x_test", "y_test")


def _halves(x, y, names=USUAL):
    arrays = (x[:20], y[:20], x[20:], y[20:])
    return dict(zip(names, arrays, strict=True))


# x, y -> features, classes, names of classes; by the stored features that tell examples apart.
READ = {
    "text labels": (_halves(VALUES, np.array(NAMES)[CLASSES]), VALUES, NAMES),
    "one-hot labels": (_halves(VALUES, np.eye(3)[CLASSES]), VALUES, []),
    "float labels": (_halves(VALUES, CLASSES.astype(np.float64)), VALUES, []),
    "bool labels": (_halves(VALUES, CLASSES > 0), VALUES, ["False", "True"]),
    "labels from 1": (_halves(VALUES, CLASSES + 1), VALUES, ["1", "2", "3"]),
    "int64 pixels": (_halves(PIXELS, CLASSES), PIXELS, []),
    "float pixels": (_halves(PIXELS.astype(np.float32), CLASSES), PIXELS, []),
    "no channel axis": (_halves(PIXELS[..., 0], CLASSES), PIXELS[..., :1], []),
    "channels first": (_halves(np.moveaxis(PIXELS, -1, 1), CLASSES), PIXELS, []),
    "other names": (
        _halves(
            PIXELS, CLASSES[:, None], ("train_images", "train_labels", "test_images", "test_labels")
        ),
        PIXELS,
        [],
    ),
}


@pytest.mark.parametrize(("arrays", "features", "names"), READ.values(), ids=READ)
def test_it_is_read_right(tmp_path, arrays, features, names):
    np.savez(tmp_path / "own.npz", **arrays)
    data = load("npz", path=str(tmp_path / "own.npz"), val_size=4)
    stored = features.astype(np.uint8 if features is not VALUES else np.float32)
    classes = CLASSES > 0 if len(names) == 2 else CLASSES
    expected = dict(zip([example.tobytes() for example in stored], classes.tolist(), strict=True))
    assert (len(data.train), len(data.val), len(data.test)) == (16, 4, 10)
    for split in (data.train, data.val, data.test):
        assert split.images.shape[1:] == stored.shape[1:]
        assert [expected[example.tobytes()] for example in split.images] == split.labels.tolist()
    assert list(data.class_names) == names
    changed = features is not VALUES or bool(names) or arrays["y_train"].ndim == 2
    assert bool(data.notes) == changed


REFUSED = {
    "labels of pandas": (
        {"y_train": np.array(NAMES, object)[CLASSES[:20]]},
        r"y_train\.astype\(str\)",
    ),
    "object images": (
        {"x_train": np.array([np.ones(size) for size in range(20)], object)},
        r"np\.stack\(x_train\)",
    ),
    "regression": (
        {"y_train": VALUES[:20, 0], "y_test": VALUES[20:, 0]},
        r"classification only, not for regression.*np\.unique\(y, return_inverse=True\)",
    ),
    "missing values": (
        {"x_train": np.where(VALUES[:20] > 1, np.nan, VALUES[:20])},
        "not finite .* drop those examples or fill them in",
    ),
}


@pytest.mark.parametrize(("changed", "cure"), REFUSED.values(), ids=REFUSED)
def test_it_is_refused_with_the_cure(tmp_path, changed, cure):
    np.savez(tmp_path / "own.npz", **{**_halves(VALUES, CLASSES), **changed})
    with pytest.raises(InputError, match=cure) as caught:
        load("npz", path=str(tmp_path / "own.npz"))
    assert "\n" not in str(caught.value)
