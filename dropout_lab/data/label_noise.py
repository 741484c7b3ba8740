"""Label noise: which labels are wrong, and what they are instead, fixed by each example alone."""

import hashlib
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Int32

from dropout_lab.data.dataset import Split, digests


class LabelNoise(NamedTuple):
    """The label noise of examples at any rate.

    Attributes:
      threshold: The rate above which an example's label is wrong, uniform in [0, 1).
      wrong: The label that it then has, uniform among the other classes.
    """

    threshold: Float32[np.ndarray, " n"]
    wrong: Int32[np.ndarray, " n"]


def label_noise(split: Split, classes: int) -> LabelNoise:
    """Returns the label noise of a split with a class for each example.

    It depends on an example's image and label alone: not on a seed, the source of the data, the
    other examples or their order. The labels wrong at one rate are also wrong at a higher one.
    """
    # Hashed again: examples are in the order of their digests.
    words = np.array(
        [
            np.frombuffer(hashlib.sha256(b"label noise" + digest).digest()[:16], "<u8")
            for digest in digests(split)
        ]
    )
    # The 24 bits that float32 holds: rounding up would give 1.
    threshold = ((words[:, 0] >> np.uint64(40)) * np.float64(2.0**-24)).astype(np.float32)
    step = 1 + (words[:, 1] % np.uint64(max(classes - 1, 1))).astype(np.int32)
    return LabelNoise(threshold, (split.labels + step) % classes)
