"""What it means for two samples of noise to agree: within 4 standard errors of their difference."""

import numpy as np


def wide(array):
    return np.asarray(array, np.float64)


def assert_same_moments(ours, theirs, draws):
    """Compares two samples, of so many independent draws, in their first two moments."""
    for power in (1, 2):
        one, other = wide(ours) ** power, wide(theirs) ** power
        bound = 4 * np.sqrt((one.var() + other.var()) / draws)
        assert abs(one.mean() - other.mean()) <= bound, (power, bound)


def assert_dropped_as_often(ours, theirs):
    """Compares two boolean samples, an element a draw."""
    pooled = (ours.mean() + theirs.mean()) / 2
    bound = 4 * np.sqrt(pooled * (1 - pooled) * (1 / ours.size + 1 / theirs.size))
    assert abs(ours.mean() - theirs.mean()) <= bound


def dropped_maps(y):
    """Returns which feature maps are dropped, channels last; fails if one is so in part."""
    flat = y.reshape(y.shape[0], -1, y.shape[-1])
    assert (flat == flat[:, :1]).all()
    return flat[:, 0] == 0
