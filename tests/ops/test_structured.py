"""DropBlock and Cutout: which units go, how often, and what becomes of the rest.

Statistics are bounded by 4 standard errors over n independent draws.
"""

import itertools
import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import ndimage, stats  # type: ignore[import-untyped]

from dropout_lab.ops import cutout, drop_block, drop_block_fraction, dropout

pytestmark = pytest.mark.slow  # the contract has a fast row for each op

# Odd and even blocks, height and width that differ, blocks as large as the map and larger.
MAPS = [((8, 8), 3), ((7, 12), 4), ((12, 5), 5), ((4, 9), 7), ((3, 2), 7), ((5, 6), 1)]


jitted_drop_block = jax.jit(drop_block, static_argnames=("block_size", "per_channel"))


def masks(key, shape, block_size, rate, n=2000):
    """Returns which units are dropped in n independent maps."""
    x = np.ones((n // 4, *shape, 4), np.float32)
    y = np.asarray(jitted_drop_block(key, x, rate=rate, block_size=block_size))
    return (y == 0).transpose(0, 3, 1, 2).reshape(n, *shape)


def gamma(shape, block_size, rate):
    factor = math.prod(n / (b * (n - b + 1)) for n in shape for b in [min(block_size, n)])
    return rate * factor


def covering(n, block_size):
    """Returns, for each place on an axis, how many blocks that fit cover it."""
    b = min(block_size, n)
    return np.array([sum(i <= place < i + b for i in range(n - b + 1)) for place in range(n)])


@pytest.mark.parametrize(("shape", "block_size"), MAPS)
@pytest.mark.parametrize("rate", [0.1, 0.6])
def test_every_place_is_dropped_as_often_as_blocks_cover_it(shape, block_size, rate, key):
    dropped = masks(key, shape, block_size, rate)
    n = len(dropped)
    corners = np.outer(covering(shape[0], block_size), covering(shape[1], block_size))
    expected = 1 - (1 - gamma(shape, block_size, rate)) ** corners
    bound = 4 * np.sqrt(expected * (1 - expected) / n)
    assert (abs(dropped.mean(axis=0) - expected) < bound).all(), n
    fractions = dropped.mean(axis=(1, 2))
    fraction = drop_block_fraction(rate, shape=shape, block_size=block_size)
    np.testing.assert_allclose(fraction, expected.mean(), rtol=1e-5)
    assert abs(fractions.mean() - fraction) < 4 * fractions.std() / math.sqrt(n), n


@pytest.mark.parametrize(("shape", "block_size"), MAPS)
def test_what_is_dropped_is_a_union_of_whole_blocks(shape, block_size, key):
    dropped = masks(key, shape, block_size, 0.5, n=40)
    block = np.ones([min(block_size, n) for n in shape])
    assert 0 < dropped.mean() < 1
    for one in dropped:
        np.testing.assert_array_equal(ndimage.binary_opening(one, block), one)


@pytest.mark.parametrize(("shape", "block_size"), [((3, 4), 2), ((4, 3), 3), ((2, 2), 5)])
def test_fraction_is_the_average_over_all_sets_of_corners(shape, block_size):
    (h, w), (a, b) = shape, (min(block_size, n) for n in shape)
    corners = list(itertools.product(range(h - a + 1), range(w - b + 1)))
    chance = gamma(shape, block_size, 0.4)
    expected = 0.0
    for pattern in itertools.product([0, 1], repeat=len(corners)):
        dropped = np.zeros(shape)
        for (i, j), hit in zip(corners, pattern, strict=True):
            dropped[i : i + a, j : j + b] += hit
        weight = np.prod([chance if hit else 1 - chance for hit in pattern])
        expected += weight * (dropped > 0).mean()
    actual = drop_block_fraction(0.4, shape=shape, block_size=block_size)
    np.testing.assert_allclose(actual, expected, rtol=1e-5)


def test_fraction_runs_from_0_to_1_below_the_rate():
    rates = np.linspace(0, 1, 101, dtype=np.float32)
    fraction = partial(drop_block_fraction, shape=(8, 6, 3), block_size=3)
    fractions = np.asarray(jax.jit(jax.vmap(fraction))(rates))
    assert (np.diff(fractions) > 0).all()
    assert (fractions[1:-1] < rates[1:-1]).all()
    assert (fractions[0], fractions[-1]) == (0, 1)
    # Blocks of one unit, or of the whole map, do not overlap.
    for block_size in (1, 9):
        np.testing.assert_allclose(
            drop_block_fraction(0.3, shape=(8, 6), block_size=block_size), 0.3, rtol=1e-5
        )


def test_fraction_checks_its_arguments():
    for shape in [(), (4,), (0, 4), (1, 2, 3, 4)]:
        with pytest.raises(ValueError, match=r"^drop_block_fraction: shape is \(.*; allowed: \(he"):
            drop_block_fraction(0.5, shape=shape, block_size=2)
    with pytest.raises(ValueError, match=r"^drop_block_fraction: rate is 2; allowed"):
        drop_block_fraction(2, shape=(4, 4), block_size=2)
    with pytest.raises(ValueError, match=r"^drop_block_fraction: block_size is 0; allowed: 1 or"):
        drop_block_fraction(0.5, shape=(4, 4), block_size=0)


def test_blocks_of_one_unit_are_dropouts_mask(key):
    x = jnp.ones((4, 6, 5, 3))
    y, expected = jax.jit(
        lambda key: (drop_block(key, x, rate=0.3, block_size=1), dropout(key, x, rate=0.3))
    )(key)
    np.testing.assert_array_equal(y == 0, expected == 0)


@pytest.mark.parametrize("per_channel", [True, False])
def test_each_examples_noise_has_mean_1(per_channel, key):
    x = jnp.ones((64, 6, 5, 3))
    y = jitted_drop_block(key, x, rate=0.6, block_size=3, per_channel=per_channel)
    y = np.asarray(y)
    # One value besides 0 in an example, the same in all channels, and not in all examples.
    assert all(len(np.unique(one[one > 0])) <= 1 for one in y)
    assert len(np.unique(y)) > 5
    np.testing.assert_allclose(y.mean(axis=(1, 2, 3))[y.any(axis=(1, 2, 3))], 1, rtol=1e-6)


def test_channels_and_examples_draw_for_themselves_unless_told(key):
    n = 4000
    x = jnp.ones((2 * n, 5, 5, 2))
    own = np.asarray(jitted_drop_block(key, x, rate=0.5, block_size=3))[:, 2, 2] == 0
    shared = jitted_drop_block(key, x, rate=0.5, block_size=3, per_channel=False)
    shared = np.asarray(shared) == 0
    assert (shared[..., 0] == shared[..., 1]).all()
    middle = shared[:, 2, 2, 0]
    chance = 1 - (1 - gamma((5, 5), 3, 0.5)) ** 9
    for first, second in (
        (own[:, 0], own[:, 1]),
        (own[:n, 0], own[n:, 0]),
        (middle[:n], middle[n:]),
    ):
        both = (first & second).mean()
        assert abs(both - chance**2) < 4 * math.sqrt(chance**2 * (1 - chance**2) / n), n


@pytest.mark.parametrize("per_channel", [True, False])
@pytest.mark.parametrize("block_size", [2, 9])
def test_drop_block_at_rate_1_gives_zeros_and_zero_gradients(block_size, per_channel, key, array):
    x = array((2, 5, 4, 3))

    def outputs(x, rate):
        call = partial(drop_block, block_size=block_size, per_channel=per_channel)
        y, pull = jax.vjp(lambda x: call(key, x, rate=rate), x)
        return y, pull(y + 1)[0]

    for zeros in (*jax.jit(partial(outputs, rate=1))(x), *jax.jit(outputs)(x, 1.0)):
        np.testing.assert_array_equal(zeros, 0)


def test_an_example_that_is_dropped_whole_is_zero_with_a_zero_gradient(key):
    x = jnp.ones((64, 3, 3, 1))

    @jax.jit
    def output_and_gradient(x):
        y, pull = jax.vjp(lambda x: drop_block(key, x, rate=0.9, block_size=3), x)
        return y, pull(jnp.ones_like(y))[0]

    y, slope = (np.asarray(array) for array in output_and_gradient(x))
    gone = ~y.any(axis=(1, 2, 3))
    assert 0.7 < gone.mean() < 1
    np.testing.assert_array_equal(slope, y)
    np.testing.assert_array_equal(y[~gone], 1)


@pytest.mark.parametrize(
    "noise", [partial(drop_block, rate=0.5, block_size=2), partial(cutout, size=3)]
)
@pytest.mark.parametrize("bad", [np.inf, np.nan])
def test_a_dropped_unit_that_is_not_finite_does_not_leak(noise, bad, key, array):
    x = np.asarray(array((4, 6, 5, 3)))
    dropped = np.asarray(jax.jit(noise)(key, jnp.ones(x.shape)) == 0)
    assert 0 < dropped.mean() < 1

    @jax.jit
    def everything(x):
        loss = lambda x: (noise(key, x) ** 2).sum()  # noqa: E731
        return (noise(key, x), *jax.jvp(jax.grad(loss), (x,), (x,)))

    clean = everything(np.where(dropped, np.float32(0), x))
    for leaked, expected in zip(everything(np.where(dropped, bad, x)), clean, strict=True):
        assert np.isfinite(expected).all()
        np.testing.assert_array_equal(leaked, expected)


@pytest.mark.parametrize(
    "noise", [partial(drop_block, rate=0.5, block_size=3), partial(cutout, size=3)]
)
def test_backward_pass_keeps_no_array(noise, key):
    pullback = jax.eval_shape(
        lambda x: jax.vjp(lambda x: noise(key, x), x)[1], jnp.ones((2, 8, 8, 3))
    )
    assert {leaf.size for leaf in jax.tree.leaves(pullback)} == {1}


def square(shape, centre, size):
    """Returns a mask that is False in a square around a centre, clipped at the border."""
    mask = np.ones(shape, bool)
    top, left = (max(place - size // 2, 0) for place in centre)
    bottom, right = (place - size // 2 + size for place in centre)
    mask[top:bottom, left:right] = False
    return mask


@pytest.mark.parametrize(("shape", "size"), [((6, 5), 3), ((5, 8), 4), ((4, 4), 1), ((3, 4), 6)])
def test_cutout_zeroes_a_square_around_any_pixel_alike(shape, size, key, array):
    x = array((4000, *shape, 2))
    y = np.asarray(jax.jit(partial(cutout, size=size))(key, x))
    kept = y != 0
    np.testing.assert_array_equal(y, np.where(kept, x, np.float32(0)))
    assert (kept[..., 0] == kept[..., 1]).all()

    centres = list(np.ndindex(*shape))
    squares = {square(shape, centre, size).tobytes(): 0 for centre in centres}
    expected = dict(squares)
    for centre in centres:
        expected[square(shape, centre, size).tobytes()] += len(x) / len(centres)
    for one in kept[..., 0]:
        squares[one.tobytes()] += 1  # A KeyError is a shape that is no such square.
    # Counts of a uniform draw: as unlikely as 4 standard errors.
    if len(squares) > 1:
        assert stats.chisquare(list(squares.values()), list(expected.values())).pvalue > 6e-5


@pytest.mark.parametrize(("shape", "size"), [((6, 5), 3), ((9, 8), 4), ((3, 4), 9)])
def test_cutouts_fraction_is_the_closed_form(shape, size, key):
    n = 4000
    y = np.asarray(jax.jit(partial(cutout, size=size))(key, jnp.ones((n, *shape, 1))))
    expected = 1.0
    for length in shape:
        first = np.arange(length) - size // 2
        expected *= np.mean(np.minimum(first + size, length) - np.maximum(first, 0)) / length
    dropped = (y == 0).mean(axis=(1, 2, 3))
    assert abs(dropped.mean() - expected) <= 4 * dropped.std() / math.sqrt(n) + 1e-12, n
