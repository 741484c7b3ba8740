import hashlib

import numpy as np
import pytest

from dropout_lab.data.dataset import (
    Split,
    TrainTest,
    canonical,
    concatenate,
    cross_validation,
    hold_out,
)
from dropout_lab.errors import InputError


def _train_test(n=20, test=5):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (n + test, 2, 2, 1), np.uint8)
    whole = Split(images, np.arange(n + test, dtype=np.int32) % 3)
    return TrainTest(whole[:n], whole[n:])


def _hold_out(train_test, val_size=6, train_size=None):
    return hold_out("fake", train_test, classes=3, val_size=val_size, train_size=train_size)


def _join(*splits):
    return np.concatenate([split.images for split in splits])


def test_canonical_order_is_that_of_sha256_of_image_and_label_byte():
    split = _train_test().train
    ordered = canonical(split)
    digests = [
        hashlib.sha256(image.tobytes() + bytes([label])).digest()
        for image, label in zip(ordered.images, ordered.labels, strict=True)
    ]
    assert digests == sorted(digests)
    np.testing.assert_array_equal(np.sort(ordered.labels), np.sort(split.labels))


def test_canonical_order_does_not_depend_on_the_order_given():
    split = _train_test().train
    shuffled = split[np.random.default_rng(1).permutation(len(split))]
    for one, other in [(canonical(split), canonical(shuffled))]:
        np.testing.assert_array_equal(one.images, other.images)
        np.testing.assert_array_equal(one.labels, other.labels)


def test_canonical_order_tells_labels_apart_beyond_a_byte():
    images = np.zeros((3, 2, 2, 1), np.uint8)
    orders = [
        canonical(Split(images, np.array(labels, np.int32))).labels.tolist()
        for labels in ([255, 256, 511], [511, 256, 255])
    ]
    assert orders[0] == orders[1]


def test_validation_is_the_end_of_the_training_part():
    train_test = _train_test()
    data = _hold_out(train_test)
    assert (len(data.train), len(data.val), len(data.test)) == (14, 6, 5)
    np.testing.assert_array_equal(_join(data.train, data.val), train_test.train.images)
    np.testing.assert_array_equal(data.test.images, train_test.test.images)


def test_validation_may_be_empty():
    data = _hold_out(_train_test(), val_size=0)
    assert (len(data.train), len(data.val)) == (20, 0)
    assert data.val.images.shape == (0, 2, 2, 1)


def test_train_size_keeps_the_first_and_the_same_validation():
    whole, part = _hold_out(_train_test()), _hold_out(_train_test(), train_size=4)
    np.testing.assert_array_equal(part.train.images, whole.train.images[:4])
    np.testing.assert_array_equal(part.val.images, whole.val.images)


@pytest.mark.parametrize("val_size", [-1, 20, 21])
def test_val_size_out_of_range_is_refused(val_size):
    with pytest.raises(InputError, match=rf"val_size {val_size} of fake: must be in 0\.\.19\."):
        _hold_out(_train_test(), val_size=val_size)


@pytest.mark.parametrize("train_size", [-1, 0, 15])
def test_train_size_out_of_range_is_refused(train_size):
    with pytest.raises(InputError, match=rf"train_size {train_size} of fake: must be in 1\.\.14,"):
        _hold_out(_train_test(), train_size=train_size)


def test_fingerprint_is_equal_exactly_when_the_arrays_are():
    same = [_hold_out(_train_test()).fingerprint for _ in range(2)]
    assert same[0] == same[1]
    assert len(same[0]) == 64
    changed = _train_test()
    changed.test.labels[0] ^= 1
    others = [
        _hold_out(changed),
        _hold_out(_train_test(), val_size=5),
        _hold_out(_train_test(), train_size=13),
        _hold_out(_train_test(), val_size=0),
    ]
    assert len({same[0], *(data.fingerprint for data in others)}) == 5


def test_concatenation_keeps_order_and_pairs():
    whole = _train_test().train
    both = concatenate(whole[:8], whole[8:])
    np.testing.assert_array_equal(both.images, whole.images)
    np.testing.assert_array_equal(both.labels, whole.labels)


def test_folds_are_equal_parts_of_training_and_validation_examples():
    """20 examples in 3 parts: 6 each, and 2 that always train."""
    whole = _train_test().train.images
    folds = [cross_validation(_hold_out(_train_test()), 3, fold) for fold in range(3)]
    np.testing.assert_array_equal(_join(*(data.val for data in folds)), whole[:18])
    for fold, data in enumerate(folds):
        rest = np.delete(np.arange(20), np.s_[6 * fold : 6 * fold + 6])
        np.testing.assert_array_equal(data.train.images, whole[rest])
        assert (len(data.train.labels), len(data.val.labels), len(data.test)) == (14, 6, 5)
    assert len({data.fingerprint for data in folds}) == 3


def test_folds_are_cut_from_what_train_size_leaves():
    data = cross_validation(_hold_out(_train_test(), train_size=4), 5, 0)
    assert (len(data.train), len(data.val)) == (8, 2)


def test_more_folds_than_examples_are_refused():
    with pytest.raises(InputError, match=r"folds 21 of fake: must be in 2\.\.20, the number"):
        cross_validation(_hold_out(_train_test()), 21, 0)
