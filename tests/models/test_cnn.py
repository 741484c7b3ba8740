"""The convolutional network: its edges, its stages' activation, where their noise goes."""

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from dropout_lab.errors import InputError
from dropout_lab.models import CNN
from dropout_lab.variants import VARIANTS, LayerFactory

pytestmark = pytest.mark.usefixtures("quick_compile")

SHAPE = (8, 8, 3)
X = jnp.asarray(np.random.default_rng(0).normal(size=(4, *SHAPE)).astype(np.float32))


def make(variant, **options):
    return CNN(SHAPE, 5, widths=(12,), factory=LayerFactory(variant), rngs=nnx.Rngs(0), **options)


@pytest.mark.parametrize(
    "variant", [name for name, made in VARIANTS.items() if "conv" in made.layers]
)
def test_every_convolution_can_do_without_padding(variant):
    def shapes():
        model = make(variant, stages=(4,), padding="valid", kernel_size=5)
        return model.stages[0](X, nnx.Rngs(dropout=0)), model(X, rngs=nnx.Rngs(dropout=0))

    stage, logits = nnx.eval_shape(shapes)
    assert (stage.shape, logits.shape) == ((4, 2, 2, 4), (4, 5))


def test_an_image_too_small_for_kernels_without_padding_is_an_error():
    make("none", stages=(4,), padding="valid", kernel_size=7)
    with pytest.raises(InputError, match="at least 10 pixels each way for 2 stages"):
        make("none", stages=(4, 6), padding="valid", kernel_size=3)


@pytest.mark.slow
def test_stages_may_have_an_activation_of_their_own():
    model = make("none", stages=(4,), stage_activation="identity")
    assert (model.stages[0](X, None) < 0).any()
    assert (model.classifier.features(model.stages[0](X, None), None) >= 0).all()


@pytest.mark.slow
def test_noise_before_pooling_is_pooled():
    """Of four units, each kept with probability 1/10, one or more are with 1 - 0.9**4 = 0.34."""
    factory = LayerFactory("dropout", stage_rates=(0.9,))
    fractions = []
    for before in (False, True):
        model = CNN(
            (8, 8, 3), 5, stages=(4,), factory=factory, noise_before_pool=before, rngs=nnx.Rngs(0)
        )
        stage = model.stages[0]
        stage.conv.bias[...] += 100  # type: ignore[attr-defined]  # every unit is far above 0
        stage.train()
        y = stage(jnp.ones((64, 8, 8, 3)), nnx.Rngs(dropout=0))
        fractions.append(float((y > 0).mean()))
    # 4,096 outputs: four standard deviations are 0.019 and 0.030.
    assert abs(fractions[0] - 0.1) < 0.019
    assert abs(fractions[1] - (1 - 0.9**4)) < 0.03
