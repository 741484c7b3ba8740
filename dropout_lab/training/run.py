"""One run in a directory of its own: train, save, record."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
from ml_collections import ConfigDict, FrozenConfigDict

from dropout_lab.config import HOW, flatten, from_dict, resolve
from dropout_lab.data import Dataset
from dropout_lab.errors import InputError
from dropout_lab.system.display import Display
from dropout_lab.system.files import lock, read_json, write_json
from dropout_lab.system.interrupt import graceful_stop
from dropout_lab.system.workdir import check_directory, check_kind, check_same
from dropout_lab.training.checkpoint import Checkpoints
from dropout_lab.training.preparation import prepare
from dropout_lab.training.processes import agreement, is_first, one_of_several
from dropout_lab.training.progress import Epoch
from dropout_lab.training.record import make_record
from dropout_lab.training.trained import save_network
from dropout_lab.training.trainer import Trainer
from dropout_lab.training.vmapped import VmappedProgram


def train(config: ConfigDict, workdir: str | Path) -> dict[str, Any]:
    """Trains what a configuration describes and returns the record, ``workdir/record.json``.

    An interrupted run is resumed, and of a finished one the record is read. Several processes that
    have joined train one run, in a directory that all of them see.

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
        if record := _recorded(directory):
            return record
        program, dataset = prepare(resolved)
    with _claimed(directory, resolved):
        # The same run may have ended in another process since.
        return _recorded(directory) or _run(directory, resolved, program, dataset)


def _recorded(directory: Path) -> dict[str, Any] | None:
    """Returns the record of a run that is done."""
    path = directory / "record.json"
    record: dict[str, Any] | None = read_json(path) if path.exists() else None
    return record


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
    with lock(directory / "lock", wait=False) as held:
        if not held:
            raise InputError(
                f"workdir {str(directory)!r} is in use: another process trains there; allowed: the "
                "same command once that has ended, or another workdir"
            )
        yield


def _run(
    directory: Path, config: FrozenConfigDict, program: VmappedProgram, dataset: Dataset
) -> dict[str, Any]:
    checkpoints = Checkpoints(directory / "checkpoint")
    with graceful_stop() as stop, Display(trials=1, shown=is_first()) as display:
        if is_first():
            for note in dataset.notes:
                display.say(f"data: {note}")

        def show(epoch: Epoch) -> None:
            display.update(epoch.share, epoch.summary())

        trial = Trainer(
            program, [config], dataset, checkpoints=checkpoints, on_epoch=show, stop=stop
        )
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


def _check_owner(directory: Path, config: FrozenConfigDict) -> None:
    """Raises InputError if the directory holds a run of another configuration, or no run."""
    check_kind(directory, "run")
    path = directory / "config.json"
    if path.exists():
        theirs, ours = (flatten(each.to_dict()) for each in (from_dict(read_json(path)), config))
        check_same(directory, "run", theirs, ours, free=HOW)
