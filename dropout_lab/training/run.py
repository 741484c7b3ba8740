"""A run in its own directory: training, saving, recording."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
from ml_collections import ConfigDict, FrozenConfigDict

from dropout_lab.config import EXECUTION, by_content, flat_from_dict, flatten, resolve
from dropout_lab.data import Dataset
from dropout_lab.errors import InputError
from dropout_lab.system.display import Display
from dropout_lab.system.files import DamagedError, lock, read_object, write_json
from dropout_lab.system.interrupt import graceful_stop
from dropout_lab.system.workdir import check_directory, check_kind, check_same
from dropout_lab.training.checkpoint import Checkpoints
from dropout_lab.training.preparation import prepare
from dropout_lab.training.processes import agreement, is_first, one_of_several
from dropout_lab.training.progress import Epoch
from dropout_lab.training.record import make_record
from dropout_lab.training.recorded import read_record
from dropout_lab.training.run_status import RunProgress
from dropout_lab.training.trained import save_network
from dropout_lab.training.trainer import Trainer
from dropout_lab.training.vmapped import VmappedProgram


def train(
    config: ConfigDict,
    workdir: str | Path,
    *,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
) -> dict[str, Any]:
    """Trains a configuration and returns the record, which is saved as ``workdir/record.json``.

    An interrupted run is resumed. Of a finished run, the record is only read. The processes of a
    distributed run train together, in a directory that they share.

    Args:
      config: The configuration.
      workdir: The run's directory.
      on_epoch: Called after every epoch.

    Raises:
      InputError: If the configuration or the data is wrong, or the directory belongs to another run
        or is in use by another process.
      Interrupted: If a signal requested to stop; progress is saved.
      ProcessLost: If another process of a distributed run has died.
    """
    with one_of_several():
        return _train(config, workdir, on_epoch)


def _train(
    config: ConfigDict, workdir: str | Path, on_epoch: Callable[[Epoch], None]
) -> dict[str, Any]:
    with agreement():
        resolved = resolve(config)
        directory = check_directory(workdir)
        _check_owner(directory, resolved)
        if record := _finished_record(directory, resolved):
            return record
        program, dataset = prepare(resolved)
    with _claimed(directory, resolved):
        # Another process may have finished the same run in the meantime.
        return _finished_record(directory, resolved) or _run(
            directory, resolved, program, dataset, on_epoch
        )


def _finished_record(directory: Path, config: FrozenConfigDict) -> dict[str, Any] | None:
    """Returns the record of a finished run, None if it is not finished.

    Raises:
      InputError: If the record is damaged or of another configuration.
    """
    path = directory / "record.json"
    if not path.exists():
        return None
    record = read_record(path)
    _check_same(path, record["config"], config)
    if is_first() and config.run.save_model is not False and not (directory / "model").is_dir():
        Display(trials=1).say(
            "warning: the network of the recorded run was not kept; to train it again, remove "
            f"{path}"
        )
    return record


@contextlib.contextmanager
def _claimed(directory: Path, config: FrozenConfigDict) -> Iterator[None]:
    """Claims a directory for this run: for all of its processes, and for no other run.

    Raises:
      InputError: If its processes do not share the directory or the configuration, or another run
        is in progress there.
    """
    path = directory / "config.json"
    with contextlib.ExitStack() as locked:
        with agreement():
            if is_first():
                if not locked.enter_context(lock(directory / "lock", wait=False)):
                    raise InputError(
                        f"workdir {str(directory)!r} is in use: another process trains there; "
                        "allowed: the same command once that has ended, or another workdir"
                    )
                _check_owner(directory, config)  # again, under the lock
                write_json(path, config.to_dict())
        with agreement():
            if not path.exists():
                raise InputError(
                    f"workdir {str(directory)!r} of process {jax.process_index()} is not that of "
                    "process 0; allowed: a directory that all processes share"
                )
            _check_owner(directory, config)
        yield


def _run(
    directory: Path,
    config: FrozenConfigDict,
    program: VmappedProgram,
    dataset: Dataset,
    on_epoch: Callable[[Epoch], None],
) -> dict[str, Any]:
    checkpoints = Checkpoints(directory / "checkpoint")
    with graceful_stop() as stop, Display(trials=1, shown=is_first(), lines=True) as display:
        if is_first():
            for note in dataset.notes:
                display.say(f"data: {note}")
        report = RunProgress(directory, shown=is_first())

        def show(epoch: Epoch) -> None:
            display.update(epoch.fraction, epoch.summary())
            report(epoch)
            on_epoch(epoch)

        trainer = Trainer(
            program, [config], dataset, checkpoints=checkpoints, on_epoch=show, stop=stop
        )
        try:
            [result] = trainer.run()
        finally:
            report.clear()
    record = make_record(config, dataset, result)
    if is_first():
        if config.run.save_model is not False:
            save_network(directory / "model", result)
        else:
            # The network of an earlier run does not belong to this record.
            Checkpoints(directory / "model").clear()
        write_json(directory / "record.json", record)
        checkpoints.clear()
    return record


def _check_owner(directory: Path, config: FrozenConfigDict) -> None:
    """Raises InputError if the directory holds something other than a run of this configuration."""
    check_kind(directory, "run")
    path = directory / "config.json"
    if path.exists():
        _check_same(path, read_object(path), config)


def _check_same(path: Path, before: dict[str, Any], config: FrozenConfigDict) -> None:
    """Raises InputError unless a configuration, of the file ``path``, is that of this run."""
    there, here = by_content(flat_from_dict(before)), by_content(flatten(config.to_dict()))
    if not there.keys() >= here.keys():
        raise DamagedError(path, "keys of a configuration are missing")
    check_same(path.parent, "run", there, here, free=EXECUTION)
