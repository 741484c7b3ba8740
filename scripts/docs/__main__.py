"""Builds the site: ``python -m scripts.docs``, which scripts/docs.sh calls."""

import shutil
import subprocess
import sys

from scripts.docs import HTML, ROOT, SITE, SOURCE, links
from scripts.docs.sources import write_sources


def main() -> int:
    """Writes the sources, runs Sphinx, checks the links, and returns the exit status."""
    write_sources(SOURCE)
    # Every warning is an error; all of them are shown before it stops.
    flags = ("--fail-on-warning", "--keep-going", "--quiet", "--jobs=2")
    folders = (f"--doctree-dir={ROOT / 'build' / 'doctrees'}", str(SOURCE), str(HTML))
    sphinx = [sys.executable, "-m", "sphinx", *flags, *folders]
    status = subprocess.run(sphinx, check=False).returncode
    problems = [] if status else links.problems(HTML)
    for problem in problems:
        print(problem, file=sys.stderr)
    if status or problems:
        return 1
    shutil.rmtree(SITE, ignore_errors=True)
    shutil.copytree(HTML, SITE, ignore=shutil.ignore_patterns(".buildinfo", "objects.inv"))
    print(f"site: {SITE / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
