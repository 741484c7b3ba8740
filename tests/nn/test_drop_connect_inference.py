"""DropConnect's own inference: the mean of the activations over Gaussian draws."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from dropout_lab import ops
from dropout_lab.nn import DropConnect

pytestmark = pytest.mark.slow

X = jnp.asarray(np.random.default_rng(0).normal(size=(8, 6)).astype(np.float32))
INIT = nnx.initializers.lecun_normal()


@pytest.fixture
def connect():
    layer = DropConnect(6, 3, rate=0.5, kernel_init=INIT, rngs=nnx.Rngs(0))
    layer.bias[...] = jnp.arange(3.0)
    layer.eval()
    return layer


def test_the_mean_is_taken_after_the_activation(connect, key):
    connect.set_attributes(DropConnect, draws=4096)
    y = connect(X, activation=jax.nn.relu, rngs=key)
    u = ops.drop_connect_moments(X, rate=0.5, kernel=connect.kernel[...], bias=connect.bias[...])
    exact = ops.relu_moments(u)
    error = np.sqrt(np.asarray(exact.variance) / 4096)
    assert (np.abs(y - exact.mean) < 4.5 * error).all()  # of 24 means
    assert not (np.abs(jax.nn.relu(u.mean) - exact.mean) < 10 * error).all()


def test_draws_are_of_the_key_and_their_number(connect, key):
    u = ops.drop_connect_moments(X, rate=0.5, kernel=connect.kernel[...], bias=connect.bias[...])
    for draws in (1, 3):
        connect.set_attributes(DropConnect, draws=draws)
        samples = [jnp.tanh(ops.gaussian_sample(key, *u)) for key in jax.random.split(key, draws)]
        y = connect(X, activation=jnp.tanh, rngs=key)
        np.testing.assert_allclose(y, sum(samples) / draws, rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match="no `rngs` argument was provided to DropConnect"):
        connect(X)


def test_many_draws_add_up_in_bfloat16(connect, key):
    """A sum in steps of 1 stops at 256 there."""
    connect.set_attributes(DropConnect, draws=1024)
    for name in ("kernel", "bias"):
        setattr(connect, name, nnx.Param(getattr(connect, name)[...].astype(jnp.bfloat16)))
    y = connect(X.astype(jnp.bfloat16), activation=jnp.ones_like, rngs=key)
    assert y.dtype == jnp.bfloat16
    np.testing.assert_array_equal(y, 1)


def test_training_is_as_before(connect, key):
    connect.set_attributes(DropConnect, draws=3)
    arguments = {"rate": 0.5, "kernel": connect.kernel[...], "bias": connect.bias[...]}
    expected = ops.drop_connect(key, X, **arguments)
    np.testing.assert_array_equal(connect(X, deterministic=False, rngs=key), expected)
    connect.set_attributes(DropConnect, draws=None)
    expected = X @ connect.kernel[...] + connect.bias[...]
    np.testing.assert_allclose(connect(X), expected, rtol=1e-6)


def test_memory_is_one_draws(connect, key):
    activation = nnx.BatchNorm(3, use_running_average=True, rngs=nnx.Rngs(0))
    graph, state = nnx.split((connect, activation))

    def peak(draws):
        def run(state, key):
            layer, norm = nnx.merge(graph, state)
            layer.set_attributes(DropConnect, draws=draws)
            return layer(jnp.ones((256, 6)), activation=norm, rngs=key)

        compiled = jax.jit(run).lower(state, key).compile()
        analysis: Any = compiled.memory_analysis()
        return analysis.temp_size_in_bytes

    # Two more keys a draw, not 3 KB of outputs.
    assert peak(512) - peak(4) < 508 * 64


def test_a_rate_of_1_gives_what_training_gives(connect, key):
    connect.set_attributes(DropConnect, draws=2)
    connect.rate[...] = jnp.float32(1)
    np.testing.assert_array_equal(connect(X, rngs=key), 0)
