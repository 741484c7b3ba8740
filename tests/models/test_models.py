"""The networks: their sizes, where their noise goes, and that any variant fits any of them."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from dropout_lab import nn
from dropout_lab.errors import InputError
from dropout_lab.models import ACTIVATIONS, CNN, MLP, MODELS
from dropout_lab.variants import VARIANTS, LayerFactory
from tests.models.small import small_options

pytestmark = pytest.mark.usefixtures("quick_compile")

SHAPE = (8, 8, 3)
X = jnp.asarray(np.random.default_rng(0).normal(size=(4, *SHAPE)).astype(np.float32))


WITH_WIDTHS = [name for name, model in MODELS.items() if model.dense_places]


def make(name, variant, *, seed=0, **options):
    options = small_options(name) | options
    factory = variant if isinstance(variant, LayerFactory) else LayerFactory(variant)
    return MODELS[name](SHAPE, 5, factory=factory, rngs=nnx.Rngs(seed), **options)


def fits(name, variant):
    """Whether a variant has something to do in a model."""
    return variant != "none" and VARIANTS[variant].fits(MODELS[name].places)


def first_fit(variant):
    """The first model that has something for a variant to do; the others use the same layers."""
    return next(name for name in MODELS if fits(name, variant))


def parameters(model):
    return sum(leaf.size for leaf in jax.tree.leaves(nnx.state(model, nnx.Param)))


RESNET = (
    *(2 * 16, 144 * 16, 2 * 16, 144 * 16),
    *(2 * 16, 144 * 32, 2 * 32, 288 * 32, 16 * 32),
    *(2 * 32, 288 * 64, 2 * 64, 576 * 64, 32 * 64),
)
LAYER = (16, 9 * 24, 9 * 8, 16, 9 * 12, 13 * 8)
# Weights and biases of each layer, from the input up.
COUNTS = [
    ("mlp", "none", {}, [(192 + 1) * 12, (12 + 1) * 10, (10 + 1) * 5]),
    ("mlp", "dropout", {}, [(192 + 1) * 12, (12 + 1) * 10, (10 + 1) * 5]),
    ("mlp", "drop_connect", {}, [(192 + 1) * 12, (12 + 1) * 10, (10 + 1) * 5]),
    # One variance each for the input and two hidden layers.
    ("mlp", "variational_dropout", {}, [(192 + 1) * 12, (12 + 1) * 10, (10 + 1) * 5, 3]),
    ("mlp", "none", {"widths": ()}, [(192 + 1) * 5]),
    ("mlp", "none", {"batch_norm": True}, [193 * 12, 13 * 10, 11 * 5, 2 * 12 + 2 * 10]),
    # Two halvings of 8 x 8 leave 2 x 2 pixels of 6 channels.
    ("cnn", "none", {}, [(27 + 1) * 4, (36 + 1) * 6, (24 + 1) * 12, 13 * 10, 11 * 5]),
    ("cnn", "spatial_dropout", {}, [(27 + 1) * 4, (36 + 1) * 6, (24 + 1) * 12, 13 * 10, 11 * 5]),
    ("cnn", "variational_dropout", {}, [28 * 4, 37 * 6, 25 * 12, 13 * 10, 11 * 5, 5]),
    ("cnn", "none", {"kernel_size": 5}, [(75 + 1) * 4, (100 + 1) * 6, 25 * 12, 13 * 10, 11 * 5]),
    ("cnn", "none", {"widths": ()}, [28 * 4, 37 * 6, (24 + 1) * 5]),
    # 8 x 8 pixels lose 1 at each edge, of which halving leaves 3 x 3.
    ("cnn", "none", {"stages": (4,), "padding": "valid"}, [28 * 4, (36 + 1) * 12, 13 * 10, 11 * 5]),
    ("cnn", "none", {"stages": ()}, [(192 + 1) * 12, 13 * 10, 11 * 5]),
    ("mlp", "none", {"activation": "maxout", "pieces": 3}, [193 * 36, 13 * 30, 11 * 5]),
    ("cnn", "none", {"activation": "maxout"}, [28 * 8, 37 * 12, 25 * 24, 13 * 20, 11 * 5]),
    # A block's norms and convolutions, and a shortcut where the number of channels changes.
    ("rnn", "none", {}, [4 * 8 * (24 + 8 + 1), 9 * 12, 13 * 10, 11 * 5]),
    # A row of 24 pixels; 8 positions; the first step; norms and products of a layer; last norm.
    ("transformer", "none", {}, [25 * 8, 8 * 8, 8, *(2 * LAYER), 16, 9 * 5]),
    ("transformer", "dropout", {"patch_size": 4}, [49 * 8, 4 * 8, 8, *(2 * LAYER), 16, 9 * 5]),
    (
        "transformer",
        "none",
        {"sequence": "pixels", "positions": "sinusoidal", "pooling": "mean"},
        [4 * 8, *(2 * LAYER), 16, 9 * 5],
    ),
    ("resnet", "none", {}, [27 * 16, *RESNET, 2 * 64, 65 * 5]),
    (
        "cnn",
        "none",
        {"batch_norm": True},
        [28 * 4, 37 * 6, 25 * 12, 13 * 10, 11 * 5, 2 * (4 + 6 + 12 + 10)],
    ),
]


@pytest.mark.parametrize(("name", "variant", "options", "layers"), COUNTS)
def test_number_of_parameters(name, variant, options, layers):
    model = nnx.eval_shape(lambda: make(name, variant, **options))
    assert parameters(model) == sum(layers)


FAST = [("mlp", "none"), ("mlp", "dropout"), ("mlp", "drop_connect"), ("cnn", "dropout")]


@pytest.mark.parametrize(
    ("name", "variant"),
    [
        pytest.param(name, variant, marks=[] if (name, variant) in FAST else pytest.mark.slow)
        for variant in VARIANTS
        for name in MODELS
        if variant in ("none", "dropout") or name == first_fit(variant)
    ],
)
def test_noise_is_drawn_in_training_and_not_in_evaluation(name, variant):
    graph, state = nnx.split(make(name, variant))

    @jax.jit
    def train_and_evaluate(seed):
        noisy = nnx.merge(graph, state, copy=True)(X, rngs=nnx.Rngs(dropout=jax.random.key(seed)))
        model = nnx.merge(graph, state, copy=True)
        model.eval()
        return noisy, model(X)

    (first, quiet), (again, _), (other, _) = (train_and_evaluate(seed) for seed in (0, 0, 1))
    assert first.shape == quiet.shape == (4, 5)
    assert np.isfinite(first).all()
    np.testing.assert_array_equal(first, again)
    noisy = fits(name, variant) and "mc" in VARIANTS[variant].inference
    assert np.array_equal(first, other) == (not noisy)
    if not MODELS[name].normalised:  # batch normalisation differs as well
        assert np.allclose(quiet, first, atol=1e-5) == (variant == "none")


@pytest.mark.parametrize("name", MODELS)
def test_noise_without_streams_is_an_error(name):
    with pytest.raises(ValueError, match="no `rngs` argument was provided to Dropout"):
        nnx.eval_shape(lambda: make(name, "dropout")(X))


class Recorder(LayerFactory):
    """Records for which places it is asked for layers, with what it makes and a plain layer's type.

    Attributes:
      made: A place, the layer for it, and the type of layer where a variant has none, in order.
    """

    def __init__(self, variant):
        super().__init__(variant)
        self.made = []

    def _record(self, place, layer, plain):
        self.made.append((place, layer, plain))
        return layer

    def noise(self, place, *args, **keywords):
        return self._record(place, super().noise(place, *args, **keywords), type(None))

    def branch(self, *args):
        return self._record("branch", super().branch(*args), type(None))

    def conv(self, *args, **keywords):
        return self._record("conv", super().conv(*args, **keywords), nn.Conv)

    def dense(self, place, *args, **keywords):
        return self._record(place, super().dense(place, *args, **keywords), nn.Linear)


@pytest.mark.slow
@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", MODELS)
def test_each_place_gets_its_layer(name, variant):
    factory = Recorder(variant)

    def build():
        model = make(name, factory)
        inside = {id(node) for _, node in nnx.iter_graph(model)}
        assert all(layer is None or id(layer) in inside for _, layer, _ in factory.made)
        return model

    nnx.eval_shape(build)
    places = MODELS[name].places
    assert {place for place, *_ in factory.made} == set(places)
    choices = VARIANTS[variant].layers_at(places)
    for place, layer, plain in factory.made:
        assert type(layer) is (choices[place].layer if place in choices else plain), place


def test_each_place_is_told_its_shape():
    model = make("cnn", "variational_dropout")
    assert model.input_noise.units == 8 * 8 * 3
    assert [stage.noise.units for stage in model.stages] == [4 * 4 * 4, 2 * 2 * 6]
    assert [layer.noise.units for layer in model.classifier.layers] == [12, 10]
    model = make("cnn", "variational_dropout", noise_before_pool=True)
    assert [stage.noise.units for stage in model.stages] == [8 * 8 * 4, 4 * 4 * 6]


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_one_seed_gives_every_variant_the_same_weights(name):
    def weights(variant):
        params = nnx.to_pure_dict(nnx.state(make(name, variant, seed=3), nnx.Param))
        named = jax.tree_util.tree_leaves_with_path(params)
        return [leaf for path, leaf in named if path[-1].key in ("kernel", "bias", "scale")]

    plain = weights("none")
    for variant in VARIANTS:
        for ours, theirs in zip(weights(variant), plain, strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_activations_are_numpys():
    x = np.linspace(-3, 3, 25, dtype=np.float32)
    table = {"relu": np.maximum(x, 0), "sigmoid": 1 / (1 + np.exp(-x)), "tanh": np.tanh(x)}
    table |= {"softplus": np.log1p(np.exp(x)), "maxout": x, "identity": x}
    table["selu"] = 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(x))
    assert set(table) == set(ACTIVATIONS)
    for name, expected in table.items():
        y = ACTIVATIONS[name](jnp.asarray(x))
        np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_models_compute_what_numpy_computes(activation):
    model = make("mlp", "none", activation=activation)
    h = np.asarray(X).reshape(4, -1)
    for layer in model.classifier.layers:
        layer.linear.bias[...] = jnp.linspace(-1, 1, layer.linear.bias[...].size)
        kernel, bias = (np.asarray(p[...]) for p in (layer.linear.kernel, layer.linear.bias))
        u = h @ kernel + bias
        u = u.reshape(4, -1, 2).max(-1) if activation == "maxout" else u
        h = np.asarray(ACTIVATIONS[activation](jnp.asarray(u)))
    np.testing.assert_allclose(
        model(X), h @ np.asarray(model.classifier.output.kernel[...]), rtol=1e-4, atol=1e-4
    )


@pytest.mark.slow
@pytest.mark.parametrize(("activation", "scale"), [("relu", 2), ("sigmoid", 1), ("selu", 1)])
def test_initial_weights_have_the_variance_of_he_or_lecun(activation, scale):
    factory = LayerFactory("none")
    rngs = nnx.Rngs(0)
    mlp = MLP((400,), 100, widths=(200,), activation=activation, factory=factory, rngs=rngs)
    cnn = CNN((2, 2, 16), 2, stages=(64,), activation=activation, factory=factory, rngs=rngs)
    layers: list[Any] = [mlp.classifier.layers[0].linear, mlp.classifier.output, cnn.stages[0].conv]
    for layer, fan_in, gain in zip(layers, (400, 200, 144), (scale, 1, scale), strict=True):
        kernel = np.asarray(layer.kernel[...], np.float64)
        # A variance of n normal numbers has a relative standard error of sqrt(2 / n).
        bound = 4 * np.sqrt(2 / kernel.size)
        assert abs(kernel.var() * fan_in / gain - 1) < bound
        np.testing.assert_array_equal(layer.bias[...], 0)


@pytest.mark.slow
@pytest.mark.parametrize("name", WITH_WIDTHS)
def test_batch_norm_comes_before_the_activation(name):
    model = make(name, "none", batch_norm=True)
    layer = model.classifier.layers[0]
    seen = []

    def look(x):
        seen.append(np.asarray(x))
        return x

    layer.activation.function = look
    model(X)
    (normal,) = seen
    np.testing.assert_allclose(normal.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(normal.var(axis=0), 1, atol=1e-2)


@pytest.mark.slow
def test_odd_images_are_halved_downwards():
    model: Any = CNN((7, 5, 1), 3, stages=(2, 4), factory=LayerFactory("none"), rngs=nnx.Rngs(0))
    assert model(jnp.ones((2, 7, 5, 1))).shape == (2, 3)
    assert model.classifier.output.kernel[...].shape == (1 * 1 * 4, 3)


@pytest.mark.parametrize("name", WITH_WIDTHS)
def test_an_unknown_activation_is_an_error(name):
    message = "^unknown activation 'rleu'; did you mean 'relu'.* Allowed: identity, maxout, relu, "
    with pytest.raises(InputError, match=message):
        make(name, "none", activation="rleu")


@pytest.mark.parametrize("shape", [(64,), (8, 8), (1, 8, 8, 1), (3, 8, 1), (8, 3, 1)])
def test_examples_that_are_not_images_or_too_small_are_an_error_for_a_cnn(shape):
    message = r"allowed: \(height, width, channels\) with at least 4 pixels each way for 2 stages"
    with pytest.raises(InputError, match=message):
        CNN(shape, 5, stages=(4, 6), factory=LayerFactory("none"), rngs=nnx.Rngs(0))


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_a_model_is_its_head_on_its_features(name):
    model = make(name, "dropout")
    model.eval()
    np.testing.assert_array_equal(model(X), model.head(model.features(X, None), None))
