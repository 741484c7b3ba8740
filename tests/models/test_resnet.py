"""The wide residual network: its shortcuts, its ramp of rates, what it refuses."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from dropout_lab.errors import InputError
from dropout_lab.models import ResNet
from dropout_lab.variants import LayerFactory

pytestmark = pytest.mark.usefixtures("quick_compile")

SHAPE = (8, 8, 3)
X = jnp.asarray(np.random.default_rng(0).normal(size=(4, *SHAPE)).astype(np.float32))


def make(*, depth=10):
    return ResNet(SHAPE, 5, depth=depth, widening=1, factory=LayerFactory("none"), rngs=nnx.Rngs(0))


def test_residual_branches_are_dropped_more_the_deeper_they_are():
    factory = LayerFactory("stochastic_depth", branch_rate=0.6)
    model = nnx.eval_shape(
        lambda: ResNet(SHAPE, 5, depth=16, widening=1, factory=factory, rngs=nnx.Rngs(0))
    )
    assert len(model.blocks) == 6
    layers: list[Any] = [factory.branch(index, 6) for index in range(6)]
    rates = [float(layer.rate[...]) for layer in layers]
    np.testing.assert_allclose(rates, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6], rtol=1e-6)


@pytest.mark.slow
def test_a_residual_network_without_branches_is_its_stem():
    model = make()
    for block in model.blocks:
        block.second.kernel[...] = jnp.zeros_like(block.second.kernel[...])
    model.eval()
    x = model.stem(X)
    for block in model.blocks:
        # Fresh running statistics do almost nothing.
        x = x if block.shortcut is None else block.shortcut(jax.nn.relu(x))
    features = jax.nn.relu(x).mean((1, 2))
    np.testing.assert_allclose(model.features(X, None), features, rtol=1e-3, atol=1e-4)


@pytest.mark.slow
def test_noise_before_the_norm_is_in_its_statistics():
    """At rate 1/2 dropout doubles the second moment, which the norm sees if it comes later."""
    variances = {}
    for name, rate in (("none", 0.0), ("after", 0.5), ("before", 0.5)):
        factory = LayerFactory("dropout", stage_rates=rate, rate=0.0, input_rate=0.0)
        before = name == "before"
        model = ResNet(
            SHAPE,
            5,
            depth=10,
            widening=1,
            factory=factory,
            noise_before_norm=before,
            rngs=nnx.Rngs(0),
        )
        model.train()
        model.set_attributes(nnx.BatchNorm, momentum=0.0)
        model(X, rngs=nnx.Rngs(dropout=0))
        norm = model.blocks[0].second_norm
        variances[name] = np.asarray(norm.var[...] + norm.mean[...] ** 2)
    np.testing.assert_array_equal(variances["after"], variances["none"])
    # 256 places: a mean of second moments is known to some 20 %.
    np.testing.assert_allclose(variances["before"] / variances["none"], 2, rtol=0.4)


@pytest.mark.parametrize("depth", [4, 9, 12, 17])
def test_a_depth_that_does_not_fit_is_an_error(depth):
    with pytest.raises(InputError, match=f"depth is {depth}; allowed: 10, 16, 22"):
        make(depth=depth)


@pytest.mark.parametrize("shape", [(64,), (8, 8), (3, 8, 1)])
def test_examples_that_are_no_images_are_an_error_for_a_resnet(shape):
    with pytest.raises(InputError, match="with at least 4 pixels each way"):
        ResNet(shape, 5, depth=10, widening=1, factory=LayerFactory("none"), rngs=nnx.Rngs(0))
