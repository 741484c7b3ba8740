"""Noise on units agrees in distribution with Keras's: values, drop fractions, moments.

Keras runs on JAX, so no other framework is needed. Both sides draw, and :mod:`tests.peers.compare`
says when they agree.
"""

import os

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dropout_lab import ops
from tests.peers.compare import assert_dropped_as_often, assert_same_moments, dropped_maps, wide

os.environ["KERAS_BACKEND"] = "jax"
keras = pytest.importorskip("keras", reason="needs Keras: pip install -e '.[peers]'")

pytestmark = pytest.mark.slow

RATES = st.floats(0.05, 0.95)
SEEDS = st.integers(0, 2**31)
random_cases = settings(derandomize=True, deadline=None, max_examples=4)


def run(layer, x):
    return wide(layer(jnp.asarray(x, jnp.float32), training=True))


def test_backend_is_jax():
    assert keras.backend.backend() == "jax"


@random_cases
@given(st.lists(st.integers(8, 64), min_size=1, max_size=2), RATES, SEEDS)
def test_gaussian_dropout(shape, rate, seed):
    shape = (512, *shape)
    layer = keras.layers.GaussianDropout(rate, seed=seed)
    noise = ops.gaussian_dropout(jax.random.key(seed), jnp.ones(shape), rate=rate)
    assert_same_moments(noise, run(layer, np.ones(shape)), noise.size)
    x = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    ours = ops.gaussian_dropout(jax.random.key(seed + 1), jnp.asarray(x), rate=rate)
    assert_same_moments(ours, run(layer, x), x.size)


SPATIAL = [
    keras.layers.SpatialDropout1D,
    keras.layers.SpatialDropout2D,
    keras.layers.SpatialDropout3D,
]


@pytest.mark.parametrize("space", [1, 2, 3])
@random_cases
@given(st.data(), RATES, SEEDS)
def test_spatial_dropout(space, data, rate, seed):
    sizes = data.draw(st.tuples(*[st.integers(1, 4)] * space))
    shape = (256, *sizes, data.draw(st.integers(8, 32)))
    layer = SPATIAL[space - 1](rate, seed=seed)
    ours = wide(ops.spatial_dropout(jax.random.key(seed), jnp.ones(shape), rate=rate))
    theirs = run(layer, np.ones(shape))
    np.testing.assert_allclose(np.unique(ours), np.unique(theirs), rtol=1e-6)
    assert_dropped_as_often(dropped_maps(ours), dropped_maps(theirs))
    x = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    ours = ops.spatial_dropout(jax.random.key(seed + 1), jnp.asarray(x), rate=rate)
    assert_same_moments(ours, run(layer, x), shape[0] * shape[-1])


@random_cases
@given(st.lists(st.integers(8, 64), min_size=1, max_size=2), RATES, SEEDS)
def test_alpha_dropout(shape, rate, seed):
    shape = (256, *shape)
    layer = keras.layers.AlphaDropout(rate, seed=seed)
    ours = wide(ops.alpha_dropout(jax.random.key(seed), jnp.full(shape, 2.0), rate=rate))
    theirs = run(layer, np.full(shape, 2))
    # The value of a dropped unit, then that of a kept one.
    low, high = np.unique(ours)
    expected = np.where(theirs < (low + high) / 2, low, high)
    np.testing.assert_allclose(theirs, expected, rtol=1e-5, atol=1e-5)
    assert_dropped_as_often(ours == low, expected == low)
    x = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    ours = ops.alpha_dropout(jax.random.key(seed + 1), jnp.asarray(x), rate=rate)
    assert_same_moments(ours, run(layer, x), x.size)
