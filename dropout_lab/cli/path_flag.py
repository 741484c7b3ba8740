"""Flags that hold paths."""

from typing import Any

from absl import flags

from dropout_lab.system.files import expanded

flags.disclaim_key_flags()  # --help shows them as the subcommand's own


class _PathParser(flags.ArgumentParser):
    """Replaces ``~``, which a shell leaves alone after ``=``, and environment variables."""

    def parse(self, argument: str) -> str:
        return str(expanded(argument)) if argument else argument

    def flag_type(self) -> str:
        return "path"


def define_path(name: str, meaning: str, *, required: bool = False) -> Any:
    """Defines a flag whose value is a path, None without it; ``~`` and variables are replaced."""
    return flags.DEFINE(
        _PathParser(), name, None, meaning, required=required, serializer=flags.ArgumentSerializer()
    )


def define_paths(name: str, meaning: str, *, required: bool = False) -> Any:
    """Defines a flag that may be repeated, whose value is a list of paths, as ``define_path``."""
    default: list[str] | None = None if required else []
    return flags.DEFINE_multi(
        _PathParser(), flags.ArgumentSerializer(), name, default, meaning, required=required
    )
