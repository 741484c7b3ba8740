"""Noise layers' own parts: a rate that is a variable, an inference rule, a penalty."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from dropout_lab import nn, ops
from dropout_lab.nn import (
    ClassicDropout,
    DropConnect,
    Dropout,
    DropRate,
    GaussianDropout,
    Linear,
    SpatialDropout,
    Stochastic,
    VariationalDropout,
)

RNG = np.random.default_rng(0)
X = jnp.asarray(RNG.normal(size=(16, 6)).astype(np.float32))
LABELS = RNG.integers(0, 3, 16)
INIT = nnx.initializers.lecun_normal()
OP_LAYERS = [layer for name in nn.__all__ if hasattr(layer := getattr(nn, name), "_op")]


class Network(nnx.Module):
    """Dropout, batch normalisation and DropConnect: every kind of state that a model has."""

    def __init__(self, rngs):
        self.dropout = Dropout(0.25)
        self.first = Linear(6, 8, kernel_init=INIT, rngs=rngs)
        self.norm = nnx.BatchNorm(8, momentum=0.9, rngs=rngs)
        self.last = DropConnect(8, 3, rate=0.5, kernel_init=INIT, rngs=rngs)

    def __call__(self, x, rngs=None):
        x = self.norm(self.first(self.dropout(x, rngs=rngs)))
        return self.last(jax.nn.relu(x), rngs=rngs)


@pytest.fixture
def network():
    return Network(nnx.Rngs(0))


def test_rates_split_off_the_parameters(network):
    _, *states = nnx.split(network, nnx.Param, DropRate, ...)
    params, rates, rest = states
    assert sorted(float(rate) for rate in jax.tree.leaves(rates)) == [0.25, 0.5]
    assert len(jax.tree.leaves(params)) == 6
    assert len(jax.tree.leaves(rest)) == 2  # the running mean and variance
    assert {leaf.dtype for leaf in jax.tree.leaves(rates)} == {jnp.dtype("float32")}


def test_a_rate_can_be_written(network):
    x = jnp.ones((1, 1000))
    network.dropout.rate[...] = jnp.float32(1)
    np.testing.assert_array_equal(network.dropout(x, rngs=nnx.Rngs(dropout=0)), 0)
    network.dropout.rate[...] = jnp.float32(0)
    np.testing.assert_array_equal(network.dropout(x, rngs=nnx.Rngs(dropout=0)), x)


def test_one_trace_serves_all_rates_and_seeds(network):
    graph, *states = nnx.split(network, nnx.Param, DropRate, ...)
    params, rates, rest = states
    traces = 0

    @jax.jit
    @jax.vmap
    def step(rate, seed):
        nonlocal traces
        traces += 1

        def loss(params):
            swept = jax.tree.map(lambda _: rate, rates)
            model = nnx.merge(graph, params, swept, rest, copy=True)
            logits = model(X, rngs=nnx.Rngs(dropout=jax.random.key(seed)))
            losses = optax.softmax_cross_entropy_with_integer_labels(logits, LABELS)
            return losses.mean(), nnx.state(model, nnx.BatchStat)

        return jax.value_and_grad(loss, has_aux=True)(params)

    for first in (0, 4):
        seeds = jnp.arange(first, first + 4, dtype=jnp.uint32)
        (losses, stats), gradients = step(jnp.array([0, 0.3, 0.3, 1], jnp.float32), seeds)
    assert traces == 1
    assert len(np.unique(losses)) == 4
    # At rate 1 the logits are 0 and nothing has a gradient.
    np.testing.assert_allclose(losses[3], np.log(3), rtol=1e-6)
    assert all((np.asarray(leaf)[3] == 0).all() for leaf in jax.tree.leaves(gradients))
    everything = jax.tree.leaves((losses, stats, gradients))
    assert all(np.isfinite(leaf).all() for leaf in everything)


@pytest.mark.slow
def test_noise_can_be_on_while_batch_norm_is_frozen(network):
    network.eval()
    network.set_attributes(Stochastic, deterministic=False, raise_if_not_found=False)
    before = np.asarray(network.norm.mean[...])
    outputs = [np.asarray(network(X, rngs=nnx.Rngs(dropout=seed))) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(outputs[0], outputs[1])
    assert not np.array_equal(outputs[0], outputs[2])
    np.testing.assert_array_equal(network.norm.mean[...], before)
    # And the other way round.
    network.train()
    network.set_attributes(Stochastic, deterministic=True)
    network(X)
    assert not np.array_equal(network.norm.mean[...], before)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16, jnp.float16])
def test_classic_dropout_scales_at_inference(dtype):
    x = X.astype(dtype)
    y = ClassicDropout(0.3, deterministic=True)(x)
    assert y.dtype == dtype
    # The rate is not rounded to x's type: only the product is.
    scale = np.float32(1) - np.float32(0.3)
    np.testing.assert_array_equal(y, (np.asarray(x).astype(np.float32) * scale).astype(dtype))


def test_classic_dropouts_inference_is_its_mean():
    layer = ClassicDropout(0.3)
    sample = jax.jit(jax.vmap(lambda key: layer(jnp.float32(2), rngs=key)))
    n = 2**16
    mean = sample(jax.random.split(jax.random.key(0), n)).mean()
    expected = layer(jnp.float32(2), deterministic=True)
    assert abs(mean - expected) < 4 * 2 * np.sqrt(0.3 * 0.7 / n)


@pytest.mark.parametrize(
    "make",
    [Dropout, SpatialDropout, GaussianDropout, lambda rate: VariationalDropout(rate, shape=(6,))],
)
def test_inverted_kinds_do_nothing_at_inference(make):
    np.testing.assert_array_equal(make(0.5)(X, deterministic=True), X)


@pytest.mark.parametrize(
    ("layer", "op"),
    [(SpatialDropout(0.4), ops.spatial_dropout), (GaussianDropout(0.4), ops.gaussian_dropout)],
)
def test_layer_calls_its_op(layer, op, key):
    x = X.reshape(2, 2, 4, 6)
    np.testing.assert_array_equal(layer(x, rngs=key), op(key, x, rate=0.4))


def test_rate_1_is_an_error_for_gaussian_dropout_only():
    with pytest.raises(ValueError, match=r"GaussianDropout: rate is 1; allowed: \[0, 1\), "):
        GaussianDropout(1)
    np.testing.assert_array_equal(Dropout(1)(X, rngs=nnx.Rngs(dropout=0)), 0)


@pytest.mark.parametrize(
    ("rate", "alpha"),
    [(0, 1e-4), (0.2, 0.25), (0.4, 2 / 3), (0.5, 0.95), (0.9, 0.95), (0.99, 0.95)],
)
def test_variational_dropout_starts_from_a_dropout_rate(rate, alpha):
    layer = VariationalDropout(rate, shape=(3,))
    np.testing.assert_allclose(layer.alpha, alpha, rtol=1e-5)
    np.testing.assert_allclose(layer.penalty(), 3 * ops.variational_kl(layer.alpha), rtol=1e-6)


def test_variational_dropout_learns_its_variance(key):
    layer = VariationalDropout(0.2, shape=(6,))
    graph, params = nnx.split(layer, nnx.Param)

    @jax.jit
    @jax.grad
    def gradient(params, weight):
        model = nnx.merge(graph, params)
        return (model(X, rngs=key) ** 2).mean() + weight * model.penalty()

    # Noise costs squared error; the divergence rewards it.
    (noise,) = jax.tree.leaves(gradient(params, 0.0))
    (both,) = jax.tree.leaves(gradient(params, 1.0))
    assert noise > 0 > both
    expected = ops.variational_dropout(key, X, alpha=layer.alpha)
    np.testing.assert_array_equal(layer(X, rngs=key), expected)


@pytest.fixture
def connect():
    layer = DropConnect(6, 3, rate=0.5, kernel_init=INIT, rngs=nnx.Rngs(0))
    layer.bias[...] = jnp.arange(3.0)
    return layer


def test_drop_connect_is_a_dense_layer_at_inference(connect):
    dense = Linear(6, 3, kernel_init=INIT, rngs=nnx.Rngs(0))
    np.testing.assert_array_equal(dense.kernel[...], connect.kernel[...])
    dense.bias[...] = connect.bias[...]
    connect.eval()
    np.testing.assert_array_equal(connect(X), dense(X))
    np.testing.assert_allclose(
        dense(X), np.asarray(X) @ np.asarray(dense.kernel[...]) + np.arange(3), rtol=1e-5, atol=1e-6
    )


def test_drop_connect_draws_in_training(connect, key):
    y = connect(X, rngs=key)
    arguments = {"kernel": connect.kernel[...], "bias": connect.bias[...]}
    np.testing.assert_array_equal(y, ops.drop_connect(key, X, rate=0.5, **arguments))
    with pytest.raises(ValueError, match="no `rngs` argument was provided to DropConnect"):
        connect(X)


@pytest.mark.parametrize("per_example", [True, False])
def test_drop_connect_draws_per_example_or_per_batch(per_example, key):
    layer = DropConnect(6, 3, rate=0.5, per_example=per_example, kernel_init=INIT, rngs=nnx.Rngs(0))
    outputs = layer(jnp.ones((8, 6)), rngs=key)
    assert len(np.unique(outputs, axis=0)) == (8 if per_example else 1)


def test_drop_connect_rate_is_checked():
    with pytest.raises(ValueError, match=r"^DropConnect: rate is 1.5; allowed: \[0, 1\]"):
        DropConnect(6, 3, rate=1.5, kernel_init=INIT, rngs=nnx.Rngs(0))


@pytest.mark.parametrize("layer", OP_LAYERS)
def test_a_layers_highest_rate_is_its_ops(layer):
    assert layer.max_rate == ops.MAX_RATES.get(layer._op.__name__, 1.0)
    with pytest.raises(ValueError, match=rf"^{layer.__name__}: rate is 1\.5; allowed: \[0, "):
        layer(1.5)
