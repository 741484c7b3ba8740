"""Installed versions against the tested ones, and what jax asks of its other half."""

import importlib.metadata
import platform
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from dropout_lab.doctor.finding import Finding, State

PYTHONS = ("3.11", "3.13")
"""The oldest and the newest tested, with what requirements and lock have for them."""

_CUDA = ("cuda12", "cuda13")  # extras of jax, each with a plugin


def pip_install(*what: str | Path) -> str:
    """Returns the command that installs something for this Python."""
    return shlex.join([sys.executable, "-m", "pip", "install", *map(str, what)])


def check_python() -> Iterator[Finding]:
    """Yields what is to be said of this Python; an older one cannot even import this."""
    found, tested = platform.python_version(), f"tested from {PYTHONS[0]} to {PYTHONS[1]}"
    if Version(found).release[:2] > Version(PYTHONS[1]).release:
        cure = f"none while all works, else DROPOUT_LAB_PYTHON=python{PYTHONS[1]} scripts/setup.sh"
        yield Finding(State.ADVICE, f"Python {found} is newer than {tested}", cure)
    else:
        yield Finding(State.OK, f"Python {found}; {tested}")


def check_package(root: Path) -> Iterator[Finding]:
    """Yields whether what is installed of this project is the checkout.

    Args:
      root: The checkout.
    """
    installed, imported = _installed("dropout_lab"), Path(__file__).resolve().parents[2]
    cure = pip_install("--editable", root)
    if installed is None:
        yield Finding(State.BROKEN, "dropout_lab is not installed", cure)
    elif imported != root.resolve():
        yield Finding(State.ADVICE, f"dropout_lab is that of {imported}, not of {root}", cure)
    else:
        yield Finding(State.OK, f"dropout_lab {installed}")


def check_requirements(root: Path) -> Iterator[Finding]:
    """Yields a finding per direct dependency.

    Args:
      root: The checkout: its ``requirements.txt`` has the oldest tested versions, its
        ``requirements.lock`` the newest.
    """
    floors, lock = root / "requirements.txt", root / "requirements.lock"
    newest = {need.name: _bound(need) for need in _read(lock)}
    for need in _read(floors):
        tested = f"tested from {_bound(need)} to {newest[need.name]}"
        found = _installed(need.name)
        if found is None:
            cure = pip_install("-r", floors)
            yield Finding(State.BROKEN, f"{need.name} is not installed; {tested}", cure)
        elif found < _bound(need):
            cure = pip_install("-r", floors)
            yield Finding(State.BROKEN, f"{need.name} {found} is too old; {tested}", cure)
        elif found > newest[need.name]:
            cure = f"none while all works, else {pip_install('-c', lock, '-r', floors)}"
            yield Finding(State.ADVICE, f"{need.name} {found} is newer than {tested}", cure)
        else:
            yield Finding(State.OK, f"{need.name} {found}; {tested}")


def check_jax_pair() -> Iterator[Finding]:
    """Yields a finding per package that jax needs in a version of its own, if jax is there."""
    jax = _installed("jax")
    if jax is None:
        return
    extras = [extra for extra in _CUDA if _installed(f"jax-{extra}-plugin")]
    for line in importlib.metadata.requires("jax") or ():
        need = Requirement(line)
        asked = not need.marker or any(need.marker.evaluate({"extra": each}) for each in extras)
        if not asked or not need.name.startswith("jax"):
            continue
        found = _installed(need.name)
        if found is None or not need.specifier.contains(found, prereleases=True):
            yield Finding(
                State.BROKEN,
                f"jax {jax} needs {need.name}{need.specifier}, found {found or 'none'}",
                cure_of_jax(),
            )
        else:
            yield Finding(State.OK, f"{need.name} {found} goes with jax {jax}")


def cure_of_jax() -> str:
    """Returns the command that makes jax whole, in the version that is there."""
    extras = [extra for extra in _CUDA if _installed(f"jax-{extra}-plugin")]
    name = f"jax[{','.join(extras)}]" if extras else "jax"
    return pip_install("--force-reinstall", f"{name}=={_installed('jax')}", "jaxlib")


def _read(path: Path) -> Iterator[Requirement]:
    """Yields the requirements of a file that count for this Python, by canonical name."""
    for line in path.read_text().splitlines():
        text = line.partition("#")[0].strip()
        if text:
            need = Requirement(text)
            need.name = canonicalize_name(need.name)
            if not need.marker or need.marker.evaluate():
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
