"""Builds the site: ``python -m scripts.docs``, which scripts/docs.sh calls."""

import subprocess
import sys

from scripts.docs import ROOT, SITE, SOURCE, links
from scripts.docs.sources import write_sources


def main() -> int:
    """Writes the sources, runs Sphinx, checks the links, and returns the exit status."""
    write_sources(SOURCE)
    # Every warning is an error; all of them are shown before it stops.
    flags = ("--fail-on-warning", "--keep-going", "--quiet", "--jobs=2")
    flags = (*flags, "-d", str(ROOT / "build" / "doctrees"))
    status = subprocess.run(
        [sys.executable, "-m", "sphinx", *flags, SOURCE, SITE], check=False
    ).returncode
    problems = links.problems(SITE)
    print("\n".join(problems), file=sys.stderr, end="\n" if problems else "")
    if status or problems:
        return 1
    print(f"site: {SITE / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
