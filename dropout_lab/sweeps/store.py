"""Where a sweep's plan and records live: one JSON file per trial, written whole."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from dropout_lab.errors import InputError
from dropout_lab.files import check_directory, read_json, write_json
from dropout_lab.rules import flatten
from dropout_lab.settings import HOW
from dropout_lab.sweeps.grid import Grid, Trial


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
        if not self._plan_file.exists():
            raise InputError(f"{str(self.directory)!r} holds no sweep: no sweep.json")
        return read_json(self._plan_file)["trials"]

    def records(self) -> list[dict[str, Any]]:
        """Returns the records of the plan's trials that are done, in the plan's order."""
        return [self.record(trial) for trial in self.plan() if self.has(trial)]

    def has(self, trial: str) -> bool:
        """Returns whether a trial is done."""
        return self._record_file(trial).exists()

    def record(self, trial: str) -> dict[str, Any]:
        """Returns a trial's record."""
        return read_json(self._record_file(trial))

    def add(self, record: dict[str, Any]) -> None:
        """Writes a trial's record."""
        write_json(self._record_file(record["id"]), record)

    def checkpoint(self, trial: str) -> Path:
        """Returns where a trial under way is saved."""
        return self.directory / "checkpoints" / trial

    def check(self, config: ConfigDict, grid: Grid) -> None:
        """Raises InputError unless this sweep can go in the directory.

        A sweep may be extended: by more values, by more keys. It belongs here if, but for keys that
        either sweep varies, its configuration is the one that is here.
        """
        check_directory(self.directory)
        if (self.directory / "config.json").exists():
            raise InputError(
                f"workdir {str(self.directory)!r} holds a single run; allowed: its own"
            )
        if not self._plan_file.exists():
            return
        before = read_json(self._plan_file)
        theirs, ours = before["base"], _base(config)
        free = {*before["varied"], *grid, *HOW}
        keys = [key for key in ours if key not in free and theirs.get(key) != ours[key]]
        if keys:
            told = (f"{key} is {theirs.get(key)!r} there, {ours[key]!r} here" for key in keys[:3])
            raise InputError(
                f"workdir {str(self.directory)!r} belongs to another sweep: {', '.join(told)}; "
                "allowed: the same configuration, or another workdir"
            )

    def extend(self, config: ConfigDict, grid: Grid, trials: Sequence[Trial]) -> None:
        """Adds trials to the plan."""
        plan: dict[str, Any] = {"schema": 1, "base": _base(config), "varied": [], "trials": {}}
        if self._plan_file.exists():
            plan = read_json(self._plan_file)
        plan["varied"] = list(dict.fromkeys([*plan["varied"], *grid]))
        plan["trials"] |= {trial.id: trial.config.to_dict() for trial in trials}
        write_json(self._plan_file, plan)

    @property
    def _plan_file(self) -> Path:
        return self.directory / "sweep.json"

    def _record_file(self, trial: str) -> Path:
        return self.directory / "trials" / f"{trial}.json"


def _base(config: ConfigDict) -> dict[str, Any]:
    """Returns the configuration as JSON will give it back."""
    flat = flatten(config.to_dict())
    return {key: list(value) if isinstance(value, tuple) else value for key, value in flat.items()}
