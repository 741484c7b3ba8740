"""The command ``dropout-lab doctor``, of use before anything is installed."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT))

if __name__ == "__main__":
    from dropout_lab.cli.doctor import main

    sys.exit(main(root=ROOT))
