"""The command ``dropout-lab export``."""

from dropout_lab.cli.dispatch import run_subcommand

if __name__ == "__main__":
    run_subcommand("export")
