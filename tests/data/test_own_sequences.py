"""Tokens and feature sequences of an .npz file: what they become, and what is refused."""

import re

import numpy as np
import pytest

from dropout_lab.data import PADDING, describe, draw_samples, load
from dropout_lab.errors import InputError
from dropout_lab.models import sequences

N, STEPS = 12, 4
LENGTHS = np.arange(N) % STEPS + 1
TOKENS = np.arange(N * STEPS).reshape(N, STEPS) % 9
FEATURES = np.random.default_rng(0).normal(size=(N, STEPS, 2))
LABELS = np.arange(N) % 2


@pytest.fixture
def save(tmp_path):
    def write(x=TOKENS, lengths=LENGTHS, **changed):
        arrays = {
            "x_train": x,
            "y_train": LABELS,
            "lengths_train": lengths,
            "x_test": x,
            "y_test": LABELS,
            "lengths_test": lengths,
        } | changed
        np.savez(tmp_path / "own.npz", **{k: v for k, v in arrays.items() if v is not None})
        return str(tmp_path / "own.npz")

    return write


def by_content(split):
    """Returns the unpadded sequences of a split, sorted."""
    present = split.images != -1 if split.images.ndim == 2 else ~np.isnan(split.images).all(-1)
    return sorted(image[here].tolist() for image, here in zip(split.images, present, strict=True))


def test_both_sides_mark_padding_alike():
    assert PADDING == sequences.PADDING


def test_tokens_are_whole_numbers_with_lengths(save):
    data = load("npz", path=save())
    assert data.test.images.dtype == np.int32
    assert data.vocabulary == 9
    kept = sorted(row[:length].tolist() for row, length in zip(TOKENS, LENGTHS, strict=True))
    assert by_content(data.test) == kept


def test_features_are_floats_with_lengths(save):
    data = load("npz", path=save(FEATURES))
    assert data.test.images.dtype == np.float32
    assert data.vocabulary is None
    rows = zip(FEATURES.astype(np.float32), LENGTHS, strict=True)
    assert by_content(data.test) == sorted(row[:length].tolist() for row, length in rows)


def test_a_vocabulary_makes_whole_numbers_tokens(save):
    path = save(lengths=None, lengths_test=None)
    assert load("npz", path=path).train.images.dtype == np.float32
    data = load("npz", path=path, vocabulary=20)
    assert data.vocabulary == 20
    assert data.train.images.dtype == np.int32


def test_so_does_a_name_and_minus_one_is_padding(save):
    padded = np.where(np.arange(STEPS) < LENGTHS[:, None], TOKENS, -1)
    changed = {"tokens_train": padded, "tokens_test": padded, "x_train": None, "x_test": None}
    data = load("npz", path=save(lengths=None, lengths_test=None, **changed))
    assert by_content(data.test) == by_content(load("npz", path=save()).test)


def test_padding_does_not_change_the_order_or_the_held_out_part(save):
    short = load("npz", path=save())
    wide = np.pad(TOKENS, ((0, 0), (0, 3)))
    long = load("npz", path=save(wide, x_test=TOKENS))  # the parts' arrays may differ in steps
    assert long.train.images.shape[1] == long.test.images.shape[1] == STEPS + 3
    np.testing.assert_array_equal(long.val.images[:, :STEPS], short.val.images)
    np.testing.assert_array_equal(long.train.labels, short.train.labels)


@pytest.mark.parametrize(
    ("changed", "vocabulary", "message"),
    [
        ({}, 5, "x_train has a token of 5 (example 1, step 1); allowed: below 5, which is config."),
        ({"x": TOKENS - 3}, None, "has a token of -3 (example 0, step 0); allowed: 0 or more, or"),
        (
            {"lengths": LENGTHS + 1},
            None,
            "lengths_train has a length of 5 (example 3); allowed: 1 to 4, the steps of x_train",
        ),
        ({"lengths": LENGTHS - 1}, None, "lengths_train has a length of 0 (example 0); allowed: 1"),
        ({"lengths": LENGTHS[1:]}, None, "lengths_train is int64 of shape (11,); must be whole"),
        ({"lengths": LENGTHS / 2}, None, "lengths_train is float64 of shape (12,); must be whole"),
        ({"lengths_test": None, "x": FEATURES}, None, "x_test does not, or lacks lengths"),
        ({"x_test": FEATURES}, None, "x_train holds sequences, x_test does not, or lacks lengths"),
        (
            {"x": FEATURES, "x_test": FEATURES[..., :1]},
            None,
            "a step of x_train has shape (2,), of x_test (1,); must be the same",
        ),
        ({"x": FEATURES * np.nan}, None, "has a feature of nan (example 0, step 0, feature 0)"),
        ({"x": FEATURES}, 9, "x_train is float64 of shape (12, 4, 2); tokens must be whole"),
    ],
)
def test_bad_sequences_are_refused(save, changed, vocabulary, message):
    path = save(**changed)
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        load("npz", path=path, vocabulary=vocabulary)
    assert str(caught.value).startswith(path)
    assert "\n" not in str(caught.value)


def test_they_are_described_and_drawn(save):
    tokens, features = load("npz", path=save(), val_size=0), load("npz", path=save(FEATURES))
    assert "examples of shape (4,) (steps; 9 token types), 2 classes" in describe(tokens)
    assert "train 12 examples, 30 steps, int32 in 0..8" in describe(tokens)
    assert "examples of shape (4, 2) (steps, features), 2 classes" in describe(features)
    assert "sequences of 1 to 4 steps, mean 2.5" in describe(features)
    for data in (tokens, features):
        assert any(axes.lines for axes in draw_samples(data).axes)
