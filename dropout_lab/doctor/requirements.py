"""Checks of installed versions: against the tested ones, and jax against jaxlib."""

import importlib.metadata
import platform
import shlex
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from dropout_lab.doctor.finding import Finding, State
from dropout_lab.version import __version__

PYTHONS = ("3.11", "3.13")
"""The oldest and the newest tested version."""

_CUDA = ("cuda12", "cuda13")  # extras of jax, each with a plugin


def pip_install(*args: str | Path) -> str:
    """Returns a pip command for this Python.

    Args:
      *args: Arguments of ``pip install``.
    """
    return shlex.join([sys.executable, "-m", "pip", "install", *map(str, args)])


def reinstall(root: Path | None) -> str:
    """Returns how to install this package and its dependencies again.

    Args:
      root: The checkout; None outside one.
    """
    if root is None:
        return "install dropout_lab again, with its dependencies"
    return pip_install("--editable", root)


def check_python() -> Iterator[Finding]:
    """Yields a finding about this Python; one that is too old cannot import this module."""
    version, tested = platform.python_version(), f"tested from {PYTHONS[0]} to {PYTHONS[1]}"
    if Version(version).release[:2] > Version(PYTHONS[1]).release:
        cure = f"none if all works, else install Python {PYTHONS[1]}"
        yield Finding(State.ADVICE, f"Python {version} is newer than {tested}", cure)
    else:
        yield Finding(State.OK, f"Python {version}; {tested}")


def check_package(root: Path | None) -> Iterator[Finding]:
    """Yields a finding about this package: whether it is installed, and from this checkout.

    Args:
      root: The checkout; None outside one.
    """
    imported = Path(__file__).resolve().parents[2]
    if root is not None and imported != root.resolve():
        text = f"dropout_lab is imported from {imported}, not from {root}"
        yield Finding(State.ADVICE, text, reinstall(root))
    elif _installed("dropout_lab") is None:
        text = f"dropout_lab {__version__} is used from {imported}, but not installed"
        yield Finding(State.ADVICE, text, f"none if all works, else {reinstall(root)}")
    else:
        yield Finding(State.OK, f"dropout_lab {__version__}")


def check_requirements(root: Path | None) -> Iterator[Finding]:
    """Yields a finding per direct dependency.

    Args:
      root: The checkout, whose ``requirements.txt`` has the oldest tested versions and whose
        ``requirements.lock`` the newest; None to take the oldest from the installed package.
    """
    newest: dict[str, Version] = {}
    if root is None:
        lines = importlib.metadata.requires("dropout_lab") or []
    else:
        lines = (root / "requirements.txt").read_text().splitlines()
        locked = (root / "requirements.lock").read_text().splitlines()
        newest = {need.name: _bound(need) for need in _applicable(locked)}
    for need in _applicable(lines):
        tested = f"tested from {_bound(need)}"
        if need.name in newest:
            tested += f" to {newest[need.name]}"
        version, cure = _installed(need.name), pip_install(f"{need.name}{need.specifier}")
        if version is None:
            yield Finding(State.BROKEN, f"{need.name} is not installed; {tested}", cure)
        elif version < _bound(need):
            yield Finding(State.BROKEN, f"{need.name} {version} is too old; {tested}", cure)
        elif need.name in newest and version > newest[need.name]:
            cure = f"none if all works, else {pip_install(f'{need.name}=={newest[need.name]}')}"
            yield Finding(State.ADVICE, f"{need.name} {version} is newer than {tested}", cure)
        else:
            yield Finding(State.OK, f"{need.name} {version}; {tested}")


def check_jax_pair() -> Iterator[Finding]:
    """Yields a finding per package that jax needs in a matching version, if jax is installed."""
    jax = _installed("jax")
    if jax is None:
        return
    extras = _cuda_extras()
    for line in importlib.metadata.requires("jax") or ():
        need = Requirement(line)
        marker = need.marker
        applies = not marker or any(marker.evaluate({"extra": extra}) for extra in extras)
        if not applies or not need.name.startswith("jax"):
            continue
        version = _installed(need.name)
        if version is None or not need.specifier.contains(version, prereleases=True):
            yield Finding(
                State.BROKEN,
                f"jax {jax} needs {need.name}{need.specifier}; installed: {version or 'none'}",
                cure_of_jax(),
            )
        else:
            yield Finding(State.OK, f"{need.name} {version} fits jax {jax}")


def cure_of_jax() -> str:
    """Returns the command that repairs jax in its installed version."""
    extras = _cuda_extras()
    name = f"jax[{','.join(extras)}]" if extras else "jax"
    return pip_install("--force-reinstall", f"{name}=={_installed('jax')}", "jaxlib")


def _cuda_extras() -> list[str]:
    """Returns the extras of jax whose plugins are installed."""
    return [extra for extra in _CUDA if _installed(f"jax-{extra}-plugin")]


def _applicable(lines: Iterable[str]) -> Iterator[Requirement]:
    """Yields the requirements that apply to this Python, without extras, by canonical name."""
    for line in lines:
        text = line.partition("#")[0].strip()
        if text:
            need = Requirement(text)
            need.name = canonicalize_name(need.name)
            if not need.marker or need.marker.evaluate({"extra": ""}):
                yield need


def _bound(need: Requirement) -> Version:
    """Returns the one version that a requirement names."""
    [only] = need.specifier
    return Version(only.version)


def _installed(name: str) -> Version | None:
    try:
        return Version(importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return None
