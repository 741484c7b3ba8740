"""Where a sweep lives: what was asked for, records, failures; each a JSON file, written whole.

DIR/sweep.json      the common configuration, the keys varied, all trials ever asked for
DIR/trials/         a record per trial that is done
DIR/networks/       what was trained, with config.run.save_model
DIR/failures/       a traceback per trial that raised an exception
DIR/plans/          how the trials of each group are run: see plan.py
DIR/checkpoints/    what is under way
DIR/progress/       how far it is, for those who watch
DIR/quarantine/     damaged files
DIR/locks/          see Store.lock
"""

import os
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict, FrozenConfigDict

from dropout_lab.config import HOW, flatten, from_dict
from dropout_lab.errors import InputError
from dropout_lab.sweeps import damage
from dropout_lab.sweeps.trials import Trial
from dropout_lab.system.files import (
    DamagedError,
    delete_unfinished,
    lock,
    read_json,
    write_json,
)
from dropout_lab.system.workdir import check_directory, check_kind, check_same


class Store:
    """A sweep's directory.

    Args:
      workdir: The directory; nothing is made until something is written.
    """

    def __init__(self, workdir: str | Path) -> None:
        self.directory = Path(workdir)

    def plan(self) -> dict[str, dict[str, Any]]:
        """Returns the resolved configurations of all trials ever asked for, in order, by id.

        Raises:
          InputError: If there is no sweep here.
        """
        return self._asked()["trials"]

    def configs(self, trials: Iterable[str]) -> list[FrozenConfigDict]:
        """Returns the resolved configurations of some trials."""
        plan = self.trials()
        return [from_dict(plan[trial]) for trial in trials]

    def varied(self) -> list[str]:
        """Returns the keys in which the trials differ."""
        return self._asked()["varied"]

    def records(self) -> list[dict[str, Any]]:
        """Returns the records of the plan's trials that are done, in the plan's order.

        Raises:
          InputError: If there is no sweep here, or a record is damaged.
        """
        return [record for trial in self.trials() if (record := self.record(trial)) is not None]

    def has(self, trial: str) -> bool:
        """Returns whether a trial has a record."""
        return self._record_file(trial).exists()

    def record(self, trial: str) -> dict[str, Any] | None:
        """Returns a trial's record; None if it is not done.

        Raises:
          InputError: If it is damaged.
        """
        return _read(self._record_file(trial), lambda content: damage.of_record(content, trial))

    def add(self, record: dict[str, Any]) -> None:
        """Writes a trial's record; what a failure or a kill of that trial left behind is over."""
        path = self._record_file(record["id"])
        write_json(path, record)
        delete_unfinished(path)
        self.forget_failure(record["id"])

    def add_failure(self, trial: str, error: str, traceback: str) -> None:
        """Writes down why a trial has no record."""
        content = {"schema": 1, "id": trial, "error": error, "traceback": traceback}
        write_json(self._failure_file(trial), content)

    def failure(self, trial: str) -> str | None:
        """Returns the error that a trial ended on, in one line; None if it has not failed.

        Raises:
          InputError: If the file that says so is damaged.
        """
        found = _read(self._failure_file(trial), damage.of_failure)
        return found and found["error"]

    def forget_failure(self, trial: str) -> None:
        """Lets a failed trial be run again."""
        self._failure_file(trial).unlink(missing_ok=True)

    def network(self, trial: str) -> Path:
        """Returns where the network of a trial is kept, if it is."""
        return self.directory / "networks" / trial

    def checkpoint(self, name: str) -> Path:
        """Returns where what is under way is saved."""
        return self.directory / "checkpoints" / name

    def file(self, kind: str, name: str) -> Path:
        """Returns the path of another JSON file of the sweep, such as a group's plan."""
        return self.directory / kind / f"{name}.json"

    def lock(self, name: str, *, wait: bool = True) -> AbstractContextManager[bool]:
        """Returns a lock of this sweep, see :func:`dropout_lab.system.files.lock`."""
        return lock(self.directory / "locks" / f"{name}.lock", wait=wait)

    def quarantine(self, path: Path) -> Path:
        """Moves a damaged file or folder out of the way and returns where it is now."""
        place = self.directory / "quarantine" / f"{path.name}.{time.time_ns()}"
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            os.replace(path, place)
        except OSError as error:
            raise InputError(f"cannot move damaged {path} away: {error.strerror}") from error
        return place

    def quarantine_damaged(self, trials: Iterable[str]) -> list[str]:
        """Moves damaged records of some trials away, and returns a line about each."""
        told = []
        with self.lock("sweep"):  # or what another process wrote anew would be moved
            for trial in trials:
                try:
                    self.record(trial)
                except DamagedError as error:
                    place = self.quarantine(error.path)
                    told.append(
                        f"{error.path} is damaged ({error.reason}): moved to {place}, to be run "
                        "again"
                    )
        return told

    def check(self, config: ConfigDict, varied: Collection[str]) -> None:
        """Raises InputError unless this sweep can go in the directory.

        A sweep may be extended: by more values, by more keys. It belongs here if, but for keys that
        either sweep varies, its configuration is the one that is here.
        """
        check_directory(self.directory)
        check_kind(self.directory, "sweep")
        if self._sweep_file.exists():
            before = self._asked()
            free = {*before["varied"], *varied, *HOW}
            check_same(self.directory, "sweep", before["base"], _base(config), free=free)

    def extend(self, config: ConfigDict, varied: Collection[str], trials: Sequence[Trial]) -> None:
        """Adds trials to the plan.

        Raises:
          InputError: If the directory has become another's since it was checked.
        """
        with self.lock("sweep"):
            self.check(config, varied)
            asked: dict[str, Any] = {"schema": 1, "base": _base(config), "varied": [], "trials": {}}
            if self._sweep_file.exists():
                asked = self._asked()
                asked["base"] = _base(config) | asked["base"]
            asked["varied"] = list(dict.fromkeys([*asked["varied"], *varied]))
            asked["trials"] |= {trial.id: trial.config.to_dict() for trial in trials}
            write_json(self._sweep_file, asked)

    def _asked(self) -> dict[str, Any]:
        asked = _read(self._sweep_file, damage.of_sweep)
        if asked is None:
            raise InputError(f"{str(self.directory)!r} holds no sweep: no sweep.json")
        return asked

    @property
    def _sweep_file(self) -> Path:
        return self.directory / "sweep.json"

    def _record_file(self, trial: str) -> Path:
        return self.file("trials", trial)

    def _failure_file(self, trial: str) -> Path:
        return self.file("failures", trial)


def _read(path: Path, wrong: Callable[[Any], str | None]) -> Any:
    """Returns a file's JSON; None if there is no such file.

    Raises:
      DamagedError: If it is not JSON, or does not hold what it should.
      InputError: If it cannot be read.
    """
    try:
        content = read_json(path)
    except InputError:
        if path.exists():
            raise
        return None
    reason = wrong(content)
    if reason:
        raise DamagedError(path, reason)
    return content


def _base(config: ConfigDict) -> dict[str, Any]:
    """Returns the configuration as JSON will give it back."""
    flat = flatten(config.to_dict())
    return {key: list(value) if isinstance(value, tuple) else value for key, value in flat.items()}
