"""Checks this installation: what is broken, and how to repair it.

Exits with status 1 if anything is broken. Imports as little as possible, since any import may fail.
"""

from __future__ import annotations  # an older Python must get as far as to be named too old

import argparse
import sys
from pathlib import Path
from typing import Sequence  # noqa: UP035 (older Pythons have no other)

_OLDEST = (3, 11)


def main(args: Sequence[str] | None = None, root: Path | None = None) -> int:
    """Prints findings as they come, and returns the exit status.

    Args:
      args: Flags; None for those of this process.
      root: The checkout to compare with; None to look for one.
    """
    if sys.version_info < _OLDEST:
        this, oldest = (".".join(map(str, v)) for v in (sys.version_info[:2], _OLDEST))
        print(f"broken  Python {this} is too old; tested from {oldest}")
        script = f"{root or 'CHECKOUT'}/scripts/setup.sh"
        print(f"        cure: DROPOUT_LAB_PYTHON=python{oldest} {script}")
        return 1
    try:
        from dropout_lab.cli.checkout import locate
        from dropout_lab.doctor import State, examine
    except ImportError as error:
        cure = "install dropout_lab again, with its dependencies"
        if root:
            cure = f"{sys.executable} -m pip install --editable {root}"
        print(f"broken  {error}\n        cure: {cure}")
        return 1
    root = root or locate()
    parser = argparse.ArgumentParser(
        "dropout-lab doctor",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    workdir = root / "results" if root else Path("results")
    parser.add_argument(
        "--workdir", type=Path, default=workdir, help="directory for results (%(default)s)"
    )
    parser.add_argument("--data_dir", help="directory of data sets, as --config.data.dir")
    flags = parser.parse_args(args)
    broken = 0
    for finding in examine(root, flags.workdir, flags.data_dir):
        print(finding, flush=True)
        broken += finding.state is State.BROKEN
    print(f"{broken} broken" if broken else "nothing is broken")
    return 1 if broken else 0
