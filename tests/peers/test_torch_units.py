"""Noise on units agrees in distribution with PyTorch's: values, drop fractions, moments.

Both sides draw, and :mod:`tests.peers.compare` says when they agree.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dropout_lab import ops
from tests.peers.compare import assert_dropped_as_often, assert_same_moments, dropped_maps, wide

torch = pytest.importorskip("torch", reason="needs PyTorch: pip install -e '.[peers]'")

pytestmark = pytest.mark.slow

RATES = st.floats(0.05, 0.95)
SEEDS = st.integers(0, 2**31)
random_cases = settings(derandomize=True, deadline=None, max_examples=4)


def channels_first(x):
    return np.moveaxis(x, -1, 1)


def run(module, x):
    """Returns what a module of PyTorch draws in training, for channels last."""
    module.train()
    first = torch.from_numpy(np.ascontiguousarray(channels_first(x)))
    return np.moveaxis(module(first).numpy(), 1, -1)


@random_cases
@given(st.lists(st.integers(8, 64), min_size=1, max_size=3), RATES, SEEDS)
def test_dropout(shape, rate, seed):
    torch.manual_seed(seed)
    shape = (256, *shape)
    ours = wide(ops.dropout(jax.random.key(seed), jnp.ones(shape), rate=rate))
    theirs = wide(torch.nn.Dropout(rate)(torch.ones(shape)))
    np.testing.assert_allclose(np.unique(ours), np.unique(theirs), rtol=1e-6)
    assert_dropped_as_often(ours == 0, theirs == 0)
    x = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    ours = ops.dropout(jax.random.key(seed + 1), jnp.asarray(x), rate=rate)
    assert_same_moments(ours, torch.nn.Dropout(rate)(torch.from_numpy(x)), x.size)


SPATIAL = [torch.nn.Dropout1d, torch.nn.Dropout2d, torch.nn.Dropout3d]


@pytest.mark.parametrize("space", [1, 2, 3])
@random_cases
@given(st.data(), RATES, SEEDS)
def test_spatial_dropout(space, data, rate, seed):
    torch.manual_seed(seed)
    sizes = data.draw(st.tuples(*[st.integers(1, 4)] * space))
    shape = (256, *sizes, data.draw(st.integers(8, 32)))
    ours = wide(ops.spatial_dropout(jax.random.key(seed), jnp.ones(shape), rate=rate))
    theirs = run(SPATIAL[space - 1](rate), np.ones(shape, np.float32))
    np.testing.assert_allclose(np.unique(ours), np.unique(theirs), rtol=1e-6)
    assert_dropped_as_often(dropped_maps(ours), dropped_maps(theirs))
    x = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    ours = ops.spatial_dropout(jax.random.key(seed + 1), jnp.asarray(x), rate=rate)
    assert_same_moments(ours, run(SPATIAL[space - 1](rate), x), shape[0] * shape[-1])


@pytest.mark.parametrize(
    ("function", "peer"),
    [
        (ops.alpha_dropout, torch.nn.AlphaDropout),
        (ops.feature_alpha_dropout, torch.nn.FeatureAlphaDropout),
    ],
)
@random_cases
@given(st.tuples(st.integers(1, 4), st.integers(1, 4)), st.integers(8, 32), RATES, SEEDS)
def test_alpha_dropouts(function, peer, sizes, channels, rate, seed):
    torch.manual_seed(seed)
    shape = (256, *sizes, channels)
    ours = wide(function(jax.random.key(seed), jnp.full(shape, 2.0), rate=rate))
    theirs = wide(run(peer(rate), np.full(shape, 2, np.float32)))
    # The value of a dropped unit, then that of a kept one.
    low, high = np.unique(ours)
    gone = [y < (low + high) / 2 for y in (ours, theirs)]
    np.testing.assert_allclose(theirs, np.where(gone[1], low, high), rtol=1e-5, atol=1e-5)
    if function is ops.feature_alpha_dropout:
        for mask in gone:
            assert (mask == mask[:, :1, :1]).all()
        gone = [mask[:, 0, 0] for mask in gone]
    assert_dropped_as_often(*gone)
    x = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    ours = function(jax.random.key(seed + 1), jnp.asarray(x), rate=rate)
    assert_same_moments(ours, run(peer(rate), x), gone[0].size)
