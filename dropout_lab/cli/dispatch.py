"""Subcommands of ``dropout-lab``; a subcommand's module is imported when it is run."""

import dataclasses
import importlib
import sys
from collections.abc import Sequence

from dropout_lab.cli.checkout import make_importable, require
from dropout_lab.cli.streams import open_standard_streams
from dropout_lab.errors import InputError, unknown


@dataclasses.dataclass(frozen=True)
class Subcommand:
    """A subcommand.

    Attributes:
      summary: One line for the list of subcommands.
      module: Module with a class ``Command``; "doctor", which must run where packages are missing,
        has a function ``main`` instead.
      in_checkout: Whether it needs files of a checkout that are not installed.
    """

    summary: str
    module: str
    in_checkout: bool = False


SUBCOMMANDS = {
    "train": Subcommand("train one network", "dropout_lab.cli.train"),
    "sweep": Subcommand("train many networks, one record each", "dropout_lab.cli.sweep"),
    "tune": Subcommand("choose settings by validation error, then test", "dropout_lab.cli.tune"),
    "data": Subcommand("describe and draw a data set", "dropout_lab.cli.data"),
    "table": Subcommand("print the records of a sweep as a table", "dropout_lab.cli.table"),
    "plot": Subcommand("draw sweeps, curves, differences, masks", "dropout_lab.cli.plot"),
    "evaluate": Subcommand("score saved networks' uncertainty", "dropout_lab.cli.evaluate"),
    "export": Subcommand("give records to TensorBoard, W&B, CSV", "dropout_lab.cli.export"),
    "report": Subcommand("show sweeps as one HTML page", "dropout_lab.cli.report"),
    "reproduce": Subcommand(
        "reproduce a paper's table or figure (in a checkout)", "dropout_lab.cli.reproduce", True
    ),
    "doctor": Subcommand("check the installation", "dropout_lab.cli.doctor"),
    "benchmark": Subcommand(
        "measure speed and memory (in a checkout)", "scripts.benchmarks.command", True
    ),
}
_HELP = frozenset({"-h", "-help", "--help"})


def main(args: Sequence[str] | None = None) -> None:
    """Runs the subcommand that the first argument names, and exits with its status.

    Args:
      args: Subcommand and flags; None for ``sys.argv[1:]``.
    """
    open_standard_streams()
    name, *flags = (sys.argv[1:] if args is None else args) or [""]
    if not name or name in _HELP:
        print(help_text())
    else:
        run_subcommand(name, flags)


def run_subcommand(name: str, args: Sequence[str] | None = None) -> None:
    """Runs a subcommand and exits with its status.

    Args:
      name: One of ``SUBCOMMANDS``; another is an error, printed as one line.
      args: Its flags; None for those of this process.
    """
    open_standard_streams()
    args = sys.argv[1:] if args is None else args
    try:
        if name not in SUBCOMMANDS:
            raise unknown("command", name, SUBCOMMANDS)
        if SUBCOMMANDS[name].in_checkout:
            make_importable(require(name))
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    module = importlib.import_module(SUBCOMMANDS[name].module)
    if name == "doctor":
        sys.exit(module.main(args))
    from dropout_lab.cli import entry  # not above: "doctor" must run without the packages of flags

    if _HELP & set(args):
        entry.show_help(name, module)
    else:
        entry.run(name, module, args)


def help_text() -> str:
    """Returns the help text of ``dropout-lab``."""
    lines = [f"  {name:<11}{command.summary}" for name, command in SUBCOMMANDS.items()]
    return "\n".join(
        [
            "Dropout experiments in JAX and Flax.",
            "\nUsage: dropout-lab COMMAND [--FLAG=VALUE ...]\n",
            *lines,
            "\nThe flags of a command: dropout-lab COMMAND --help",
        ]
    )
