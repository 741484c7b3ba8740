"""The directory of a sweep; its JSON files are written atomically.

DIR/sweep.json      the common configuration, the varied keys, all trials requested so far
DIR/trials/         a record per finished trial
DIR/networks/       trained networks, with config.run.save_model
DIR/failures/       a traceback per trial that raised an exception
DIR/plans/          a plan per group of trials: see plan.py
DIR/checkpoints/    state of the trials in progress
DIR/pauses/         state of the trials that config.train.stop ended
DIR/progress/       progress reports of the chunks in progress
DIR/quarantine/     damaged files
DIR/locks/          see Store.lock
"""

import functools
import os
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict, FrozenConfigDict

from dropout_lab.config import (
    EXECUTION,
    Flat,
    by_content,
    flat_from_dict,
    flatten,
    nest,
    pinned,
    trial_id,
)
from dropout_lab.config.keys.values import plain
from dropout_lab.errors import InputError
from dropout_lab.sweeps import damage
from dropout_lab.sweeps.trials import Trial
from dropout_lab.system.files import (
    DamagedError,
    check_schema,
    delete_unfinished,
    lock,
    read_json,
    version,
    write_json,
)
from dropout_lab.system.workdir import check_directory, check_kind, check_same
from dropout_lab.training.recorded import read_record

_SCHEMA = 1
"""Version of the layout of all files but the records."""


