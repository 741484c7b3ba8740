"""The flags ``--config=FILE.py[:ARGUMENT]`` and ``--config.KEY=VALUE``."""

from __future__ import annotations

import inspect
import re
import runpy
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from absl import flags

from dropout_lab.cli.checkout import enclosing, make_importable
from dropout_lab.errors import InputError, describe_error
from dropout_lab.system.files import expanded

if TYPE_CHECKING:
    from ml_collections import ConfigDict

flags.disclaim_key_flags()  # --help shows them as the subcommand's own

_OVERRIDE = re.compile(r"--?(no)?config\.([^=]*)(=(.*))?", re.DOTALL)
_FALSE = "False"


class ConfigFlag:
    """The configuration that flags ask for; to be made once, where a subcommand defines flags."""

    _overrides: list[tuple[str, str]]

    def __init__(self, *, required: bool = True) -> None:
        self._file = flags.DEFINE_string(
            "config",
            None,
            "FILE.py[:VARIANT[,smoke]], whose get_config() returns the configuration; "
            "--config.KEY=VALUE changes it.",
            required=required,
        )
        self._loaded: ConfigDict | None = None
        ConfigFlag._overrides = []

    @classmethod
    def take_overrides(cls, argv: Sequence[str]) -> list[str]:
        """Keeps ``--config.KEY=VALUE`` for :attr:`value`, and returns the other arguments.

        Raises:
          InputError: If a key is unknown or has no value.
        """
        left, arguments = [], iter(argv)
        for argument in arguments:
            match = _OVERRIDE.fullmatch(argument)
            if match is None:
                left.append(argument)
                continue
            from dropout_lab.config import key_named  # not above: it imports JAX

            negated, name, given, text = match.groups()
            is_flag = key_named(name).values.type is bool
            if negated:
                text = _FALSE
            elif not given:
                text = "True" if is_flag else next(arguments, None)
            if text is None or (negated and (given or not is_flag)):
                raise InputError(f"{argument}; allowed: --config.{name}=VALUE")
            cls._overrides.append((name, text))
        return left

    @property
    def value(self) -> ConfigDict | None:
        """The configuration, None without ``--config``.

        Raises:
          InputError: If the file fails, or returns no configuration, or a value is not allowed.
        """
        if self._file.value is None:
            if self._overrides:
                raise InputError(
                    f"--config.{self._overrides[0][0]} without --config; allowed: with it"
                )
            return None
        if self._loaded is None:
            self._loaded = _load(self._file.value, self._overrides)
        return self._loaded

    @property
    def given(self) -> ConfigDict:
        """The configuration; raises InputError without ``--config``, or as :attr:`value`."""
        if self.value is None:
            raise InputError("--config is missing; allowed: --config=FILE.py")
        return self.value


def _load(text: str, overrides: Sequence[tuple[str, str]]) -> ConfigDict:
    from dropout_lab.config import from_tree
    from dropout_lab.config.texts import value_of

    file, _, argument = text.partition(":")
    returned = _returned(expanded(file), argument)
    return from_tree(
        f"--config={text}: get_config()",
        returned,
        {name: value_of(name, given) for name, given in overrides},
    )


def _returned(path: Path, argument: str) -> Any:
    if not path.is_file():
        raise InputError(f"--config={path}: no such file; allowed: a Python file with get_config()")
    # A configuration file of a checkout may import others of it.
    if root := enclosing(path):
        make_importable(root)
    try:
        get_config = runpy.run_path(str(path)).get("get_config")
        if not callable(get_config):
            raise InputError(
                f"--config={path} is a file without get_config(); allowed: one with it, as in "
                "configs/"
            )
        if argument and not _takes_argument(get_config):
            raise InputError(
                f"--config={path}:{argument}: its get_config() takes no argument; allowed: "
                f"--config={path}"
            )
        return get_config(*([argument] if argument else []))
    except InputError:
        raise
    except (Exception, SystemExit) as error:  # a user's file can raise anything
        raise InputError(describe_error(error, str(path))) from error


def _takes_argument(get_config: Any) -> bool:
    try:
        inspect.signature(get_config).bind("")
    except TypeError:
        return False
    return True
