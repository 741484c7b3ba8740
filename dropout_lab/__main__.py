"""The command ``dropout-lab`` as ``python -m dropout_lab``."""

from dropout_lab.cli.dispatch import main

if __name__ == "__main__":
    main()
