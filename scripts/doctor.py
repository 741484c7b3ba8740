"""Tells what is wrong with this installation, and the cure; status 1 if something is broken.

python scripts/doctor.py [--workdir=DIR] [--data_dir=DIR]
"""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
OLDEST = (3, 11)


def main() -> int:
    """Prints findings as they come; needs as little as can be, since anything may be broken."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--workdir", type=Path, default=ROOT / "results", help="for results (%(default)s)"
    )
    parser.add_argument("--data_dir", help="where data lies, as --config.data.dir")
    asked = parser.parse_args()
    if sys.version_info < OLDEST:
        found, oldest = (".".join(map(str, version)) for version in (sys.version_info[:2], OLDEST))
        print(f"broken  Python {found} is too old; tested from {oldest}")
        print(f"        cure: DROPOUT_LAB_PYTHON=python{oldest} {ROOT}/scripts/setup.sh")
        return 1
    try:
        from dropout_lab.doctor import State, examine
    except ImportError as error:
        cure = f"{sys.executable} -m pip install --editable {ROOT}"
        print(f"broken  {error}\n        cure: {cure}")
        return 1
    broken = 0
    for finding in examine(ROOT, asked.workdir, asked.data_dir):
        print(finding, flush=True)
        broken += finding.state is State.BROKEN
    print(f"{broken} broken" if broken else "nothing is broken")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
