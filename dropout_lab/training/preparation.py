"""The program and the data of a resolved configuration."""

import functools

import jax
from ml_collections import FrozenConfigDict

from dropout_lab.data import Dataset, check_scaling, cross_validation, load
from dropout_lab.errors import InputError
from dropout_lab.training.arrays import example_shape
from dropout_lab.training.own_code import check_own_code, reporting_own_code
from dropout_lab.training.program import Program
from dropout_lab.training.record import environment
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
        program = Program(config, shape, dataset.classes)
    check_own_code(program, shape)
    return VmappedProgram(program, lanes), dataset


def load_data(config: FrozenConfigDict) -> Dataset:
    """Returns the data set of a resolved configuration; the latest one is cached."""
    data = config.data
    dataset = _load(
        data.name, data.dir, data.path, data.arrays, data.label, data.val_size, data.train_size
    )
    return dataset if data.folds is None else _fold(dataset, data.folds, data.fold)


@functools.lru_cache(maxsize=1)
def _load(
    name: str,
    data_dir: str | None,
    path: str | None,
    arrays: str | None,
    label: str | None,
    val_size: int | None,
    train_size: int | None,
) -> Dataset:
    return load(
        name,
        data_dir=data_dir,
        path=path,
        arrays=arrays,
        label=label,
        val_size=val_size,
        train_size=train_size,
    )


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
    shape = example_shape(dataset.train)
    if config.data.augment == "crop_flip" and len(shape) != 3:
        raise InputError(
            f"config.data.augment is 'crop_flip' with examples of shape {shape}; allowed: (height, "
            "width, channels), or augment 'none'"
        )
    if variant_named(config.variant).images and len(shape) != 3:
        raise InputError(
            f"variant {config.variant!r} needs images, examples have shape {shape}; allowed: "
            "(height, width, channels)"
        )
