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
from dropout_lab.variants import VARIANTS, Noise, Variant

SHAPE = (8, 8, 3)
X = jnp.asarray(np.random.default_rng(0).normal(size=(4, *SHAPE)).astype(np.float32))


SIZES: dict[str, dict[str, Any]] = {
    "mlp": {"widths": (12, 10)},
    "cnn": {"stages": (4, 6), "widths": (12,)},
}


def make(name, variant, *, seed=0, **options):
    options = SIZES[name] | options
    return MODELS[name](SHAPE, 5, noise=Noise(variant), rngs=nnx.Rngs(seed), **options)


def parameters(model):
    return sum(leaf.size for leaf in jax.tree.leaves(nnx.state(model, nnx.Param)))


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
    ("cnn", "none", {}, [(27 + 1) * 4, (36 + 1) * 6, (24 + 1) * 12, (12 + 1) * 5]),
    ("cnn", "spatial_dropout", {}, [(27 + 1) * 4, (36 + 1) * 6, (24 + 1) * 12, (12 + 1) * 5]),
    ("cnn", "variational_dropout", {}, [28 * 4, 37 * 6, 25 * 12, 13 * 5, 4]),
    ("cnn", "none", {"kernel_size": 5}, [(75 + 1) * 4, (100 + 1) * 6, 25 * 12, 13 * 5]),
    ("cnn", "none", {"widths": ()}, [28 * 4, 37 * 6, (24 + 1) * 5]),
    ("cnn", "none", {"stages": ()}, [(192 + 1) * 12, 13 * 5]),
    ("cnn", "none", {"batch_norm": True}, [28 * 4, 37 * 6, 25 * 12, 13 * 5, 2 * (4 + 6 + 12)]),
]


def test_every_model_has_a_count():
    assert {name for name, *_ in COUNTS} == set(MODELS)


@pytest.mark.parametrize(("name", "variant", "options", "layers"), COUNTS)
def test_number_of_parameters(name, variant, options, layers):
    model = nnx.eval_shape(lambda: make(name, variant, **options))
    assert parameters(model) == sum(layers)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", MODELS)
def test_noise_is_drawn_in_training_and_not_in_evaluation(name, variant):
    graph, state = nnx.split(make(name, variant))

    @jax.jit
    def train_and_evaluate(seed):
        noisy = nnx.merge(graph, state)(X, rngs=nnx.Rngs(dropout=jax.random.key(seed)))
        model = nnx.merge(graph, state)
        model.eval()
        return noisy, model(X)

    (first, quiet), (again, _), (other, _) = (train_and_evaluate(seed) for seed in (0, 0, 1))
    assert first.shape == quiet.shape == (4, 5)
    assert np.isfinite(first).all()
    np.testing.assert_array_equal(first, again)
    assert np.array_equal(first, other) == (variant == "none")
    assert np.allclose(quiet, first, atol=1e-5) == (variant == "none")


@pytest.mark.parametrize("name", MODELS)
def test_noise_without_streams_is_an_error(name):
    with pytest.raises(ValueError, match="no `rngs` argument was provided to Dropout"):
        make(name, "dropout")(X)


def kind(layer):
    return None if layer is None else type(layer)


@pytest.mark.parametrize("variant", VARIANTS)
def test_each_place_of_an_mlp_gets_its_layer(variant):
    model = make("mlp", variant)
    noise = Noise(variant)
    assert kind(model.input_noise) is kind(noise.input(SHAPE))
    assert len(model.classifier.layers) == 2
    for layer in model.classifier.layers:
        assert kind(layer.noise) is kind(noise.hidden(1))
        assert kind(layer.linear) is (VARIANTS[variant].linear or nn.Linear)
    assert kind(model.classifier.output) is nn.Linear


@pytest.mark.parametrize("variant", VARIANTS)
def test_each_place_of_a_cnn_gets_its_layer(variant):
    model = make("cnn", variant)
    noise = Noise(variant)
    assert kind(model.input_noise) is kind(noise.input(SHAPE))
    assert len(model.stages) == 2
    for stage in model.stages:
        assert kind(stage.noise) is kind(noise.stage(0, (1,)))
    (hidden,) = model.classifier.layers
    assert kind(hidden.noise) is kind(noise.hidden(1))
    assert kind(hidden.linear) is (VARIANTS[variant].linear or nn.Linear)


def test_each_place_is_told_its_shape():
    model = make("cnn", "variational_dropout")
    assert model.input_noise.units == 8 * 8 * 3
    assert [stage.noise.units for stage in model.stages] == [4 * 4 * 4, 2 * 2 * 6]
    assert [layer.noise.units for layer in model.classifier.layers] == [12]


