"""The program and the data of a resolved configuration."""

import functools
from typing import Any

import jax
from ml_collections import FrozenConfigDict

from dropout_lab.config.keys.key import model_options
from dropout_lab.data import Dataset, check_scaling, cross_validation, load, steps_present
from dropout_lab.errors import InputError
from dropout_lab.models import MODELS, model_named
from dropout_lab.training.arrays import example_shape
from dropout_lab.training.own_code import check_own_code, reporting_own_code
from dropout_lab.training.program import Program
from dropout_lab.training.record import environment
from dropout_lab.training.robustness import check_robustness
from dropout_lab.training.vmapped import VmappedProgram
from dropout_lab.variants import variant_named

_JAX_DEFAULTS = {
    "jax_default_prng_impl": "threefry2x32",  # with rbg all lanes would draw from the first key
    "jax_threefry_partitionable": True,  # else noise depends on the number of devices
    "jax_random_seed_offset": 0,
    "jax_enable_x64": False,
}

_MOST_UPDATES = 2**31 - 1


def check_jax_settings() -> None:
    """Raises InputError if a setting that changes results is not JAX's default."""
    for name, default in _JAX_DEFAULTS.items():
        value = getattr(jax.config, name)
        if value != default:
            raise InputError(
                f"{name} is {value!r}, which changes results but is not recorded; allowed: "
                f"{default!r}; unset {name.upper()} in the environment"
            )


def prepare(config: FrozenConfigDict, lanes: int = 1) -> tuple[VmappedProgram, Dataset]:
    """Returns the program of a resolved configuration, not yet compiled, and its data.

    Args:
      config: The configuration.
      lanes: Number of trials that run side by side.

    Raises:
      InputError: If the data is missing or does not fit the configuration, or a setting of JAX
        would change results.
    """
    check_jax_settings()
    environment()  # cached now: the code's revision may be another one when the record is made
    dataset = load_data(config)
    check_data(config, dataset)
    shape = example_shape(dataset.train)
    with reporting_own_code(config):
        program = Program(config, shape, dataset.classes, dataset.vocabulary)
    check_own_code(program, shape, tokens=dataset.vocabulary is not None)
    return VmappedProgram(program, lanes), dataset


def load_data(config: FrozenConfigDict) -> Dataset:
    """Returns the data set of a resolved configuration; the latest one is cached."""
    data = config.data
    options = {option: data[option] for option in _LOAD_OPTIONS}
    dataset = _load(data.name, data.dir, tuple(options.items()))
    return dataset if data.folds is None else _fold(dataset, data.folds, data.fold)


_LOAD_OPTIONS = (
    "path",
    "arrays",
    "label",
    "vocabulary",
    "tokens",
    "window",
    "val_size",
    "train_size",
)


@functools.lru_cache(maxsize=1)
def _load(name: str, data_dir: str | None, options: tuple[tuple[str, Any], ...]) -> Dataset:
    return load(name, data_dir=data_dir, **dict(options))


_fold = functools.lru_cache(maxsize=1)(cross_validation)


def check_data(config: FrozenConfigDict, dataset: Dataset) -> None:
    """Raises InputError if the data does not fit a resolved configuration."""
    count, batch = len(dataset.train), config.train.batch_size
    if count < batch:
        raise InputError(
            f"config.train.batch_size is {batch} with {count} training examples; allowed: 1 to "
            f"{count}"
        )
    epochs = config.train.epochs
    if epochs is not None and epochs * (count // batch) > _MOST_UPDATES:
        raise InputError(
            f"config.train.epochs is {epochs}, of {count // batch} updates each; allowed: 1 to "
            f"{_MOST_UPDATES // (count // batch)}, as updates are counted in 32 bits"
        )
    if config.train.select == "best_val" and not len(dataset.val):
        raise InputError(
            "config.train.select is 'best_val' with no validation data; allowed: 'last', or a "
            "config.data.val_size above 0"
        )
    if config.train.patience is not None and not len(dataset.val):
        raise InputError(
            f"config.train.patience is {config.train.patience} with no validation data; allowed: "
            "None, or a config.data.val_size above 0"
        )
    check_scaling(dataset, config.data.scaling)
    _check_sequences(config, dataset)
    check_robustness(config, dataset.test)
    shape = example_shape(dataset.train)
    if config.data.augment == "crop_flip" and len(shape) != 3:
        raise InputError(
            f"config.data.augment is 'crop_flip' with examples of shape {shape}; allowed: (height, "
            "width, channels), or augment 'none'"
        )
    _check_targets(config, dataset)
    if variant_named(config.variant).images and len(shape) != 3:
        raise InputError(
            f"variant {config.variant!r} needs images, examples have shape {shape}; allowed: "
            "(height, width, channels)"
        )


def _check_targets(config: FrozenConfigDict, dataset: Dataset) -> None:
    """Raises InputError if inputs or labels cannot be mixed or changed as configured."""
    data, shape = config.data, example_shape(dataset.train)
    if dataset.vocabulary is not None and data.mixup is not None:
        raise InputError(
            f"config.data.mixup is {data.mixup:g} with tokens, as {dataset.name!r} has; allowed: "
            "None, as a mean of tokens is none"
        )
    if data.cutmix is not None and len(shape) != 3:
        raise InputError(
            f"config.data.cutmix is {data.cutmix:g} with examples of shape {shape}; allowed: "
            "(height, width, channels), or None"
        )
    if data.label_noise is not None and dataset.train.labels.ndim > 1:
        raise InputError(
            f"config.data.label_noise is {data.label_noise:g} with next tokens as labels; allowed: "
            "None, or data with a class for each example"
        )


def _check_sequences(config: FrozenConfigDict, dataset: Dataset) -> None:
    """Raises InputError if the examples are sequences that the network does not read."""
    model = config.model.name
    if dataset.vocabulary is not None:
        if "vocabulary" not in model_options(model):
            readers = [name for name in MODELS if "vocabulary" in model_options(name)]
            raise InputError(
                f"model {model!r} reads no tokens, such as those of {dataset.name!r}; allowed: "
                + ", ".join(readers)
            )
        return
    present = steps_present(dataset.train.images)
    if present is not None and not present.all() and not model_named(model).padding:
        readers = [name for name, network in MODELS.items() if network.padding]
        raise InputError(
            f"model {model!r} reads no sequences with lengths, as {dataset.name!r} has; allowed: "
            + ", ".join(readers)
        )
