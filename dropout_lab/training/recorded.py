"""Reading of records: what is not as a run has written it is named, and never used."""

import reprlib
from collections.abc import Mapping
from pathlib import Path
from types import UnionType
from typing import Any

from dropout_lab.config import flat_from_dict, trial_id
from dropout_lab.system.files import DamagedError, check_schema, read_json
from dropout_lab.training.record import SCHEMA

_FIELDS: Mapping[str, type | UnionType] = {
    "schema": int,
    "id": str,
    "status": str,
    "seed": int,
    "config": dict,
    "metrics": dict,
    "history": list,
    "epoch": int,
    "wall_seconds": int | float,
    "data": dict,
    "versions": dict,
    "device": dict,
    "git_revision": str | None,
}


def read_record(
    path: Path, trial: str | None = None, config: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Returns the record in a file.

    Args:
      path: The file.
      trial: Id of the trial that it must be of; None for any.
      config: The trial's configuration, if known: a record with the same one is the trial's, which
        is faster to see than to compute.

    Raises:
      DamagedError: If it is not the record of a run, or of another trial.
      InputError: If it cannot be read, or a later version of this code wrote it.
    """
    record: Any = read_json(path)
    check_schema(path, record, SCHEMA)
    reason = _damage(record)
    if reason is None and trial not in (None, record["id"]):
        reason = f"of trial {reprlib.repr(record['id'])}"
    if reason is None and (config is None or config != record["config"]):
        reason = _damage_of_identity(record)
    if reason is not None:
        raise DamagedError(path, reason)
    return record


def _damage(record: dict[str, Any]) -> str | None:
    """Returns why an object is no record; None if it is one."""
    if not record.keys() >= _FIELDS.keys():
        return "fields are missing"
    for name, kind in _FIELDS.items():
        if not isinstance(record[name], kind) or isinstance(record[name], bool):
            return f"{name} is {reprlib.repr(record[name])}"
    if record["status"] not in ("ok", "diverged"):
        return f"status is {reprlib.repr(record['status'])}"
    for name, low in (("epoch", 0), ("wall_seconds", 0), ("lanes", 1)):
        value = record.get(name, low)  # older records have no lanes
        if type(value) not in (int, float) or value < low:
            return f"{name} is {reprlib.repr(value)}"
    for row in (record["metrics"], *record["history"]):
        if not isinstance(row, dict):
            return "a row of the history is not an object"
        for name, value in row.items():
            if name == "phase" or value is None:
                continue
            if type(value) not in (int, float) or (value < 0 and name.endswith("_error")):
                return f"{name} is {reprlib.repr(value)}"
    if record["seed"] != record["config"].get("seed"):
        return "its configuration has another seed"
    return None


def _damage_of_identity(record: dict[str, Any]) -> str | None:
    identity = trial_id(flat_from_dict(record["config"]))
    return None if record["id"] == identity else f"its configuration is of trial {identity!r}"