@pytest.mark.parametrize("name", MODELS)
def test_one_seed_gives_every_variant_the_same_weights(name):
    def weights(variant):
        model = make(name, variant, seed=3)
        return [leaf for leaf in jax.tree.leaves(nnx.state(model, nnx.Param)) if leaf.size > 1]

    plain = weights("none")
    for variant in VARIANTS:
        for ours, theirs in zip(weights(variant), plain, strict=True):
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("name", MODELS)
def test_a_new_variant_needs_one_line(name, monkeypatch):
    class Shift(nn.UnitNoise):
        """Adds one number, drawn at each place, to all units."""

        def __init__(self):
            super().__init__(deterministic=False, rng_collection="dropout", rngs=None)

        def sample(self, key, x):
            return x + jax.random.normal(key)

    places: dict[str, Any] = dict.fromkeys(MODELS[name].places, lambda rate, shape: Shift())
    monkeypatch.setitem(VARIANTS, "shift", Variant(**places))
    model = make(name, "shift")
    noisy = [np.asarray(model(X, rngs=nnx.Rngs(dropout=seed))) for seed in (0, 1)]
    assert not np.allclose(noisy[0], noisy[1])
    model.eval()
    plain = make(name, "none")
    np.testing.assert_array_equal(model(X), plain(X))


def test_activations_are_numpys():
    x = np.linspace(-3, 3, 25, dtype=np.float32)
    table = {"relu": np.maximum(x, 0), "sigmoid": 1 / (1 + np.exp(-x)), "tanh": np.tanh(x)}
    assert set(table) == set(ACTIVATIONS)
    for name, expected in table.items():
        y = ACTIVATIONS[name](jnp.asarray(x))
        np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_models_compute_what_numpy_computes(activation):
    model = make("mlp", "none", activation=activation)
    h = np.asarray(X).reshape(4, -1)
    for layer in model.classifier.layers:
        layer.linear.bias[...] = jnp.linspace(-1, 1, layer.linear.bias[...].size)
        kernel, bias = (np.asarray(p[...]) for p in (layer.linear.kernel, layer.linear.bias))
        h = np.asarray(ACTIVATIONS[activation](jnp.asarray(h @ kernel + bias)))
    np.testing.assert_allclose(
        model(X), h @ np.asarray(model.classifier.output.kernel[...]), rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize(("activation", "scale"), [("relu", 2), ("sigmoid", 1), ("tanh", 1)])
def test_initial_weights_have_the_variance_of_he_or_lecun(activation, scale):
    noise = Noise("none")
    rngs = nnx.Rngs(0)
    mlp = MLP((400,), 100, widths=(200,), activation=activation, noise=noise, rngs=rngs)
    cnn = CNN((2, 2, 16), 2, stages=(64,), activation=activation, noise=noise, rngs=rngs)
    layers: list[Any] = [mlp.classifier.layers[0].linear, mlp.classifier.output, cnn.stages[0].conv]
    for layer, fan_in, gain in zip(layers, (400, 200, 144), (scale, 1, scale), strict=True):
        kernel = np.asarray(layer.kernel[...], np.float64)
        # A variance of n normal numbers has a relative standard error of sqrt(2 / n).
        bound = 4 * np.sqrt(2 / kernel.size)
        assert abs(kernel.var() * fan_in / gain - 1) < bound
        np.testing.assert_array_equal(layer.bias[...], 0)


@pytest.mark.parametrize("name", MODELS)
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


def test_odd_images_are_halved_downwards():
    model = CNN((7, 5, 1), 3, stages=(2, 4), noise=Noise("none"), rngs=nnx.Rngs(0))
    assert model(jnp.ones((2, 7, 5, 1))).shape == (2, 3)
    assert model.classifier.output.kernel[...].shape == (1 * 1 * 4, 3)


@pytest.mark.parametrize("name", MODELS)
def test_an_unknown_activation_is_an_error(name):
    message = "^unknown activation 'rleu'; did you mean 'relu'.* Allowed: relu, sigmoid, tanh.$"
    with pytest.raises(InputError, match=message):
        make(name, "none", activation="rleu")


@pytest.mark.parametrize("shape", [(64,), (8, 8), (1, 8, 8, 1), (3, 8, 1), (8, 3, 1)])
def test_examples_that_are_not_images_or_too_small_are_an_error_for_a_cnn(shape):
    message = r"allowed: \(height, width, channels\) with at least 4 pixels each way for 2 stages"
    with pytest.raises(InputError, match=message):
        CNN(shape, 5, stages=(4, 6), noise=Noise("none"), rngs=nnx.Rngs(0))
