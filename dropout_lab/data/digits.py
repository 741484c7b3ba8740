"""Handwritten digits of scikit-learn: 1,797 images of 8x8 pixels, no download."""

import importlib.metadata

import numpy as np

from dropout_lab.data import cache
from dropout_lab.data.dataset import Split, TrainTest, canonical

CLASSES = 10
VAL_SIZE = 300
_TEST_SIZE = 300


def load() -> TrainTest:
    """Returns 1,497 examples to train and validate on, and 300 to test on.

    Images are (8, 8, 1). The grey levels 0..16 of the original are scaled to 0..255 and rounded, so
    255 is full ink as in the other data sets. There is no official test part: the last 300 examples
    in canonical order serve as one.
    """
    version = importlib.metadata.version("scikit-learn")
    return cache.load_or_build("digits", "scikit-learn", version, _read)


def _read() -> TrainTest:
    # Importing scikit-learn takes two seconds, so even these few bytes are cached.
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = np.rint(bunch.images[..., None] * (255 / 16)).astype(np.uint8)
    whole = canonical(Split(images, bunch.target.astype(np.int32)))
    return TrainTest(whole[:-_TEST_SIZE], whole[-_TEST_SIZE:])
