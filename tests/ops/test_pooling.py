"""Max-pooling dropout and stochastic pooling: what is picked, how often, and the averages.

Statistics are bounded by 4 standard errors over n independent draws.
"""

import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dropout_lab.nn import max_pool
from dropout_lab.ops import (
    classic_dropout,
    max_pool_dropout,
    stochastic_pool,
    stochastic_pool_mean,
    weighted_pool,
)

pytestmark = pytest.mark.slow  # the contract has a fast row for each op

RNG = np.random.default_rng(0)
# No two alike; height and width that 2 and 3 do not divide.
X = RNG.permutation(np.linspace(0.1, 3, 2 * 7 * 5 * 3, dtype=np.float32)).reshape(2, 7, 5, 3)
UNITS = np.array([[0.5, 2.0], [0.0, 1.5]], np.float32)


def units(x, window):
    """Returns each window's units along the last axis, by loops."""
    n, h, w, c = x.shape
    out = np.empty((n, h // window, w // window, c, window**2), x.dtype)
    for p, q in np.ndindex(h // window, w // window):
        block = x[:, p * window : (p + 1) * window, q * window : (q + 1) * window]
        out[:, p, q] = block.transpose(0, 3, 1, 2).reshape(n, c, -1)
    return out


@partial(jax.jit, static_argnums=0)
def run(pool, x):
    """Returns what a function gives, and the gradient of its sum."""
    y, pull = jax.vjp(pool, x)
    return y, pull(jnp.ones_like(y))[0]


def many(n):
    return jnp.asarray(np.broadcast_to(UNITS[None, :, :, None], (n, 2, 2, 1)))


def chances(rate, k):
    """Returns the probability that each of k units in ascending order is the largest kept."""
    return (1 - rate) * rate ** np.arange(k - 1, -1, -1)


@pytest.mark.parametrize("window", [1, 2, 3])
@pytest.mark.parametrize("rate", [0, 0.3, 0.9, 1])
def test_weighted_pool_is_the_sorted_sum(window, rate):
    expected = np.sort(units(X, window)) @ chances(rate, window**2)
    call = jax.jit(partial(weighted_pool, window=window))
    np.testing.assert_allclose(call(X, rate=rate), expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("window", [1, 2, 3])
def test_probabilities_sum_to_1(window):
    rates = np.linspace(0, 1, 11, dtype=np.float32)
    ones = jnp.ones((1, window, window, 1))
    pool = jax.jit(jax.vmap(lambda rate: weighted_pool(ones, rate=rate, window=window)))
    # Of ties too, and less the probability of dropping all.
    np.testing.assert_allclose(pool(rates).ravel(), 1 - rates ** (window**2), atol=1e-6)


@pytest.mark.parametrize("rate", [0.2, 0.7])
def test_max_pool_dropout_picks_with_the_weights_of_its_mean(rate, key):
    n = 2**14
    y = np.asarray(jax.jit(max_pool_dropout)(key, many(n), rate=rate)).ravel()
    values = np.sort(UNITS.ravel())
    expected = chances(rate, 4)
    expected[0] += rate**4  # The smallest unit here is 0, as is an empty window's maximum.
    for value, chance in zip(values, expected, strict=True):
        assert abs((y == value).mean() - chance) < 4 * math.sqrt(chance * (1 - chance) / n), n
    mean = jax.jit(weighted_pool)(many(1), rate=rate).item()
    assert abs(y.mean() - mean) < 4 * y.std() / math.sqrt(n), n


@pytest.mark.parametrize("window", [1, 2, 3])
def test_max_pool_dropout_is_classic_dropout_then_max_pooling(window, key):
    pooled = run(lambda x: max_pool_dropout(key, x, rate=0.6, window=window), X)
    plain = run(lambda x: max_pool(classic_dropout(key, x, rate=0.6), window), X)
    for actual, expected in zip(pooled, plain, strict=True):
        np.testing.assert_array_equal(actual, expected)


def test_windows_of_1_have_classic_dropouts_mean():
    mean = jax.jit(partial(weighted_pool, window=1))(X, rate=0.3)
    np.testing.assert_allclose(mean, 0.7 * X, 1e-6)


@pytest.mark.parametrize("window", [2, 3])
def test_at_rate_0_both_are_max_pooling_and_so_is_their_gradient(window, key):
    expected = run(partial(max_pool, window=window), X)
    for pool in (
        lambda x: max_pool_dropout(key, x, rate=0, window=window),
        lambda x: weighted_pool(x, rate=0, window=window),
    ):
        for actual, plain in zip(run(pool, X), expected, strict=True):
            np.testing.assert_array_equal(actual, plain)


@pytest.mark.parametrize("window", [2, 3])
def test_max_pool_dropouts_gradient_goes_to_the_largest_unit_that_is_kept(window, key):
    y, slopes = run(lambda x: max_pool_dropout(key, x, rate=0.8, window=window), X)
    y, slopes = np.asarray(y), units(np.asarray(slopes), window)
    np.testing.assert_array_equal(slopes, (units(X, window) == y[..., None]).astype(np.float32))
    assert 0 < (y == 0).mean() < 1
    np.testing.assert_array_equal(slopes[y == 0], 0)


def test_of_equal_maxima_the_first_has_the_gradient(key):
    slope = run(lambda x: max_pool_dropout(key, x, rate=0), np.ones_like(X))[1]
    np.testing.assert_array_equal(slope, run(partial(max_pool, window=2), np.ones_like(X))[1])


def test_max_pool_dropout_at_rate_1_gives_zeros_and_zero_gradients(key):
    for rate in (1, jnp.float32(1)):
        for zeros in run(lambda x, rate=rate: max_pool_dropout(key, x, rate=rate), X):
            np.testing.assert_array_equal(zeros, 0)


@pytest.mark.parametrize("bad", [np.inf, np.nan])
def test_a_dropped_unit_that_is_not_finite_does_not_leak(bad, key):
    def pool(x):
        return max_pool_dropout(key, x, rate=0.5)

    # The mask is classic dropout's, as another test shows.
    dropped = np.asarray(classic_dropout(key, jnp.ones(X.shape), rate=0.5)) == 0
    clean = run(pool, np.where(dropped, np.float32(0), X))
    dirty = run(pool, np.where(dropped, np.float32(bad), X))
    for leaked, expected in zip(dirty, clean, strict=True):
        assert np.isfinite(expected).all()
        np.testing.assert_array_equal(leaked, expected)


def test_stochastic_pool_picks_in_proportion(key):
    n = 2**14
    y = np.asarray(jax.jit(stochastic_pool)(key, many(n))).ravel()
    for value in UNITS.ravel():
        chance = value / UNITS.sum()
        assert abs((y == value).mean() - chance) <= 4 * math.sqrt(chance * (1 - chance) / n), n
    mean = jax.jit(stochastic_pool_mean)(many(1)).item()
    np.testing.assert_allclose(mean, (UNITS**2).sum() / UNITS.sum(), rtol=1e-6)
    assert abs(y.mean() - mean) < 4 * y.std() / math.sqrt(n), n


@pytest.mark.parametrize("window", [1, 2, 3])
def test_stochastic_pool_returns_a_unit_and_sends_it_the_gradient(window, key):
    y, slopes = run(lambda x: stochastic_pool(key, x, window=window), X)
    blocks, slopes = units(X, window), units(np.asarray(slopes), window)
    np.testing.assert_array_equal(slopes, (blocks == np.asarray(y)[..., None]).astype(np.float32))
    np.testing.assert_array_equal(slopes.sum(axis=-1), 1)
    mean = jax.jit(partial(stochastic_pool_mean, window=window))(X)
    np.testing.assert_allclose(mean, (blocks**2).sum(-1) / blocks.sum(-1), rtol=1e-5)
    if window > 1:
        other = jax.jit(partial(stochastic_pool, window=window))(jax.random.key(1), X)
        assert not np.array_equal(y, other)


def test_negative_units_are_never_picked_and_an_empty_window_is_zero(key):
    x = np.where(X < 2, -X, X)
    empty = (units(x, 2) < 0).all(axis=-1)
    assert 0 < empty.mean() < 1
    for pool in (partial(stochastic_pool, key), stochastic_pool_mean):
        y, slopes = (np.asarray(array) for array in run(pool, x))
        np.testing.assert_array_equal(y == 0, empty)
        assert (y[~empty] >= 2).all()
        assert np.isfinite(slopes).all()
        np.testing.assert_array_equal(slopes[x < 0], 0)
        for zeros in run(pool, 0 * x):
            np.testing.assert_array_equal(zeros, 0)


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_stochastic_pools_mean_neither_underflows_nor_overflows(scale, key):
    x = X * np.float32(scale)
    mean = jax.jit(stochastic_pool_mean)
    np.testing.assert_allclose(mean(x), np.asarray(mean(X)) * np.float32(scale), rtol=1e-5)
    picked = np.asarray(jax.jit(stochastic_pool)(key, x))
    assert (units(x, 2) == picked[..., None]).any(axis=-1).all()


@pytest.mark.parametrize(
    "pool", [partial(weighted_pool, rate=0.4), stochastic_pool_mean], ids=["weighted", "stochastic"]
)
def test_means_have_the_gradient_of_finite_differences(pool):
    x, t = jnp.asarray(X), jnp.asarray(RNG.normal(size=X.shape).astype(np.float32))

    @jax.jit
    def loss(x):
        return (pool(x) ** 2).sum()

    # Smaller than half the distance of any two units, so that none overtakes another.
    step = np.float32(1e-3)
    slope = (loss(x + step * t) - loss(x - step * t)) / (2 * step)
    np.testing.assert_allclose((jax.grad(loss)(x) * t).sum(), slope, rtol=2e-3)


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
def test_means_keep_the_type_and_compute_in_float32(dtype):
    x = jnp.asarray(X).astype(dtype)
    for pool in (partial(weighted_pool, rate=0.4), stochastic_pool_mean):
        y = jax.jit(pool)(x)
        assert y.dtype == dtype
        np.testing.assert_array_equal(y, jax.jit(pool)(x.astype(jnp.float32)).astype(dtype))


@pytest.mark.parametrize("bad", [np.inf, np.nan])
def test_a_unit_that_is_not_finite_is_not_hidden(bad, key):
    x = np.array(X)
    x[0, 0, 1, 2] = bad
    for pool in (
        lambda x: max_pool_dropout(key, x, rate=0),
        lambda x: weighted_pool(x, rate=0.5),
        lambda x: stochastic_pool(key, x),
        stochastic_pool_mean,
    ):
        finite = np.isfinite(run(pool, x)[0])
        assert not finite[0, 0, 0, 2]
        assert finite.sum() == finite.size - 1


def test_gradients_have_no_select_and_scatter(key):
    for pool in (
        lambda x: max_pool_dropout(key, x, rate=0.5),
        lambda x: stochastic_pool(key, x),
        lambda x: weighted_pool(x, rate=0.5),
        stochastic_pool_mean,
    ):
        program = str(jax.make_jaxpr(jax.grad(lambda x, pool=pool: pool(x).sum()))(jnp.asarray(X)))
        assert "pad" in program
        assert all(slow not in program for slow in ("scatter", "gather", "reduce_window", "sort"))


@pytest.mark.parametrize(
    ("name", "pool"),
    [
        ("weighted_pool", partial(weighted_pool, rate=0.5)),
        ("stochastic_pool_mean", stochastic_pool_mean),
    ],
)
def test_means_check_their_arguments(name, pool):
    with pytest.raises(ValueError, match=rf"^{name}: x has shape \(4, 4\); allowed: 4 axes"):
        pool(jnp.ones((4, 4)))
    with pytest.raises(ValueError, match=rf"^{name}: window is 0; allowed: 1 or more"):
        pool(jnp.ones((1, 4, 4, 1)), window=0)
    with pytest.raises(TypeError, match=rf"^{name}: x has dtype int32; allowed: floating"):
        pool(jnp.ones((1, 4, 4, 1), jnp.int32))


def test_weighted_pool_checks_its_rate():
    with pytest.raises(ValueError, match=r"^weighted_pool: rate is 1.5; allowed: \[0, 1\]"):
        weighted_pool(jnp.ones((1, 4, 4, 1)), rate=1.5)
