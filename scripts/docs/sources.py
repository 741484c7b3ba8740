"""The sources of the site: ``docs/`` as it is, and beside it the pages that are generated."""

import filecmp
import shutil
from pathlib import Path

from scripts.docs import ROOT, reference, results, tutorials, variants

COPIED = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
}
"""Pages of the checkout's root that the site shows, and what they are called there."""


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
    variants.write(fresh / "variants")
    results.write(fresh / "results")
    reference.write(fresh / "reference")
    tutorials.write(fresh / "tutorials")
    _update(folder, fresh)
    shutil.rmtree(fresh)


def _update(folder: Path, fresh: Path) -> None:
    wanted = {path.relative_to(fresh) for path in fresh.rglob("*") if path.is_file()}
    for path in [*folder.rglob("*")]:
        if path.is_file() and path.relative_to(folder) not in wanted:
            path.unlink()
    for name in wanted:
        target = folder / name
        if not target.is_file() or not filecmp.cmp(fresh / name, target, shallow=False):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(fresh / name, target)
