"""Layers with information dropout: the width of their noise, and the divergence they leave."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from dropout_lab import ops
from dropout_lab.nn import BatchPenalty, Conv, InformationConv, InformationDropout, Linear

pytestmark = pytest.mark.slow

INIT = nnx.initializers.lecun_normal()
RNG = np.random.default_rng(0)
ROWS = jnp.asarray(RNG.normal(size=(16, 6)).astype(np.float32))
IMAGES = jnp.asarray(RNG.normal(size=(4, 5, 5, 2)).astype(np.float32))


def dense(**arguments):
    return InformationDropout(6, 3, kernel_init=INIT, rngs=nnx.Rngs(0), **arguments)


def convolution(**arguments):
    return InformationConv(2, 3, 3, kernel_init=INIT, rngs=nnx.Rngs(0), **arguments)


CASES = [
    (dense, lambda: Linear(6, 3, kernel_init=INIT, rngs=nnx.Rngs(0)), ROWS),
    (convolution, lambda: Conv(2, 3, 3, kernel_init=INIT, rngs=nnx.Rngs(0)), IMAGES),
]
both = pytest.mark.parametrize(("make", "plain", "x"), CASES, ids=["dense", "convolution"])


def noise_map(layer, plain, x):
    """Returns the noise's map: a plain layer with its weights."""
    plain.kernel[...] = layer.noise_kernel[...]
    plain.bias[...] = layer.noise_bias[...]
    return np.asarray(plain(x), np.float64)


@both
def test_output_is_noisy_after_the_activation(make, plain, x, key):
    layer = make()
    layer.noise_bias[...] = jnp.array([-1.0, 0.0, 1.0])
    alpha = 0.001 + 0.7 / (1 + np.exp(-noise_map(layer, plain(), x)))
    units = plain()(x, activation=jax.nn.relu)
    y = layer(x, activation=jax.nn.relu, rngs=key)
    expected = ops.information_dropout(key, units, alpha=jnp.asarray(alpha.astype(np.float32)))
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-6)
    assert ((y > 0) == (units > 0)).all()
    assert not np.allclose(y, units)


@both
def test_penalty_is_the_divergence_of_an_example(make, plain, x, key):
    layer = make(max_alpha=0.5)
    layer(x, rngs=key)
    alpha = 0.001 + 0.5 / (1 + np.exp(-noise_map(layer, plain(), x)))
    expected = -np.log(alpha / 0.501).sum() / len(x)
    np.testing.assert_allclose(layer.penalty(), expected, rtol=1e-5)
    # A batch that says everything twice has the same mean.
    layer(jnp.concatenate([x, x]), rngs=key)
    np.testing.assert_allclose(layer.penalty(), expected, rtol=1e-5)


@both
def test_layer_is_a_plain_one_at_inference(make, plain, x, key):
    layer = make()
    assert layer.penalty() == 0
    y = layer(x, activation=jax.nn.relu, deterministic=True)
    np.testing.assert_array_equal(y, plain()(x, activation=jax.nn.relu))
    assert layer.penalty() == 0
    layer(x, rngs=key)
    left = float(layer.penalty())
    layer(2 * x, deterministic=True)
    assert layer.penalty() == left > 0


@both
def test_penalty_has_gradients_where_it_was_called(make, plain, x, key):
    layer = make()
    graph, *states = nnx.split(layer, nnx.Param, ...)
    params, rest = states
    (divergence,) = jax.tree.leaves(rest)
    assert isinstance(layer.divergence, BatchPenalty)
    assert (divergence.shape, divergence.dtype) == ((), jnp.float32)

    @jax.jit
    @jax.value_and_grad
    def penalty(params):
        model = nnx.merge(graph, params, rest, copy=True)
        model(x, rngs=key)
        return model.penalty()

    value, slopes = penalty(params)
    names = {"kernel": 0, "bias": 0, "noise_kernel": 1, "noise_bias": 1}
    assert {name: int(np.any(slopes[name][...])) for name in names} == names
    for name in ("noise_kernel", "noise_bias"):
        step = 1e-2 * slopes[name][...] / jnp.linalg.norm(slopes[name][...])
        ends = []
        for sign in (-1, 1):
            changed = jax.tree.map(lambda leaf: leaf, params)
            changed[name][...] = params[name][...] + sign * step
            ends.append(penalty(changed)[0])
        slope = float(ends[1] - ends[0]) / 2e-2
        np.testing.assert_allclose(slope, jnp.linalg.norm(slopes[name][...]), rtol=1e-2)
    # More noise costs fewer nats.
    changed = jax.tree.map(lambda leaf: leaf, params)
    changed["noise_bias"][...] = layer.noise_bias[...] + 1
    assert penalty(changed)[0] < value
    assert layer.penalty() == 0


@both
def test_loss_has_gradients_for_the_noise(make, plain, x, key):
    graph, *states = nnx.split(make(), nnx.Param, ...)
    params, rest = states

    @jax.jit
    @jax.grad
    def slopes(params):
        model = nnx.merge(graph, params, rest, copy=True)
        return (model(x, rngs=key) ** 2).mean()

    assert all(np.any(leaf) for leaf in jax.tree.leaves(slopes(params)))


def test_leading_axes_are_all_examples(key):
    layer = dense()
    layer(ROWS, rngs=key)
    flat = float(layer.penalty())
    layer(ROWS.reshape(2, 8, 6), rngs=key)
    np.testing.assert_allclose(layer.penalty(), flat, rtol=1e-6)


def test_noise_starts_half_way(key):
    layer = dense()
    np.testing.assert_array_equal(layer.noise_bias[...], 0)
    np.testing.assert_allclose(layer.alpha(0 * ROWS), 0.351, rtol=1e-6)
    # Glorot's bound for 6 inputs and 3 outputs.
    assert 0.5 < abs(layer.noise_kernel[...]).max() / np.sqrt(6 / 9) <= 1
    assert not np.array_equal(layer.noise_kernel[...], layer.kernel[...])


@pytest.mark.parametrize("make", [dense, convolution])
def test_max_alpha_is_checked(make):
    name = type(make()).__name__
    for bad in (0, -1, np.inf, np.nan):
        with pytest.raises(ValueError, match=rf"^{name}: max_alpha is {bad}; allowed: finite, ab"):
            make(max_alpha=bad)
