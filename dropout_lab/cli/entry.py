"""The frame around every subcommand with flags: parsing, help, one-line errors, exit codes."""

import os
import select
import signal
import sys
from collections.abc import Callable, Sequence
from types import ModuleType

from absl import app, flags, logging

from dropout_lab.cli.config_file import ConfigFlag
from dropout_lab.errors import InputError
from dropout_lab.system.faults import describe
from dropout_lab.system.interrupt import Interrupted
from dropout_lab.system.machine import WITHOUT_BACKEND

_NO_BACKEND = "Unable to initialize backend"  # start of JAX's message


def run(name: str, module: ModuleType, args: Sequence[str]) -> None:
    """Defines a subcommand's flags, parses them, runs it and exits.

    Bad input, or a file or process that the system does not let us use, exits with status 2 and one
    line; an interrupted run with 128 + the signal, as a shell reports it; a run that has lost
    another of its processes with 1; a command whose output pipe is closed early, as by ``head``,
    with 128 + SIGPIPE. Anything else is a bug and keeps its traceback.

    Args:
      name: Name of the subcommand.
      module: Module with a class ``Command``: making one defines the flags, its ``run`` uses them.
      args: Flags of the command line.
    """
    command = module.Command()
    try:
        app.run(
            lambda argv: _call(command.run),
            argv=[f"dropout-lab {name}", *args],
            flags_parser=_parse,
        )
    except (InputError, OSError) as error:
        print(f"error: {describe(error)}", file=sys.stderr)
        sys.exit(2)
    except Interrupted as error:
        print(
            f"{error}; what is done is saved: run the same command again to go on", file=sys.stderr
        )
        sys.exit(128 + error.signum)


def show_help(name: str, module: ModuleType) -> None:
    """Prints what a subcommand does, and its flags."""
    module.Command()
    _, _, text = flags.FLAGS.module_help(module.__name__).strip().partition("\n")
    print(f"{module.__doc__}\nFlags of dropout-lab {name}:\n\n{text}")


def _call(main: Callable[[], None]) -> None:
    # JAX is imported here, not above: help and wrong flags need not wait for it.
    from dropout_lab.system.compilation import keep_programs
    from dropout_lab.training.processes import ProcessLost

    keep_programs()
    try:
        _print_all(main)
    except RuntimeError as error:
        if not str(error).startswith(_NO_BACKEND):
            raise
        raise InputError(f"{error}; {WITHOUT_BACKEND}") from error
    except ProcessLost as error:
        print(f"error: {error}; start all of them again to go on", file=sys.stderr, flush=True)
        os._exit(1)  # JAX would first wait for the lost process


def _print_all(main: Callable[[], None]) -> None:
    try:
        main()
        sys.stdout.flush()
    except BrokenPipeError:
        reader = select.poll()
        reader.register(sys.stdout, 0)
        if not reader.poll(0):
            raise  # another pipe's
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes at its end
        sys.exit(128 + signal.SIGPIPE)


def _parse(argv: Sequence[str]) -> list[str]:
    if "config" in flags.FLAGS:
        argv = ConfigFlag.take_overrides(argv)
    try:
        positional = flags.FLAGS(list(argv))
    except flags.Error as error:
        raise InputError(" ".join(str(error).split())) from error
    if flags.FLAGS.flag_values_dict().get("workdir") == "":
        raise InputError("--workdir= is empty; allowed: a directory")
    if not flags.FLAGS["verbosity"].present:
        logging.set_verbosity(logging.WARNING)  # orbax logs fifty lines about every save
    if positional[1:]:
        raise InputError(f"unexpected argument {positional[1]!r}; allowed: flags, as --name=value")
    return positional
