"""Checks of the content of a sweep's JSON files; those of a record are in ``training.recorded``."""

import reprlib
from collections.abc import Collection, Mapping
from typing import Any

_Fields = Mapping[str, type]

_FAILURE: _Fields = {"error": str}
_SWEEP: _Fields = {"base": dict, "varied": list, "trials": dict}


def of_failure(content: Any) -> str | None:
    """Returns why the content is not a failure's file; None if it is valid."""
    return _of_fields(content, _FAILURE)


def of_sweep(content: Any) -> str | None:
    """Returns why the content is not a sweep's list of trials; None if it is valid."""
    reason = _of_fields(content, _SWEEP)
    if reason:
        return reason
    valid = all(isinstance(key, str) for key in content["varied"])
    valid = valid and all(map(_is_config, content["trials"].values()))
    return None if valid else "a varied key or a trial is of the wrong type"


def _is_config(tree: Any) -> bool:
    """Returns whether a value is an object of plain values and of sections with such values."""
    return isinstance(tree, dict) and all(
        _are_plain(value.values()) if isinstance(value, dict) and value else _is_plain(value)
        for value in tree.values()
    )


def _is_plain(value: Any) -> bool:
    """Returns whether a value has no object in it."""
    return _are_plain(value) if isinstance(value, list) else not isinstance(value, dict)


def _are_plain(values: Collection[Any]) -> bool:
    # First at the speed of C: most sections have no list.
    return {dict, list}.isdisjoint(map(type, values)) or all(map(_is_plain, values))


def _of_fields(content: Any, fields: _Fields) -> str | None:
    if not isinstance(content, dict) or not content.keys() >= fields.keys():
        return "fields are missing"
    for name, kind in fields.items():
        if not isinstance(content[name], kind):
            return f"{name} is {reprlib.repr(content[name])}"
    return None
