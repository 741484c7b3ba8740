"""Checks of the content of a sweep's JSON files."""

import reprlib
from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Any

from dropout_lab.training.record import SCHEMA

_Fields = Mapping[str, type | UnionType]

_RECORD: _Fields = {
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
_FAILURE: _Fields = {"error": str}
_SWEEP: _Fields = {"base": dict, "varied": list, "trials": dict}


def of_record(content: Any, trial: str) -> str | None:
    """Returns why the content is not a trial's record; None if it is valid."""
    reason = _of_fields(content, _RECORD)
    if reason:
        return reason
    if content["schema"] != SCHEMA:
        return f"schema {content['schema']!r}, not {SCHEMA}"
    if content["id"] != trial:
        return f"of trial {content['id']!r}"
    if not all(isinstance(value, int | float | NoneType) for value in content["metrics"].values()):
        return "a metric is not a number"
    if not all(isinstance(row, dict) for row in content["history"]):
        return "a row of the history is not an object"
    return None


def of_failure(content: Any) -> str | None:
    """Returns why the content is not a failure's file; None if it is valid."""
    return _of_fields(content, _FAILURE)


def of_sweep(content: Any) -> str | None:
    """Returns why the content is not a sweep's list of trials; None if it is valid."""
    reason = _of_fields(content, _SWEEP)
    if reason:
        return reason
    valid = all(isinstance(key, str) for key in content["varied"])
    valid = valid and all(isinstance(trial, dict) for trial in content["trials"].values())
    return None if valid else "a varied key or a trial is of the wrong type"


def _of_fields(content: Any, fields: _Fields) -> str | None:
    if not isinstance(content, dict) or not content.keys() >= fields.keys():
        return "fields are missing"
    for name, kind in fields.items():
        if not isinstance(content[name], kind):
            return f"{name} is {reprlib.repr(content[name])}"
    return None
