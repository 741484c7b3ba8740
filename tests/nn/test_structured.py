"""The parts of structured noise layers that ops lack: options, a rate, an inference rule."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from dropout_lab import ops
from dropout_lab.nn import (
    Cutout,
    DropBlock,
    DropRate,
    MaxPoolDropout,
    StochasticDepth,
    StochasticPool,
    WeightedChannelDropout,
    max_pool,
)

pytestmark = pytest.mark.slow

X = jnp.asarray(np.random.default_rng(0).uniform(0.1, 2, (4, 9, 9, 6)).astype(np.float32))

# What each layer with its default options samples, and infers.
DEFAULTS = [
    (
        DropBlock(0.3),
        lambda key: ops.drop_block(key, X, rate=0.3, block_size=7),
        lambda: X,
    ),
    (Cutout(), lambda key: ops.cutout(key, X, size=4), lambda: X),
    (
        MaxPoolDropout(0.3),
        lambda key: ops.max_pool_dropout(key, X, rate=0.3, window=2),
        lambda: ops.weighted_pool(X, rate=0.3, window=2),
    ),
    (
        StochasticPool(),
        lambda key: ops.stochastic_pool(key, X, window=2),
        lambda: ops.stochastic_pool_mean(X, window=2),
    ),
    (StochasticDepth(0.3), lambda key: ops.stochastic_depth(key, X, rate=0.3), lambda: X),
    (
        WeightedChannelDropout(0.3),
        lambda key: ops.weighted_channel_dropout(key, X, rate=0.3),
        lambda: X,
    ),
]
# And with others.
OPTIONS = [
    (
        DropBlock(0.3, block_size=2, per_channel=False),
        lambda key: ops.drop_block(key, X, rate=0.3, block_size=2, per_channel=False),
        lambda: X,
    ),
    (Cutout(block_size=3), lambda key: ops.cutout(key, X, size=3), lambda: X),
    (
        MaxPoolDropout(0.3, window=3),
        lambda key: ops.max_pool_dropout(key, X, rate=0.3, window=3),
        lambda: ops.weighted_pool(X, rate=0.3, window=3),
    ),
    (
        StochasticPool(window=3),
        lambda key: ops.stochastic_pool(key, X, window=3),
        lambda: ops.stochastic_pool_mean(X, window=3),
    ),
    (
        StochasticDepth(0.3, per_example=False),
        lambda key: ops.stochastic_depth(key, X, rate=0.3, per_example=False),
        lambda: X,
    ),
    (
        WeightedChannelDropout(0.3, extra_rate=0.2),
        lambda key: ops.weighted_channel_dropout(key, X, rate=0.3, extra_rate=0.2),
        lambda: X,
    ),
]


@pytest.mark.parametrize(("layer", "sample", "infer"), DEFAULTS + OPTIONS)
def test_layer_calls_its_op_and_infers_by_its_rule(layer, sample, infer, key):
    @jax.jit
    def outputs(key):
        return layer(X, rngs=key), sample(key), layer(X, deterministic=True), infer()

    y, drawn, still, mean = outputs(key)
    np.testing.assert_array_equal(y, drawn)
    np.testing.assert_array_equal(still, mean)
    assert y.shape == still.shape
    assert not np.array_equal(y, still)


@pytest.mark.parametrize(
    "make", [DropBlock, MaxPoolDropout, StochasticDepth, WeightedChannelDropout]
)
def test_the_rate_is_the_one_variable(make, key):
    layer = make(0.25)
    assert [float(leaf) for leaf in jax.tree.leaves(nnx.state(layer))] == [0.25]
    assert isinstance(layer.rate, DropRate)
    layer.rate[...] = jnp.float32(1)
    np.testing.assert_array_equal(jax.jit(lambda key: layer(X, rngs=key))(key), 0)
    name = make.__name__
    with pytest.raises(ValueError, match=rf"^{name}: rate is 1.5; allowed: \[0, 1\]"):
        make(1.5)


def test_a_schedule_of_the_rate_moves_the_inference_of_max_pool_dropout():
    layer = MaxPoolDropout(0.3, deterministic=True)
    layer.rate[...] = jnp.float32(0)
    np.testing.assert_array_equal(layer(X), max_pool(X, 2))


def test_streams_at_construction_give_fresh_noise_at_every_call():
    layer = Cutout(rngs=nnx.Rngs(dropout=0))
    assert not np.array_equal(layer(X), layer(X))


def test_extra_rate_is_checked():
    with pytest.raises(ValueError, match=r"^WeightedChannelDropout, extra_rate: rate is 2; allo"):
        WeightedChannelDropout(0.5, extra_rate=2)
