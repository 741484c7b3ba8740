"""One run in a directory of its own: train, save, record."""

import contextlib
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
from ml_collections import ConfigDict, FrozenConfigDict

from dropout_lab.data import Dataset, cross_validation, load
from dropout_lab.display import Display
from dropout_lab.errors import InputError
from dropout_lab.files import check_directory, lock, read_json, write_json
from dropout_lab.rules import flatten
from dropout_lab.settings import HOW, from_dict, resolve, trial_id
from dropout_lab.training.arrays import example_shape
from dropout_lab.training.checkpoint import Checkpoints
from dropout_lab.training.interrupt import graceful_stop
from dropout_lab.training.jax_settings import check_jax_settings
from dropout_lab.training.lanes import LaneProgram
from dropout_lab.training.loop import Lanes, Result
from dropout_lab.training.processes import agreement, is_first, one_of_several
from dropout_lab.training.program import Program
from dropout_lab.training.progress import Epoch
from dropout_lab.training.record import environment, make_record
from dropout_lab.variants import VARIANTS


def train(config: ConfigDict, workdir: str | Path) -> dict[str, Any]:
    """Trains what a configuration describes and returns the record, ``workdir/record.json``.

    A run that was cut is resumed; one that is done is only read. Several processes that have
    joined train one run, in a directory that all of them see.

    Raises:
      InputError: If the configuration or the data is wrong, or the directory is another's, or
        another process trains there.
      Interrupted: If a signal asked to stop; what was done is saved.
      ProcessLost: If another process that trains the same run is gone.
    """
    with one_of_several():
        return _train(config, workdir)


def _train(config: ConfigDict, workdir: str | Path) -> dict[str, Any]:
    with agreement():
        resolved = resolve(config)
        directory = check_directory(workdir)
        _check_owner(directory, resolved)
        if (directory / "record.json").exists():
            return read_json(directory / "record.json")
        program, dataset = prepare(resolved)
    with _claimed(directory, resolved):
        return _run(directory, resolved, program, dataset)


@contextlib.contextmanager
def _claimed(directory: Path, config: FrozenConfigDict) -> Iterator[None]:
    """Makes the directory that of this run, for all of its processes and for no other run.

    Raises:
      InputError: If they do not all see it, or train something else, or another run is under way.
    """
    path = directory / "config.json"
    with contextlib.ExitStack() as locked:
        with agreement():
            if is_first():
                locked.enter_context(_alone(directory))
                _check_owner(directory, config)  # another may have come and gone
                write_json(path, config.to_dict())
        with agreement():
            if not path.exists():
                raise InputError(
                    f"workdir {str(directory)!r} of process {jax.process_index()} is not that of "
                    "process 0; allowed: a directory that all processes share"
                )
            _check_owner(directory, config)
        yield


@contextlib.contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """Keeps runs of other processes out of a directory.

    Raises:
      InputError: If there is one.
    """
    path = directory / "lock"
    with lock(path, wait=False) as held:
        if not held:
            raise InputError(
                f"workdir {str(directory)!r} is in use: another process trains there; allowed: the "
                "same command once that has ended, or another workdir"
            )
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def _run(
    directory: Path, config: FrozenConfigDict, program: LaneProgram, dataset: Dataset
) -> dict[str, Any]:
    checkpoints = Checkpoints(directory / "checkpoint")
    with graceful_stop() as stop, Display(trials=1, shown=is_first()) as display:

        def show(epoch: Epoch) -> None:
            display.update(epoch.share, epoch.summary())

        trial = Lanes(program, [config], dataset, checkpoints=checkpoints, on_epoch=show, stop=stop)
        [result] = trial.run()
    record = make_record(config, dataset, result)
    if is_first():
        if config.run.save_model is not False:
            save_network(directory / "model", result)
        else:
            Checkpoints(directory / "model").clear()  # an earlier run's is not that of this record
        write_json(directory / "record.json", record)
        checkpoints.clear()
    return record


def save_network(directory: Path, result: Result) -> None:
    """Keeps the network of a trial, for :class:`dropout_lab.training.trained.Trained`.

    It replaces one that is there; a kill leaves either of them whole.
    """
    Checkpoints(directory).save((result.weights, result.scaling), {}, step=0)


def prepare(config: FrozenConfigDict, lanes: int = 1) -> tuple[LaneProgram, Dataset]:
    """Returns the program of a resolved configuration, not yet compiled, and its data.

    Args:
      config: The configuration.
      lanes: How many trials of the program run side by side.

    Raises:
      InputError: If there is no such data, it does not suit the configuration, or a setting of JAX
        would change results.
    """
    check_jax_settings()
    environment()  # the code that is loaded is the code as it is now, not when the record is made
    dataset = load_data(config)
    check_data(config, dataset)
    program = Program(config, example_shape(dataset.train), dataset.classes)
    return LaneProgram(program, lanes), dataset


def load_data(config: FrozenConfigDict) -> Dataset:
    """Returns the data set that a resolved configuration names; the latest is kept."""
    data = config.data
    dataset = _load(data.name, data.dir, data.path, data.val_size, data.train_size)
    return dataset if data.folds is None else _cut(dataset, data.folds, data.fold)


@functools.lru_cache(maxsize=1)
def _load(
    name: str,
    data_dir: str | None,
    path: str | None,
    val_size: int | None,
    train_size: int | None,
) -> Dataset:
    return load(name, data_dir=data_dir, path=path, val_size=val_size, train_size=train_size)


_cut = functools.lru_cache(maxsize=1)(cross_validation)


def check_data(config: FrozenConfigDict, dataset: Dataset) -> None:
    """Raises InputError if a resolved configuration asks what the data cannot give."""
    count, batch = len(dataset.train), config.train.batch_size
    if count < batch:
        raise InputError(
            f"config.train.batch_size is {batch} with {count} training examples; allowed: 1 to "
            f"{count}"
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
    shape = example_shape(dataset.train)
    if config.data.augment == "crop_flip" and len(shape) != 3:
        raise InputError(
            f"config.data.augment is 'crop_flip' with examples of shape {shape}; allowed: (height, "
            "width, channels), or augment 'none'"
        )
    if VARIANTS[config.variant].images and len(shape) != 3:
        raise InputError(
            f"variant {config.variant!r} needs images, examples have shape {shape}; allowed: "
            "(height, width, channels)"
        )


def _check_owner(directory: Path, config: FrozenConfigDict) -> None:
    """Raises InputError if the directory holds a run of another configuration, or a sweep."""
    if (directory / "sweep.json").exists():
        raise InputError(f"workdir {str(directory)!r} holds a sweep; allowed: one of its own")
    if not (directory / "config.json").exists():
        return
    there = from_dict(read_json(directory / "config.json"))
    if trial_id(there) == trial_id(config):
        return
    theirs, ours = flatten(there.to_dict()), flatten(config.to_dict())
    keys = [key for key in ours if key not in HOW and theirs.get(key) != ours[key]]
    raise InputError(
        f"workdir {str(directory)!r} belongs to another configuration: "
        + ", ".join(f"{key} is {theirs.get(key)!r} there, {ours[key]!r} here" for key in keys[:3])
        + "; allowed: the same, or another workdir"
    )
