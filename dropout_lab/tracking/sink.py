"""What a tracker takes, the table of trackers, and one that cannot stop a run."""

import dataclasses
import importlib
import math
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from dropout_lab.config import by_content, default_config, flat_from_dict, flatten
from dropout_lab.errors import InputError, unknown

Value = str | bool | int | float


@dataclasses.dataclass(frozen=True)
class Trial:
    """A trial as a tracker shows it.

    Attributes:
      id: Its identity.
      settings: Its values of the keys that tell it from others.
    """

    id: str
    settings: Mapping[str, Value]

    @property
    def label(self) -> str:
        """The settings in one line."""
        return " ".join(f"{key}={value}" for key, value in self.settings.items()) or self.id


class Sink(Protocol):
    """Where histories and records go.

    Its constructor takes a directory for its files, and whether to delete those already there.
    """

    def epoch(self, trial: Trial, row: Mapping[str, Any]) -> None:
        """Takes a row of a history.

        Args:
          trial: Whose history it is.
          row: Its phase, its epoch from 1 on, and metrics by name.
        """

    def end(self, trial: Trial, record: Mapping[str, Any]) -> None:
        """Takes the record of a trial, as ``record.json`` holds it, after its history."""

    def close(self) -> None:
        """Writes what is left; nothing is taken afterwards."""


class _Kind(Protocol):
    def __call__(self, directory: Path, *, fresh: bool) -> Sink: ...


_MODULES = {
    "tensorboard": ("tensorboard", "TensorBoard", "tensorboardX", "tensorboard"),
    "wandb": ("wandb_runs", "Wandb", "wandb", "wandb"),
    "csv": ("csv_files", "CsvFiles", None, None),
}
TRACKERS = tuple(_MODULES)
"""Names of trackers."""


def open_sink(name: str, workdir: str | Path, *, fresh: bool) -> Sink:
    """Returns the tracker of a name, with its files in ``workdir/NAME``.

    Args:
      name: One of ``TRACKERS``.
      workdir: Directory of the run or the sweep.
      fresh: Whether to delete what the tracker wrote there before.

    Raises:
      InputError: If there is no such tracker, or its package is not installed.
    """
    if name not in _MODULES:
        raise unknown("tracker", name, TRACKERS)
    module, kind, package, extra = _MODULES[name]
    if package:
        try:
            importlib.import_module(package)
        except ImportError as error:
            raise InputError(
                f"tracker {name!r} needs {package}: pip install 'dropout_lab[{extra}]'"
            ) from error
    made: _Kind = getattr(importlib.import_module(f"dropout_lab.tracking.{module}"), kind)
    return made(Path(workdir) / name, fresh=fresh)


class Guarded:
    """A tracker whose first error is a warning, after which it takes nothing more.

    Args:
      sink: The tracker.
      name: Its name.
    """

    def __init__(self, sink: Sink, name: str) -> None:
        self._sink: Sink | None = sink
        self._name = name

    def epoch(self, trial: Trial, row: Mapping[str, Any]) -> None:
        """Takes a row of a history."""
        self._try(lambda sink: sink.epoch(trial, row))

    def end(self, trial: Trial, record: Mapping[str, Any]) -> None:
        """Takes a record."""
        self._try(lambda sink: sink.end(trial, record))

    def close(self) -> None:
        """Writes what is left."""
        self._try(lambda sink: sink.close())

    def _try(self, call: Callable[[Sink], None]) -> None:
        if self._sink is None:
            return
        try:
            call(self._sink)
        except Exception as error:
            self._sink = None
            reason = " ".join(str(error).split())
            print(
                f"warning: {self._name} is no longer followed: {type(error).__name__}: {reason}",
                file=sys.stderr,
            )


def replay(sink: Sink, trial: Trial, record: Mapping[str, Any]) -> None:
    """Gives a tracker a whole record: every row of its history, then its end.

    Args:
      sink: The tracker.
      trial: The record's trial, see :func:`trial_of`.
      record: As ``record.json`` holds it.
    """
    for row in record["history"]:
        sink.epoch(trial, row)
    sink.end(trial, record)


def trial_of(record: Mapping[str, Any], varied: Sequence[str] = ()) -> Trial:
    """Returns the trial of a record, or of anything else that has its id and config.

    Args:
      record: The record.
      varied: Keys that tell it from others; none: those that differ from the defaults, and seed.
    """
    flat = by_content(flat_from_dict(record["config"]))
    names: Iterable[str] = varied
    if not varied:
        default = flatten(default_config().to_dict())
        names = [key for key in flat if key == "seed" or flat[key] not in (None, default[key])]
    return Trial(record["id"], {key: _plain(flat[key]) for key in names if key in flat})


def numbers(row: Mapping[str, Any]) -> dict[str, float]:
    """Returns the finite numbers of a row or of metrics, but for the epoch."""
    return {
        name: float(value)
        for name, value in row.items()
        if name != "epoch" and isinstance(value, int | float) and math.isfinite(value)
    }


def _plain(value: Any) -> Value:
    return value if isinstance(value, str | bool | int | float) else str(value)
