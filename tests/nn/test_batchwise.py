"""Layers with batchwise dropout against full products and masks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from dropout_lab import ops
from dropout_lab.nn import BatchwiseDense, BatchwiseInput, BatchwiseOutput

INPUTS, UNITS, OUTPUTS = 12, 10, 3
RATE, INPUT_RATE = 0.5, 0.25


@pytest.fixture(params=[0.0, 1.0], ids=["all computed", "dropped ones left out"])
def layers(request):
    """Returns three layers; the parameter is the share left out over the rate."""
    init = nnx.initializers.normal(1.0)
    share = request.param * RATE
    return [
        BatchwiseInput(
            INPUTS,
            UNITS,
            rate=INPUT_RATE,
            input_share=request.param * INPUT_RATE,
            hidden_rate=RATE,
            unit_share=share,
            kernel_init=init,
            rngs=nnx.Rngs(0),
        ),
        BatchwiseDense(
            UNITS, UNITS, rate=RATE, unit_share=share, kernel_init=init, rngs=nnx.Rngs(1)
        ),
        BatchwiseOutput(UNITS, OUTPUTS, kernel_init=init, rngs=nnx.Rngs(2)),
    ]


@pytest.fixture
def x(key):
    return jax.random.normal(key, (5, INPUTS))


def run(layers, x, key=None):
    """Returns the output of three layers, and what the first two pass on."""
    if key is not None:
        keys = jax.random.split(key, 3)
        first = layers[0](x, activation=jax.nn.sigmoid, rngs=keys[0])
        second = layers[1](first, activation=jax.nn.sigmoid, rngs=keys[1])
        return layers[2](second, rngs=keys[2]), (first, second)
    first = layers[0](x, activation=jax.nn.sigmoid, deterministic=True)
    second = layers[1](first, activation=jax.nn.sigmoid, deterministic=True)
    return layers[2](second, deterministic=True), ()


def masked(weights, x, masks):
    """Returns the output of the same network with full products and masks."""
    (first, first_bias), (second, second_bias), (last, last_bias) = weights
    y = masks[1] * jax.nn.sigmoid((x * masks[0]) @ first + first_bias)
    y = masks[2] * jax.nn.sigmoid(y @ second + second_bias)
    return y @ last + last_bias


@pytest.mark.slow
def test_output_and_gradients_are_those_of_full_products_with_masks(layers, x, key):
    graphs, states = zip(*map(nnx.split, layers), strict=True)

    def output(states, x):
        y, _ = run([*map(nnx.merge, graphs, states)], x, key)
        return (y**2).sum()

    _, passed_on = run(layers, x, key)
    masks = [kept._replace(values=jnp.ones_like(kept.values[0])).whole(UNITS) for kept in passed_on]
    input_key = jax.random.split(jax.random.split(key, 3)[0])[1]
    seen = ops.batchwise_dropout(input_key, jnp.ones(INPUTS), rate=INPUT_RATE)
    weights = [(layer.kernel[...], layer.bias[...]) for layer in layers]

    def expected(weights, x):
        return (masked(weights, x, [seen, *masks]) ** 2).sum()

    found = jax.jit(jax.value_and_grad(output, (0, 1)))(states, x)
    wanted = jax.value_and_grad(expected, (0, 1))(weights, x)
    np.testing.assert_allclose(found[0], wanted[0], rtol=1e-5)
    np.testing.assert_allclose(found[1][1], wanted[1][1], rtol=1e-4, atol=1e-5)
    for layer, (kernel, bias) in zip(found[1][0], wanted[1][0], strict=True):
        np.testing.assert_allclose(layer["kernel"][...], kernel, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(layer["bias"][...], bias, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_what_is_passed_on_has_the_fixed_count(layers, x, key):
    _, passed_on = run(layers, x, key)
    for kept in passed_on:
        assert (kept.scale > 0).sum() == 5
        assert set(kept.scale[kept.scale > 0].tolist()) == {2.0}
        assert kept.values.shape == (5, 10 if layers[1].unit_share == 0 else 5)
        assert (np.diff(kept.units) > 0).all()


def test_inference_is_the_plain_network(layers, x):
    weights = [(layer.kernel[...], layer.bias[...]) for layer in layers]
    output, _ = run(layers, x)
    np.testing.assert_allclose(output, masked(weights, x, [1, 1, 1]), rtol=1e-5)


def test_a_rate_above_the_share_masks_the_rest(layers, x, key):
    layers[1].rate = 0.8
    _, (_, kept) = run(layers, x, key)
    assert (kept.scale > 0).sum() == 2
    assert kept.scale.max() == 5


def test_at_rate_1_nothing_is_left_but_the_bias(layers, x, key):
    layers[1].rate = 1.0
    output, _ = run(layers, x, key)
    np.testing.assert_array_equal(output, np.zeros((5, OUTPUTS)))


@pytest.mark.slow
def test_lanes_have_masks_of_their_own(layers, x, key):
    keys = jax.random.split(key, 4)
    outputs = jax.vmap(lambda key: run(layers, x, key)[0])(keys)
    alone = [run(layers, x, key)[0] for key in keys]
    np.testing.assert_allclose(outputs, alone, rtol=1e-5, atol=1e-6)
    assert len({float(output[0, 0]) for output in outputs}) == 4


@pytest.mark.parametrize("rows", [None, [0, 2, 3]])
@pytest.mark.parametrize("columns", [None, [1, 4]])
def test_the_gradient_of_a_submatrix_is_indexings(rows, columns, key):
    kernel = jax.random.normal(key, (4, 5))
    rows, columns = (None if index is None else jnp.array(index) for index in (rows, columns))
    weights = jax.random.normal(key, ops.submatrix(kernel, rows, columns).shape)

    def plain(kernel):
        left = kernel if rows is None else kernel[rows]
        return ((left if columns is None else left[:, columns]) * weights).sum()

    def total(kernel):
        return (ops.submatrix(kernel, rows, columns) * weights).sum()

    found, expected = (jax.value_and_grad(function)(kernel) for function in (total, plain))
    jax.tree.map(np.testing.assert_array_equal, found, expected)
