"""Masksembles: its set of masks against the paper's construction in NumPy, and their use."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dropout_lab import ops

KEYS = jax.random.split(jax.random.key(0), 200)


def papers_masks(rng, kept, masks, scale):
    """Returns a set as the paper draws it: places that no mask keeps are left out."""
    places = round(kept * scale)
    table = np.zeros((masks, places), bool)
    for row in table:
        row[rng.choice(places, kept, replace=False)] = True
    return table[:, table.any(0)]


def shared(table):
    """Returns the mean over pairs of masks of the fraction of one that the other keeps too."""
    table = np.asarray(table, float)
    both = table @ table.T / table.sum(1)
    return both[~np.eye(len(both), dtype=bool)].mean()


@pytest.mark.parametrize(("masks", "scale", "kept"), [(4, 2.0, 60), (8, 1.5, 60), (3, 4.0, 40)])
def test_masks_are_as_large_and_overlap_as_much_as_the_papers(masks, scale, kept):
    rng = np.random.default_rng(0)
    drawn = [papers_masks(rng, kept, masks, scale) for _ in range(200)]
    units = round(np.mean([table.shape[1] for table in drawn]))
    draw = jax.jit(
        jax.vmap(lambda key: ops.masksembles_masks(key, units=units, masks=masks, scale=scale))
    )
    ours = np.asarray(draw(KEYS))
    sizes, theirs = ours.sum(2).mean(1), [table.sum(1).mean() for table in drawn]
    assert abs(sizes.mean() - np.mean(theirs)) < 1.0  # rounding, and fitting to the units
    overlaps = [shared(table) for table in ours], [shared(table) for table in drawn]
    error = np.hypot(*(np.std(values) / np.sqrt(200) for values in overlaps))
    # The few places that are fitted move the overlap by up to about 1 / kept.
    assert abs(np.mean(overlaps[0]) - np.mean(overlaps[1])) < 4 * error + 1 / kept


@pytest.mark.parametrize("units", [1, 2, 3, 10, 33])
def test_every_unit_is_in_a_mask_and_every_mask_has_units(units):
    table = np.asarray(ops.masksembles_masks(KEYS[0], units=units, masks=4, scale=3.0))
    assert table.shape == (4, units)
    assert table.any(0).all()
    assert units < 4 or table.any(1).all()


def test_at_scale_1_nothing_is_masked(key):
    assert ops.masksembles_masks(key, units=50, masks=4, scale=1.0).all()


def test_examples_take_masks_in_turn(key, array):
    x = array((7, 2, 12))
    table = np.asarray(ops.masksembles_masks(key, units=12, masks=3, scale=2.0))
    expected = np.stack([table[i % 3] * x[i] for i in range(7)])
    np.testing.assert_array_equal(ops.masksembles(key, x, masks=3, scale=2.0), expected)
    for n in range(3):
        alone = ops.masksembles(key, x, masks=3, scale=2.0, only=jnp.int32(n))
        np.testing.assert_array_equal(alone, table[n] * x)
