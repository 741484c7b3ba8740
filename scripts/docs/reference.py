"""Reference pages: functions and classes from their docstrings, commands from their parsers."""

import importlib.util
import inspect
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

from dropout_lab import nn, ops
from dropout_lab.cli.dispatch import SUBCOMMANDS
from dropout_lab.config.reference import page
from scripts.docs import ROOT

PACKAGES = (
    *("variants", "models", "schedules", "data", "config", "training"),
    *("sweeps", "tuning", "analysis", "report", "tracking", "reproduce", "errors"),
)
"""Modules and packages of dropout_lab with a page each; ``ops`` and ``nn`` have one per name."""


def write(folder: Path) -> None:
    """Writes all reference pages."""
    folder.mkdir(exist_ok=True)
    (folder / "commands.md").write_text(_commands())
    functions = {name: op for name, op in _exported(ops) if inspect.isfunction(op)}
    _write_names(folder / "ops", ops, functions, "autofunction")
    classes = {name: layer for name, layer in _exported(nn) if inspect.isclass(layer)}
    _write_names(folder / "nn", nn, classes, "autoclass")
    for name in PACKAGES:
        (folder / f"{name}.md").write_text(_package(f"dropout_lab.{name}"))
    assert page() == (ROOT / "docs" / "configuration.md").read_text(), "made by its own command"


def _exported(module: ModuleType) -> Iterator[tuple[str, object]]:
    for name in module.__all__:
        yield name, getattr(module, name)


def _write_names(
    folder: Path, module: ModuleType, members: Mapping[str, object], directive: str
) -> None:
    """Writes an index, a table with the first line of every docstring, and a page for each name."""
    folder.mkdir()
    lines = [
        f"# {module.__name__}",
        "",
        _markdown(inspect.getdoc(module) or ""),
        "",
        "| | |",
        "|:--|:--|",
    ]
    for name, member in members.items():
        summary = (inspect.getdoc(member) or "").partition("\n")[0]
        lines.append(f"| [{name}]({name}.md) | {_markdown(summary)} |")
        body = [f".. {directive}:: {module.__name__}.{name}"]
        if directive == "autoclass":
            body += ["   :members:", "   :show-inheritance:"]
        (folder / f"{name}.md").write_text(_page(name, body))
    lines += ["", "```{toctree}", ":hidden:", "", *members, "```"]
    (folder / "index.md").write_text("\n".join(lines) + "\n")


def _markdown(text: str) -> str:
    """Returns a line of a docstring as Markdown: roles as the names they point to."""
    text = re.sub(r":\w+:`[~.]*([\w.]+)`", r"`\1`", text).replace("``", "`")
    return text.replace("|", r"\|")


def _page(title: str, body: Iterable[str]) -> str:
    return "\n".join([f"# {title}", "", "```{eval-rst}", *body, "```", ""])


def _package(name: str) -> str:
    """Returns the page of a package: its own docstring, then those of its modules' members."""
    body = []
    for module in (modules := [*_modules(name)]):
        body += [f".. automodule:: {module}"]
        if module != name or len(modules) == 1:
            body += ["   :members:"]
        body += [""]
    return _page(name, body)


def _modules(name: str) -> Iterator[str]:
    """Yields the name of a module and those below it; imports none, as some need an extra."""
    yield name
    spec = importlib.util.find_spec(name)
    assert spec, name
    for info in pkgutil.iter_modules(spec.submodule_search_locations or ()):
        if not info.name.startswith("_"):
            yield from _modules(f"{name}.{info.name}")


def _commands() -> str:
    def help_text(*words: str) -> str:
        command = [sys.executable, "-m", "dropout_lab", *words]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        return f"```text\n{done.stdout.strip()}\n```"

    with ThreadPoolExecutor(2) as pool:
        texts = [*pool.map(lambda name: help_text(name, "--help"), SUBCOMMANDS)]
    parts = ["# Commands", help_text()]
    for name, text in zip(SUBCOMMANDS, texts, strict=True):
        parts += [f"## {name}", text]
    return "\n\n".join(parts) + "\n"
