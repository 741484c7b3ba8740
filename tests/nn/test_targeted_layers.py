"""Layers with targeted dropout: training drops some of the targets, inference all."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from dropout_lab import ops
from dropout_lab.nn import DropRate, TargetedConv, TargetedDropout, conv

pytestmark = pytest.mark.slow

RNG = np.random.default_rng(0)
X = jnp.asarray(RNG.normal(size=(16, 6)).astype(np.float32))
IMAGES = jnp.asarray(RNG.normal(size=(4, 5, 5, 2)).astype(np.float32))
INIT = nnx.initializers.lecun_normal()


@pytest.fixture(params=["dense", "conv"])
def make(request):
    """Returns a function from options to a layer, an input, and its product with a kernel."""
    cases: dict[str, Any] = {
        "dense": (TargetedDropout, (6, 4), X, jnp.matmul),
        "conv": (TargetedConv, (2, 4, 3), IMAGES, conv),
    }
    kind, sizes, x, product = cases[request.param]

    def new(rate=0.5, **options):
        layer = kind(*sizes, rate=rate, kernel_init=INIT, rngs=nnx.Rngs(0), **options)
        layer.bias[...] = jnp.arange(4.0)
        return layer, x, lambda kernel: product(x, kernel) + jnp.arange(4.0)

    return new


@pytest.mark.parametrize(
    ("target", "fraction", "pruned"), [("weight", 0.5, 1 / 2), ("unit", 0.25, 1 / 4)]
)
def test_training_and_inference(make, target, fraction, pruned, key):
    layer, x, product = make(target=target, fraction=fraction)
    kernel = layer.kernel[...]
    dropped = ops.targeted_kernel(key, kernel, rate=0.5, fraction=fraction, target=target)
    np.testing.assert_allclose(layer(x, rngs=key), product(dropped), rtol=1e-5, atol=1e-5)
    chosen = ops.targets(kernel, fraction=fraction, target=target)
    expected = product(jnp.where(chosen, 0, kernel))
    layer.eval()
    np.testing.assert_allclose(layer(x), expected, rtol=1e-5, atol=1e-5)
    assert not np.allclose(expected, product(kernel))
    zeroed, total = layer.pruned()
    assert (zeroed.shape, zeroed.dtype) == ((), jnp.float32)
    assert (float(zeroed), total) == (pruned * kernel.size, kernel.size)


def test_the_dense_layer_calls_its_op(key):
    layer = TargetedDropout(6, 4, rate=0.5, kernel_init=INIT, rngs=nnx.Rngs(0))
    expected = ops.targeted_dropout(
        key, X, rate=0.5, kernel=layer.kernel[...], bias=layer.bias[...]
    )
    np.testing.assert_allclose(layer(X, rngs=key), expected, rtol=1e-6)


def test_the_rate_is_a_variable_that_is_checked(make, key):
    layer, x, product = make()
    assert isinstance(layer.rate, DropRate)
    layer.rate[...] = jnp.float32(0)
    np.testing.assert_allclose(layer(x, rngs=key), product(layer.kernel[...]), rtol=1e-5, atol=1e-5)
    with pytest.raises(ValueError, match=r"^Targeted\w+: rate is 2; allowed: \[0, 1\]"):
        make(rate=2)


def test_the_targets_move_with_the_weights(make):
    layer, _, _ = make()
    before = np.asarray(layer.targets)
    layer.kernel[...] = jnp.where(layer.targets, 10 * layer.kernel[...], layer.kernel[...])
    assert not np.array_equal(before, layer.targets)
