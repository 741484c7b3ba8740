"""The steps for adding a model, with a toy: attention over the rows of an image."""

import inspect
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from dropout_lab import nn
from dropout_lab.models.blocks import Classifier, Network, kernel_init, with_noise
from dropout_lab.variants import PLACES, LayerFactory, Place
from tests.source_copy import SourceCopy

PLACE = Place("rate", fallback="hidden")
X = jnp.asarray(np.random.default_rng(0).normal(size=(4, 6, 5, 2)).astype(np.float32))


class Mixer(Network):
    """Self-attention over an image's rows, with noise on the attention weights."""

    places = ("input", "mixing", "hidden", "linear", "output")
    dense_places = ("hidden", "linear")

    def __init__(
        self,
        shape,
        classes,
        *,
        units,
        mixers=2,
        widths=(),
        activation="relu",
        batch_norm=False,
        pieces=2,
        factory,
        rngs,
    ):
        rows, features = shape[0], shape[1] * shape[2]
        self.mixers = mixers
        self.input_noise = nnx.data(factory.noise("input", shape))
        init = kernel_init("identity")
        self.embed = nn.Linear(features, 3 * mixers * units, kernel_init=init, rngs=rngs)
        self.noise = nnx.data(factory.noise("mixing", (mixers, rows, rows)))
        self.classifier = Classifier(
            mixers * units,
            classes,
            widths=widths,
            activation=activation,
            batch_norm=batch_norm,
            pieces=pieces,
            factory=factory,
            rngs=rngs,
        )

    def features(self, x, rngs):
        """Returns the last hidden layer's activations, before its noise."""
        x = with_noise(self.input_noise, x, rngs).reshape(*x.shape[:2], -1)
        projected = self.embed(x).reshape(*x.shape[:2], 3, self.mixers, -1)
        queries, keys, values = jnp.moveaxis(projected, 2, 0)
        scores = jnp.einsum("nqhu,nkhu->nhqk", queries, keys) / queries.shape[-1] ** 0.5
        weights = with_noise(self.noise, jax.nn.softmax(scores), rngs)
        mixed = jnp.einsum("nhqk,nkhu->nqhu", weights, values).mean(1)
        return self.classifier.features(mixed, rngs)


@pytest.fixture
def added(monkeypatch):
    """Adds the place."""
    monkeypatch.setitem(PLACES, "mixing", PLACE)


def make(variant, **rates):
    factory = LayerFactory(variant, **rates)
    return Mixer((6, 5, 2), 3, units=4, widths=(7,), factory=factory, rngs=nnx.Rngs(0))


@pytest.mark.usefixtures("added")
def test_a_variant_puts_its_hidden_noise_at_the_place():
    model: Any = make("dropout", rate=0.3, input_rate=0.0)
    assert type(model.noise) is nn.Dropout
    assert float(model.noise.rate[...]) == np.float32(0.3)
    assert make("variational_dropout").noise.units == 2 * 6 * 6
    assert make("none").noise is None


@pytest.mark.slow
@pytest.mark.usefixtures("added")
def test_its_noise_is_drawn_in_training_and_not_in_evaluation():
    model = make("dropout", rate=0.5, input_rate=0.0)
    model.classifier.layers[0].noise = None
    first, other = (model(X, rngs=nnx.Rngs(dropout=seed)) for seed in (0, 1))
    assert not np.array_equal(first, other)
    model.eval()
    np.testing.assert_array_equal(model(X), model(X))


IMPORTS = """
import jax
import jax.numpy as jnp
from flax import nnx

from dropout_lab import nn
from dropout_lab.models.blocks import Classifier, Network, kernel_init, with_noise


"""
CONFIG = '''
from dropout_lab.config import variant_config


def get_config(arg=None):
    """Returns the configuration for ``variant[,smoke]``."""
    config, smoke = variant_config(arg)
    config.model.name = "mixer"
    config.model.units = 8
    config.model.widths = (32,)
    config.dropout.input_rate = 0.0
    config.train.batch_size = 64
    config.train.epochs = 2 if smoke else 25
    config.optimizer.name = "adam"
    config.optimizer.lr = 2e-3
    return config
'''


KEY = """    Key("model.mixers", 2, whole(1), STATIC, when=MODEL, before=None,
        meaning="Mixers of rows."),
"""


@pytest.mark.slow
@pytest.mark.usefixtures("quick_compile")
def test_five_files_add_it(tmp_path):
    """In a copy: it trains, with noise at its place, and the tests of all models run with it."""
    copy = SourceCopy(tmp_path, "tests", "pyproject.toml")
    copy.write("dropout_lab/models/mixer.py", IMPORTS + inspect.getsource(Mixer))
    models = "dropout_lab/models/lookup.py"
    copy.insert(models, "from dropout_lab.models.mixer import Mixer\n")
    # Last, as the tests of all variants take the first model that a variant fits.
    copy.insert(models, '    "mixer": Mixer,\n', after='    "transformer": Transformer,\n')
    row = '    "mixing": Place("rate", fallback="hidden"),\n'
    copy.insert("dropout_lab/variants/places.py", row, after="PLACES = {\n")
    copy.insert("dropout_lab/config/keys/model.py", KEY, after="KEYS = (\n")
    copy.write("configs/digits_mixer.py", CONFIG)
    assert len(copy.edited) <= 5

    config = "--config=configs/digits_mixer.py:dropout"
    flags = (
        "--config.model.mixers=4",
        "--config.dropout.rate=0.2",
        f"--workdir={tmp_path / 'one'}",
    )
    printed = copy.run("scripts/train.py", config, *flags)
    assert "record.json: ok " in printed
    error = float(printed.partition("val_error=")[2].split()[0])
    assert error < 30
    tests = ("tests/models/test_models.py", "tests/variants", "tests/config/test_resolve.py")
    trains = "tests/training/test_variants_train.py"
    pytest_flags = ("-q", "-p", "no:cacheprovider", "-n", "0", "-k", "mixer and not one_seed")
    counts = copy.run("-m", "pytest", *pytest_flags, *tests, trains)
    assert int(counts.rpartition(" passed")[0].split()[-1]) > 60
