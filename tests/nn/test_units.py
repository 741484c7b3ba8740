"""Unit noise made for batch normalisation and for SELU: the ops that layers call, and inference."""

import jax.numpy as jnp
import numpy as np
import pytest

from dropout_lab import ops
from dropout_lab.nn import AlphaDropout, DropRate, FeatureAlphaDropout, UniformDropout

pytestmark = pytest.mark.slow

X = jnp.asarray(np.random.default_rng(0).normal(size=(2, 2, 4, 6)).astype(np.float32))
LAYERS = [
    (UniformDropout, ops.uniform_dropout),
    (AlphaDropout, ops.alpha_dropout),
    (FeatureAlphaDropout, ops.feature_alpha_dropout),
]


@pytest.mark.parametrize(("make", "op"), LAYERS)
def test_layer_calls_its_op_with_the_rate_in_force(make, op, key):
    layer = make(0.1)
    assert isinstance(layer.rate, DropRate)
    np.testing.assert_array_equal(layer(X, rngs=key), op(key, X, rate=0.1))
    layer.rate[...] = jnp.float32(0.2)
    np.testing.assert_array_equal(layer(X, rngs=key), op(key, X, rate=0.2))


@pytest.mark.parametrize(("make", "op"), LAYERS)
def test_nothing_is_done_at_inference(make, op, key):
    np.testing.assert_array_equal(make(0.2)(X, deterministic=True), X)


def test_highest_rates():
    UniformDropout(0.25)
    with pytest.raises(ValueError, match=r"^UniformDropout: rate is 0.26; allowed: \[0, 0.25\]"):
        UniformDropout(0.26)
    for make in (AlphaDropout, FeatureAlphaDropout):
        make(0.999)
        with pytest.raises(ValueError, match=rf"^{make.__name__}: rate is 1; allowed: \[0, 1\), "):
            make(1)
