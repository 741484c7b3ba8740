"""Objects from one's own Python file or installed package, named ``FILE.py:NAME``.

A configuration names such an object ``FILE.py:NAME`` or ``package.module:NAME``. Once resolved, the
name has an absolute path and ends in ``@`` and a digest of the file's content. A file is executed
only if its content has that digest.
"""

import functools
import hashlib
import importlib.util
import os
import sys
import types
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dropout_lab.errors import InputError, describe_error, unknown
from dropout_lab.system.files import expanded

_DIGITS = 12


@dataclass(frozen=True)
class Source:
    """The file that an object comes from.

    Attributes:
      path: Its absolute path.
      content: Its content.
    """

    path: str
    content: bytes

    @property
    def sha256(self) -> str:
        """Hash of the content."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def text(self) -> str:
        """The content as text."""
        return self.content.decode(errors="surrogateescape")


_sources: dict[str, Source] = {}  # what was executed in this process, by digest


def is_external(name: str) -> bool:
    """Returns whether a name is that of an object in a file; the project's names have no colon."""
    return ":" in name


def pinned(kind: str, name: str) -> str:
    """Returns the name with an absolute path and the digest of the file's content.

    Args:
      kind: What the name stands for, such as "config.variant", for messages.
      name: ``FILE.py:NAME`` or ``package.module:NAME``; with a digest, it is returned as it is.

    Raises:
      InputError: If the name is not of this form, or there is no such file or module.
    """
    target, attribute, digest = _split(name)
    if not attribute.isidentifier() or not target:
        raise InputError(
            f"{kind} is {name!r}; allowed: a name of the project, FILE.py:NAME or "
            "package.module:NAME"
        )
    if target.endswith(".py"):
        target = os.path.abspath(expanded(target))
    return f"{target}:{attribute}@{digest or _digest(_read(kind, target))}"


def content_name(name: str) -> str:
    """Returns what a pinned name says of the content, wherever the file lies: ``NAME@DIGEST``.

    >>> content_name("/home/me/mine.py:SignFlip@0123456789ab"), content_name("dropout")
    ('SignFlip@0123456789ab', 'dropout')
    """
    return name.rpartition(":")[2]


def moved(kind: str, name: str, file: str | Path) -> str:
    """Returns a pinned name as one of the same object in another file, with that file's digest."""
    return pinned(kind, f"{file}:{_split(name)[1]}")


def source(kind: str, name: str) -> Source:
    """Returns the file of a pinned name, whose content has the name's digest.

    Raises:
      InputError: If the file is gone or has changed.
    """
    target, _, digest = _split(name)
    if digest not in _sources:
        found = _read(kind, target)
        if _digest(found) != digest:
            raise InputError(
                f"{kind}: {found.path} has changed since {content_name(name)} was named; allowed: "
                "the file as it was then (a record holds its text), or in load_run and "
                "load_networks another as code=FILE.py"
            )
        return found
    return _sources[digest]


@functools.cache
def load(kind: str, name: str) -> Any:
    """Returns the object of a pinned name; a file is executed once for each content.

    Raises:
      InputError: If the file is gone or has changed, raises an exception, or does not define it.
    """
    target, attribute, digest = _split(name)
    found = source(kind, name)
    try:
        if target.endswith(".py"):
            members = vars(_executed(found, digest))
        else:
            members = vars(importlib.import_module(target))
    except Exception as error:  # a user's file may raise anything
        raise InputError(f"{kind}: {describe_error(error, found.path)}") from error
    _sources[digest] = found
    if attribute not in members:
        names = [each for each, value in members.items() if not _is_foreign(each, value)]
        raise InputError(f"{kind}: {unknown(f'name in {found.path}:', attribute, names)}")
    return members[attribute]


def _executed(found: Source, digest: str) -> types.ModuleType:
    name = f"dropout_lab_external_{digest}"
    if name in sys.modules:
        return sys.modules[name]
    module = types.ModuleType(name)
    module.__file__ = found.path
    sys.modules[name] = module  # dataclasses, among others, look it up while it is executed
    try:
        exec(compile(found.content, found.path, "exec"), vars(module))
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _is_foreign(name: str, value: Any) -> bool:
    return name.startswith("_") or isinstance(value, types.ModuleType)


def _split(name: str) -> tuple[str, str, str]:
    """Returns file or module, name, and digest, which is empty if the name is not pinned."""
    target, _, rest = name.rpartition(":")
    attribute, _, digest = rest.partition("@")
    return target, attribute, digest


def _digest(found: Source) -> str:
    return found.sha256[:_DIGITS]


def _read(kind: str, target: str) -> Source:
    path = target if target.endswith(".py") else _module_file(kind, target)
    try:
        return Source(path, Path(path).read_bytes())
    except OSError as error:
        raise InputError(f"{kind}: cannot read {path}: {error.strerror}") from error


def _module_file(kind: str, module: str) -> str:
    try:
        spec = importlib.util.find_spec(module)
    except Exception as error:  # of a package on the way
        raise InputError(f"{kind}: module {module!r}: {describe_error(error, module)}") from error
    if spec is None or not spec.origin or not spec.origin.endswith(".py"):
        raise InputError(f"{kind}: no Python module {module!r}; allowed: an installed one")
    return spec.origin
