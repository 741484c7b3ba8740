"""Layers with concrete dropout: what they draw, and what their rate learns from."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from dropout_lab import ops
from dropout_lab.nn import ConcreteConv, ConcreteDense, conv

pytestmark = pytest.mark.slow

RNG = np.random.default_rng(0)
X = jnp.asarray(RNG.normal(size=(16, 6)).astype(np.float32))
IMAGES = jnp.asarray(RNG.normal(size=(4, 5, 5, 2)).astype(np.float32))
INIT = nnx.initializers.lecun_normal()


def make(kind, *sizes, rate=0.1, **options):
    layer = kind(*sizes, rate=rate, kernel_init=INIT, rngs=nnx.Rngs(0), **options)
    layer.bias[...] = jnp.arange(3.0)
    return layer


def test_dense_drops_its_inputs(key):
    layer = make(ConcreteDense, 6, 3)
    dropped = ops.concrete_dropout(key, X, rate=0.1, temperature=0.1)
    expected = dropped @ layer.kernel[...] + jnp.arange(3.0)
    np.testing.assert_allclose(layer(X, rngs=key), expected, rtol=1e-4, atol=1e-5)


def test_conv_drops_channels_of_its_input(key):
    layer = make(ConcreteConv, 2, 3, 3)
    options: Any = {"temperature": 2 / 3, "broadcast_dims": (1, 2)}
    dropped = ops.concrete_dropout(key, IMAGES, rate=0.1, **options)
    expected = conv(dropped, layer.kernel[...]) + jnp.arange(3.0)
    np.testing.assert_allclose(layer(IMAGES, rngs=key), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("layer", "x"),
    [(make(ConcreteDense, 6, 3), X), (make(ConcreteConv, 2, 3, 3), IMAGES)],
    ids=["dense", "conv"],
)
def test_inference_is_a_plain_layer(layer, x):
    plain = x @ layer.kernel[...] if x.ndim == 2 else conv(x, layer.kernel[...])
    expected = plain + jnp.arange(3.0)
    np.testing.assert_allclose(layer(x, deterministic=True), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("layer", "inputs"),
    [
        (make(ConcreteDense, 6, 3, rate=0.3, length_scale=0.5), 6),
        (make(ConcreteConv, 2, 3, 3, rate=0.3, length_scale=0.5), 2),
    ],
    ids=["dense", "conv"],
)
def test_penalty_is_the_papers(layer, inputs):
    squares = float((layer.kernel[...] ** 2).sum())
    entropy = -0.3 * np.log(0.3) - 0.7 * np.log(0.7)
    expected = 0.5**2 / 2 * squares / 0.7 - inputs * entropy
    np.testing.assert_allclose(layer.penalty(), expected, rtol=1e-5)


def test_penalty_is_that_of_the_papers_weights():
    """The paper's KL is l**2 (1 - p) / 2 |M|**2 - K H(p), of weights before inverted scaling."""
    layer = make(ConcreteDense, 6, 3, rate=0.4)
    paper = layer.kernel[...] / (1 - layer.rate)
    kl = 1e-4 / 2 * (1 - layer.rate) * (paper**2).sum() - 6 * ops.bernoulli_entropy(layer.rate)
    np.testing.assert_allclose(layer.penalty(), kl, rtol=1e-5)


def test_the_rate_learns(key):
    layer = make(ConcreteDense, 6, 3, rate=0.2)
    graph, *states = nnx.split(layer, nnx.PathContains("logit_rate"), ...)
    rate, rest = states

    @jax.jit
    @jax.grad
    def gradient(rate, weight):
        model = nnx.merge(graph, rate, rest)
        return (model(X, rngs=key) ** 2).mean() + weight * model.penalty()

    # Noise costs squared error; entropy rewards it.
    (noise,) = jax.tree.leaves(gradient(rate, 0.0))
    (both,) = jax.tree.leaves(gradient(rate, 10.0))
    assert noise > 0 > both


@pytest.mark.parametrize(("rate", "start"), [(0, 1e-4), (0.1, 0.1), (0.5, 0.5), (0.99999, 0.9999)])
def test_the_rate_starts_where_told(rate, start):
    for layer in (make(ConcreteDense, 6, 3, rate=rate), make(ConcreteConv, 2, 3, 3, rate=rate)):
        np.testing.assert_allclose(layer.rate, start, rtol=1e-4)


def test_rate_is_checked():
    with pytest.raises(ValueError, match=r"^ConcreteDense: rate is 2; allowed: \[0, 1\)"):
        make(ConcreteDense, 6, 3, rate=2)
    with pytest.raises(ValueError, match=r"^ConcreteConv: rate is -1; allowed: \[0, 1\)"):
        make(ConcreteConv, 2, 3, 3, rate=-1)
