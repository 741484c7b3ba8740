"""The frame around every subcommand with flags: parsing, help, one-line errors, exit codes."""

import os
import re
import select
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType

from absl import app, flags, logging
from ml_collections import ConfigDict

from dropout_lab.cli.checkout import enclosing, make_importable
from dropout_lab.errors import InputError, describe_error, raised_in
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
    file = ""
    for argument in argv:
        name, _, value = argument.partition("=")
        if name in ("--config", "-config"):
            file = value.partition(":")[0]
        key = re.match(r"--?(?:no)?config\.(.*)", name)
        if key:
            from dropout_lab.config import key_named  # not above: it imports JAX

            key_named(key[1])
    # A configuration file of a checkout may import others of it.
    if file and (root := enclosing(Path(file))):
        make_importable(root)
    try:
        positional = flags.FLAGS(list(argv))
        values = flags.FLAGS.flag_values_dict()
        for value in values.values():
            getattr(value, "to_dict", None)  # raises now if the configuration file failed to load
    except SystemExit as error:
        if not raised_in(error, file):  # a flag of absl such as --helpfull
            raise
        raise InputError(describe_error(error, file)) from error
    except Exception as error:  # a configuration file may raise anything
        if isinstance(error, AttributeError) and error.name == "get_config":
            raise InputError(
                "--config is a file without get_config(); allowed: one with it, as in configs/"
            ) from error
        raise InputError(describe_error(error, file)) from error
    if not isinstance(values.get("config"), ConfigDict | None):
        raise InputError(
            f"--config={file}: get_config() returns {values['config']!r}; allowed: a ConfigDict, "
            "as in configs/"
        )
    if values.get("workdir") == "":
        raise InputError("--workdir= is empty; allowed: a directory")
    if not flags.FLAGS["verbosity"].present:
        logging.set_verbosity(logging.WARNING)  # orbax logs fifty lines about every save
    if positional[1:]:
        raise InputError(f"unexpected argument {positional[1]!r}; allowed: flags, as --name=value")
    return positional
