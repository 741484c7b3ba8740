"""The keys whose value may name an object in one's own file, and the file's part in identities."""

from pathlib import Path
from typing import Any

from ml_collections import FrozenConfigDict

from dropout_lab.config.keys import Flat
from dropout_lab.config.tree import flatten, nest
from dropout_lab.errors import InputError
from dropout_lab.system import external

_KEYS = ("model.name", "variant")


def _external_keys(flat: Flat) -> list[str]:
    """Returns those of the keys, if they are there, whose value names an object in a file."""
    return [
        key for key in _KEYS if isinstance(flat.get(key), str) and external.is_external(flat[key])
    ]


def pinned(flat: Flat) -> Flat:
    """Returns a flat configuration with the digests of the files that it names.

    Raises:
      InputError: If there is no such file or module.
    """
    return flat | {key: external.pinned(f"config.{key}", flat[key]) for key in _external_keys(flat)}


def by_content(flat: Flat) -> Flat:
    """Returns a flat configuration in which code is named by its content, wherever it lies."""
    return flat | {key: external.content_name(flat[key]) for key in _external_keys(flat)}


def code_of(config: FrozenConfigDict) -> dict[str, dict[str, str]]:
    """Returns path, hash and text of the files that a resolved configuration names, by key."""
    flat = flatten(config.to_dict())
    sources = {key: external.source(f"config.{key}", flat[key]) for key in _external_keys(flat)}
    return {
        key: {"path": source.path, "sha256": source.sha256, "text": source.text}
        for key, source in sources.items()
    }


def with_code(config: FrozenConfigDict, file: str | Path | None) -> FrozenConfigDict:
    """Returns a resolved configuration that takes its objects from another file, if one is given.

    Raises:
      InputError: If the configuration names no file, or there is no such file.
    """
    if file is None:
        return config
    flat: dict[str, Any] = flatten(config.to_dict())
    keys = _external_keys(flat)
    if not keys:
        raise InputError(f"code is {str(file)!r} for a network of the project; allowed: None")
    moved = {key: external.moved(f"config.{key}", flat[key], file) for key in keys}
    return FrozenConfigDict(nest(flat | moved))
