"""How every script starts: flags, one-line errors, exit codes."""

import os
import re
import select
import signal
import sys
from collections.abc import Callable, Sequence

from absl import app, flags, logging
from ml_collections import ConfigDict

from dropout_lab.config import key_named
from dropout_lab.errors import InputError, describe_error
from dropout_lab.system.compilation import keep_programs
from dropout_lab.system.interrupt import Interrupted
from dropout_lab.training.processes import ProcessLost


def run(main: Callable[[], None]) -> None:
    """Parses the flags, calls ``main`` and exits.

    Bad input exits with status 2 and one line; an interrupted run with 128 + the signal, as a
    shell reports it; a run that has lost another of its processes with 1; a script whose output
    pipe is closed early, as by ``head``, with 128 + SIGPIPE. Anything else is a bug and keeps its
    traceback.
    """
    keep_programs()
    try:
        app.run(lambda argv: _print_all(main), flags_parser=_parse)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except Interrupted as error:
        print(
            f"{error}; what is done is saved: run the same command again to go on", file=sys.stderr
        )
        sys.exit(128 + error.signum)
    except ProcessLost as error:
        print(f"error: {error}; start all of them again to go on", file=sys.stderr, flush=True)
        os._exit(1)  # JAX would first wait for the one that is gone


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
            key_named(key[1])
    try:
        rest = flags.FLAGS(list(argv))
        values = flags.FLAGS.flag_values_dict()
        for value in values.values():
            getattr(value, "to_dict", None)  # a file that failed to load tells only now
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
        logging.set_verbosity(logging.WARNING)  # orbax tells fifty lines about every save
    if rest[1:]:
        raise InputError(f"unexpected argument {rest[1]!r}; allowed: flags, as --name=value")
    return rest