class Store:
    """A sweep's directory.

    Args:
      workdir: The directory; it is created at the first write.
    """

    def __init__(self, workdir: str | Path) -> None:
        self.directory = Path(workdir)

    def trials(self) -> dict[str, dict[str, Any]]:
        """Returns the resolved configurations of all trials requested so far, in order, by id.

        Raises:
          InputError: If the directory holds no sweep.
        """
        return dict(self._read_sweep()["trials"])

    def configs(self, trials: Sequence[str]) -> list[FrozenConfigDict]:
        """Returns the resolved configurations of some trials.

        Raises:
          DamagedError: If one is not the configuration of its trial.
        """
        return [FrozenConfigDict(nest(flat)) for flat in self.flat_configs(trials)]

    def flat_configs(self, trials: Iterable[str]) -> list[Flat]:
        """Returns the resolved configurations of some trials, by dotted key.

        Raises:
          DamagedError: If one is not the configuration of its trial.
        """
        configs = self.trials()
        flats = {trial: flat_from_dict(configs[trial]) for trial in trials}
        for trial, flat in flats.items():
            if trial_id(flat) != trial:
                raise DamagedError(self._sweep_file, f"trial {trial!r} has another configuration")
        return list(flats.values())

    def varied(self) -> list[str]:
        """Returns the keys in which the trials differ."""
        return self._read_sweep()["varied"]

    def base(self) -> dict[str, Any]:
        """Returns the configuration that all trials share before they vary it, by dotted key."""
        return dict(self._read_sweep()["base"])

    def records(self) -> list[dict[str, Any]]:
        """Returns the records of the finished trials, in the order of :meth:`trials`.

        Raises:
          InputError: If the directory holds no sweep, or a record is damaged.
        """
        found = (self.record(trial, config) for trial, config in self.trials().items())
        return [record for record in found if record is not None]

    def names(self, kind: str) -> set[str]:
        """Returns the names of all files of a kind: the trials that have a record or a failure."""
        try:
            files = os.listdir(self.directory / kind)
        except FileNotFoundError:
            return set()
        except OSError as error:
            raise InputError(f"cannot read {self.directory / kind}: {error.strerror}") from error
        return {file.removesuffix(".json") for file in files if not file.startswith(".")}

    def has(self, trial: str) -> bool:
        """Returns whether a trial has a record."""
        return self.file("trials", trial).exists()

    def record(self, trial: str, config: Mapping[str, Any] | None = None) -> dict[str, Any] | None:
        """Returns a trial's record; None if it has none.

        Args:
          trial: The trial's id.
          config: Its configuration of :meth:`trials`, if at hand: see :func:`read_record`.

        Raises:
          InputError: If the record is damaged.
        """
        path = self.file("trials", trial)
        try:
            return read_record(path, trial, config)
        except InputError:
            if path.exists():
                raise
            return None

    def add(self, record: dict[str, Any]) -> None:
        """Writes a trial's record, and deletes its failure."""
        write_json(self.file("trials", record["id"]), record)
        self.forget_failure(record["id"])

    def delete_unfinished(self) -> None:
        """Deletes what processes killed while they wrote a record, written since, left behind."""
        delete_unfinished(self.directory / "trials")

    def add_failure(self, trial: str, error: str, traceback: str) -> None:
        """Writes the error of a trial that failed."""
        content = {"schema": 1, "id": trial, "error": error, "traceback": traceback}
        write_json(self.file("failures", trial), content)

    def failure(self, trial: str) -> str | None:
        """Returns a failed trial's error in one line; None if the trial has not failed.

        Raises:
          InputError: If the failure's file is damaged.
        """
        content = _read(self.file("failures", trial), damage.of_failure)
        return content and content["error"]

    def forget_failure(self, trial: str) -> None:
        """Deletes a trial's failure, so that the trial is run again."""
        self.file("failures", trial).unlink(missing_ok=True)

    def network(self, trial: str) -> Path:
        """Returns the path for a trial's network."""
        return self.directory / "networks" / trial

    def checkpoint(self, name: str) -> Path:
        """Returns the path for a checkpoint."""
        return self.directory / "checkpoints" / name

    @property
    def pauses(self) -> Path:
        """The folder for the states of trials that were stopped."""
        return self.directory / "pauses"

    def file(self, kind: str, name: str) -> Path:
        """Returns the path for another JSON file of the sweep, such as a group's plan."""
        return self.directory / kind / f"{name}.json"

    def lock(self, name: str, *, wait: bool = True) -> AbstractContextManager[bool]:
        """Returns a lock of this sweep, see :func:`dropout_lab.system.files.lock`."""
        return lock(self.directory / "locks" / f"{name}.lock", wait=wait)

    def quarantine(self, path: Path) -> Path:
        """Moves a damaged file or folder to DIR/quarantine and returns its new path."""
        place = self.directory / "quarantine" / f"{path.name}.{time.time_ns()}"
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            os.replace(path, place)
        except OSError as error:
            raise InputError(f"cannot move damaged {path} away: {error.strerror}") from error
        return place

    def quarantine_damaged(self, trials: Iterable[str]) -> list[str]:
        """Moves damaged records of these trials away, and returns a message about each."""
        messages = []
        with self.lock("sweep"):  # else a record that another process has just replaced could move
            for trial in trials:
                try:
                    self.record(trial)
                except DamagedError as error:
                    place = self.quarantine(error.path)
                    messages.append(
                        f"{error.path} is damaged ({error.reason}): moved to {place}; its trial "
                        "will run again"
                    )
        return messages

    def check(self, config: ConfigDict, varied: Collection[str]) -> None:
        """Raises InputError unless the directory is empty or its sweep can be extended by this one.

        It can if the common configurations agree in all keys that neither sweep varies.
        """
        check_directory(self.directory)
        check_kind(self.directory, "sweep")
        if self._sweep_file.exists():
            before = self._read_sweep()
            free = {*before["varied"], *varied, *EXECUTION}
            check_same(self.directory, "sweep", before["base"], _base(config), free=free)

    def extend(self, config: ConfigDict, varied: Collection[str], trials: Sequence[Trial]) -> None:
        """Adds trials to the sweep; those already in it keep their place.

        Raises:
          InputError: If another sweep was put in the directory since it was checked.
        """
        with self.lock("sweep"):
            self.check(config, varied)
            before: dict[str, Any] = {"schema": 1, "base": {}, "varied": [], "trials": {}}
            if self._sweep_file.exists():
                before = dict(self._read_sweep())
            sweep = before | {
                "base": _base(config) | before["base"],
                "varied": list(dict.fromkeys([*before["varied"], *varied])),
                "trials": before["trials"]
                | {trial.id: nest(_as_json(trial.flat)) for trial in trials},
            }
            if sweep != before:
                write_json(self._sweep_file, sweep)

    def _read_sweep(self) -> Mapping[str, Any]:
        """Returns the content of sweep.json, which several callers share."""
        found = version(self._sweep_file)
        sweep = found and _parsed_sweep(self._sweep_file, found)
        if sweep is None:
            raise InputError(f"{str(self.directory)!r} holds no sweep: no sweep.json")
        return sweep

    @property
    def _sweep_file(self) -> Path:
        return self.directory / "sweep.json"


@functools.lru_cache(maxsize=2)
def _parsed_sweep(path: Path, version: tuple[int, ...]) -> Any:
    """Returns the content of a sweep.json, which takes long to parse for thousands of trials."""
    return _read(path, damage.of_sweep)


def _read(path: Path, find_damage: Callable[[Any], str | None]) -> Any:
    """Returns a file's JSON content; None if there is no such file.

    Raises:
      DamagedError: If the file is not JSON, or ``find_damage`` returns a reason.
      InputError: If the file cannot be read.
    """
    try:
        content = read_json(path)
    except InputError:
        if path.exists():
            raise
        return None
    check_schema(path, content, _SCHEMA)
    reason = find_damage(content)
    if reason:
        raise DamagedError(path, reason)
    return content


def _base(config: ConfigDict) -> dict[str, Any]:
    """Returns the flat configuration as it is read back from JSON: lists for tuples."""
    flat = by_content(pinned(flatten(config.to_dict())))
    return _as_json({key: plain(value) for key, value in flat.items()})


def _as_json(flat: Flat) -> Flat:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in flat.items()}
