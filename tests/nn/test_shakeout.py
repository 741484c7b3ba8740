"""A Shakeout layer: the op in training, a plain layer at inference."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from dropout_lab import ops
from dropout_lab.nn import DropRate, Linear, Shakeout

pytestmark = pytest.mark.slow

X = jnp.asarray(np.random.default_rng(0).normal(size=(16, 6)).astype(np.float32))
INIT = nnx.initializers.lecun_normal()


@pytest.fixture
def layer():
    layer = Shakeout(6, 3, rate=0.5, strength=0.3, kernel_init=INIT, rngs=nnx.Rngs(0))
    layer.bias[...] = jnp.arange(3.0)
    return layer


def test_it_draws_in_training(layer, key):
    y = layer(X, activation=jax.nn.relu, rngs=key)
    arguments = {"kernel": layer.kernel[...], "bias": layer.bias[...]}
    u = ops.shakeout(key, X, rate=0.5, strength=0.3, **arguments)
    np.testing.assert_array_equal(y, jax.nn.relu(u))
    layer.rate[...] = jnp.float32(0.25)
    u = ops.shakeout(key, X, rate=0.25, strength=0.3, **arguments)
    np.testing.assert_array_equal(layer(X, rngs=key), u)


def test_it_is_a_dense_layer_at_inference(layer):
    dense = Linear(6, 3, kernel_init=INIT, rngs=nnx.Rngs(0))
    dense.bias[...] = layer.bias[...]
    np.testing.assert_array_equal(layer(X, deterministic=True), dense(X))


def test_arguments_are_checked():
    def make(**arguments):
        return Shakeout(6, 3, kernel_init=INIT, rngs=nnx.Rngs(0), **arguments)

    assert isinstance(make(rate=0.5).rate, DropRate)
    assert make(rate=0.5).strength == 0.1
    with pytest.raises(ValueError, match=r"^Shakeout: rate is 1; allowed: \[0, 1\)"):
        make(rate=1)
    with pytest.raises(ValueError, match=r"^Shakeout: strength is -1; allowed: finite"):
        make(rate=0.5, strength=-1)
