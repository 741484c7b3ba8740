"""The sources of the site: ``docs/`` as it is, and beside it the pages that are generated."""

import filecmp
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import experiments
from dropout_lab.variants import INFERENCE_RULES, PLACES
from scripts.benchmarks import report
from scripts.docs import ROOT, reference, results, tutorials, variants

COPIED = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
}
"""Pages of the checkout's root that the site shows, and what they are called there."""


def _benchmark() -> str:
    measured = json.loads(variants.REPORT.read_text())
    return f"{report.caption(measured)}\n\n{report.table(measured)}"


def _places() -> str:
    lines = ["| place | its rate | if a variant has none there |", "|:--|:--|:--|"]
    for name, place in PLACES.items():
        lines.append(f"| {name} | `dropout.{place.rate}` | {place.fallback or ''} |")
    return "\n".join(lines)


def _inference_rules() -> str:
    return "\n".join(f"- `{name}`: {meaning}." for name, meaning in INFERENCE_RULES.items())


def _result_pages() -> str:
    paths = [*experiments.RESULTS.glob("*/README.md"), *experiments.RESULTS.glob("*/*/README.md")]
    pages = sorted(path.relative_to(experiments.RESULTS).parent.as_posix() for path in paths)
    return "\n".join(f"{page.replace('/', ', ')} <{page}/README>" for page in pages)


GENERATED: dict[str, Callable[[], str]] = {
    "benchmark": _benchmark,
    "places": _places,
    "inference rules": _inference_rules,
    "result pages": _result_pages,
}
"""What takes the place of ``<!-- NAME -->`` in pages of ``docs/``."""


def write_sources(folder: Path) -> None:
    """Writes all that Sphinx reads into a folder.

    Files that stay the same keep their times, so that Sphinx reads only what changed.
    """
    fresh = folder.with_name(f"{folder.name}.fresh")
    shutil.rmtree(fresh, ignore_errors=True)
    ignored = shutil.ignore_patterns("__pycache__", "*.py")
    shutil.copytree(ROOT / "docs", fresh, ignore=ignored)
    for name in ("conf.py", "mathml.py"):
        shutil.copy(ROOT / "docs" / name, fresh)
    for name, page in COPIED.items():
        (fresh / page).write_text((ROOT / name).read_text())
    for path in fresh.rglob("*.md"):
        path.write_text(filled(path.read_text()))
    variants.write(fresh / "variants")
    results.write(fresh / "results")
    reference.write(fresh / "reference")
    tutorials.write(fresh / "tutorials")
    for path in fresh.rglob("*.md"):
        # A cell with a mean, its deviation and its number stays in one line.
        path.write_text(re.sub(r"(?<=\d) (?=±|\(\d+\))|(?<=±) (?=\d)", "\u00a0", path.read_text()))
    update(folder, fresh)
    shutil.rmtree(fresh)


def filled(text: str) -> str:
    """Returns a page with what is generated in it; an unknown ``<!-- NAME -->`` is a KeyError."""
    text = re.sub(r"<!-- (?!table )([a-z ]+) -->", _generated, text)
    return results.filled(text, ".")


def _generated(match: re.Match[str]) -> str:
    name = match[1]
    return match[0] if name == "end" else GENERATED[name]()


def update(folder: Path, fresh: Path) -> None:
    """Makes a folder equal to a fresh one; files that stay the same are not touched."""
    wanted = {path.relative_to(fresh) for path in fresh.rglob("*") if path.is_file()}
    for path in [*folder.rglob("*")]:
        if path.is_file() and path.relative_to(folder) not in wanted:
            path.unlink()
    for name in wanted:
        target = folder / name
        if not target.is_file() or not filecmp.cmp(fresh / name, target, shallow=False):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(fresh / name, target)
