"""Uout's noise: its range, and the shift of variance that it was made to lessen."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats  # type: ignore[import-untyped]

from dropout_lab.ops import dropout, uniform_dropout

pytestmark = pytest.mark.slow

N = 2**18


@functools.partial(jax.jit, static_argnums=0)
def draw(function, key, x, rate):
    return function(key, x, rate=rate)


@pytest.mark.parametrize("rate", [0.01, 0.1, 0.25])
def test_noise_is_uniform_between_the_ends_that_the_rate_gives(rate, key):
    noise = np.asarray(draw(uniform_dropout, key, jnp.ones(N), rate), np.float64)
    beta = np.sqrt(3 * rate / (1 - rate))
    assert stats.kstest(noise, "uniform", (1 - beta, 2 * beta)).pvalue > 1e-4
    assert noise.min() >= 1 - beta - 1e-6
    assert noise.max() <= 1 + beta + 1e-6


def test_highest_rate_is_where_noise_reaches_zero(key):
    noise = np.asarray(draw(uniform_dropout, key, jnp.ones(N), 0.25))
    assert 0 < noise.min() < 1e-4
    assert 2 - 1e-4 < noise.max() < 2


@pytest.mark.parametrize("function", [uniform_dropout, dropout])
@pytest.mark.parametrize("rate", [0.05, 0.25])
def test_variance_at_inference_is_1_minus_rate_of_that_in_training(function, rate, key):
    x = np.random.default_rng(0).normal(size=N).astype(np.float32)
    y = np.asarray(draw(function, key, jnp.asarray(x), rate), np.float64)
    # Of mean 0 both: their second moments are variances.
    difference = (1 - rate) * y**2 - x**2
    bound = 4 * difference.std() / np.sqrt(N)
    assert abs(difference.mean()) < bound < rate / 4


def test_a_traced_rate_above_the_highest_counts_as_the_highest(key):
    x = jnp.ones(64)
    highest = draw(uniform_dropout, key, x, 0.25)
    for rate in (0.3, 1.0):
        np.testing.assert_array_equal(draw(uniform_dropout, key, x, rate), highest)
    assert not np.array_equal(draw(uniform_dropout, key, x, 0.2), highest)


def test_draws_are_independent_of_each_other(key):
    noise = np.asarray(draw(uniform_dropout, key, jnp.ones((512, 512)), 0.25), np.float64) - 1
    for axis in (0, 1):
        pairs = (noise * np.roll(noise, 1, axis)).ravel()
        assert abs(pairs.mean()) < 4 * pairs.std() / np.sqrt(pairs.size)


def test_gradient_is_the_noise(key):
    noise = draw(uniform_dropout, key, jnp.ones((4, 6)), 0.2)
    gradient = jax.grad(lambda x: uniform_dropout(key, x, rate=0.2).sum())(3 * jnp.ones((4, 6)))
    np.testing.assert_allclose(gradient, noise, rtol=1e-6)
