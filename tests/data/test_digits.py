import numpy as np
import pytest

from dropout_lab.data import digits, load


@pytest.fixture
def data():
    return load("digits")


def test_sizes_types_and_range(data):
    assert (len(data.train), len(data.val), len(data.test)) == (1197, 300, 300)
    assert data.classes == 10
    for split in (data.train, data.val, data.test):
        assert split.images.shape[1:] == (8, 8, 1)
        assert (split.images.dtype, split.labels.dtype) == (np.uint8, np.int32)
        assert set(split.labels.tolist()) == set(range(10))
        assert (split.images.min(), split.images.max()) == (0, 255)


def test_parts_are_scikit_learns_digits_each_once(data):
    from sklearn.datasets import load_digits

    bunch = load_digits()
    ours = sorted(
        (np.rint(image[..., 0] / 255 * 16).tolist(), label)
        for split in (data.train, data.val, data.test)
        for image, label in zip(split.images, split.labels.tolist(), strict=True)
    )
    theirs = zip(bunch.images.tolist(), bunch.target.tolist(), strict=True)
    assert ours == sorted(theirs)


def test_fingerprint_is_pinned(data):
    """A change here means that records made before no longer compare with new ones."""
    assert data.fingerprint.startswith("a12d047f7cda")


def test_second_start_does_not_import_scikit_learn(data, monkeypatch):
    monkeypatch.setattr(digits, "_read", lambda: pytest.fail("was not cached"))
    assert load("digits").fingerprint == data.fingerprint
