"""Every configuration file, with every variant it can take, loads, resolves and fits its data."""

import functools
import importlib
import os
from pathlib import Path

import jax
import pytest

from dropout_lab.config import default_config, flatten, hparams_of, present_places, resolve
from dropout_lab.errors import InputError
from dropout_lab.training.arrays import example_shape, fit_scaling, to_device
from dropout_lab.training.preparation import check_data, load_data
from dropout_lab.training.program import Program, as_arrays
from dropout_lab.variants import VARIANTS

FOLDER = Path(__file__).parents[2] / "configs"
NAMES = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "__init__")


def get_config(name, arg=None):
    return importlib.import_module(f"configs.{name}").get_config(arg)


PLACES = {name: present_places(get_config(name)) for name in NAMES}
ALL_PAIRS = [(name, variant) for name in NAMES for variant in VARIANTS]
FITTING = [(name, variant) for name, variant in ALL_PAIRS if VARIANTS[variant].fits(PLACES[name])]
OTHERS = [pair for pair in ALL_PAIRS if pair not in FITTING]
NORMALISED = [name for name in NAMES if flatten(get_config(name).to_dict())["model.batch_norm"]]
REFUSED = [
    (name, variant)
    for name, variant in FITTING
    if name in NORMALISED and VARIANTS[variant].allowed.get("model.batch_norm") == (False,)
]
PAIRS = [pair for pair in FITTING if pair not in REFUSED]


def test_there_are_configurations():
    assert {"digits_mlp", "mnist_mlp", "cifar10_cnn"} <= set(NAMES)
    assert len(PAIRS) > len(NAMES) * 5


@pytest.mark.parametrize("option", ["", ",smoke"], ids=["full", "smoke"])
@pytest.mark.parametrize(("name", "variant"), PAIRS)
def test_it_resolves(name, variant, option):
    config = get_config(name, variant + option)
    assert config.variant == variant
    resolved = resolve(config)
    assert resolved.variant == variant
    assert resolve(resolved) == resolved
    assert config.is_locked


@pytest.mark.parametrize(("name", "variant"), OTHERS)
def test_a_variant_without_its_place_is_an_error(name, variant):
    with pytest.raises(InputError, match=f"variant '{variant}' needs a model with "):
        resolve(get_config(name, variant))


@pytest.mark.parametrize(("name", "variant"), REFUSED)
def test_a_variant_that_is_not_for_batch_normalisation_is_an_error(name, variant):
    with pytest.raises(InputError, match=f"batch_norm is True with variant '{variant}'; allowed: "):
        resolve(get_config(name, variant))


@pytest.mark.parametrize("name", NAMES)
def test_no_argument_means_no_dropout(name):
    assert get_config(name) == get_config(name, "none")


@pytest.mark.parametrize("name", NAMES)
def test_a_smoke_run_is_shorter_and_otherwise_the_same(name):
    full, smoke = get_config(name, "dropout"), get_config(name, "dropout,smoke")
    assert smoke.train.epochs < full.train.epochs
    for part in ("model", "optimizer", "dropout", "schedule"):
        assert smoke[part] == full[part]


@pytest.mark.parametrize("arg", ["dropout,smok", "dropout,smoke,smoke", "dropout,"])
def test_a_wrong_option_is_an_error(arg):
    with pytest.raises(InputError, match=rf"config argument '{arg}'; allowed: VARIANT or VARIANT,"):
        get_config("digits_mlp", arg)


def test_an_unknown_key_cannot_be_set():
    config = default_config()
    with pytest.raises(AttributeError, match="learning_rate"):
        config.optimizer.learning_rate = 0.1
    with pytest.raises(AttributeError, match="dropuot"):
        config.dropuot = 0.1


@pytest.mark.slow
@pytest.mark.usefixtures("fake_images")
@pytest.mark.parametrize("name", NAMES)
def test_a_step_of_its_training_can_be_traced(name):
    """On its data, with dropout: that networks of each kind train is tested with the training."""
    config = resolve(get_config(name, "dropout,smoke"))
    if config.data.path and "DROPOUT_LAB_DATA" not in os.environ:
        pytest.skip(f"needs DROPOUT_LAB_DATA to hold {Path(config.data.path).name}")
    dataset = load_data(config)
    check_data(config, dataset)
    shape = example_shape(dataset.train)
    program = Program(config, shape, dataset.classes, dataset.vocabulary)
    numbers = as_arrays(hparams_of(config))
    _, loss = jax.eval_shape(
        functools.partial(program.train_epoch, steps=1),
        jax.eval_shape(program.init, numbers),
        numbers,
        to_device(dataset.train),
        fit_scaling(config.data.scaling, dataset.train),
    )
    assert loss.shape == ()
