"""The records of several sweeps together."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from dropout_lab.sweeps.store import Store


def sweeps_in(workdirs: Iterable[str | Path]) -> list[Path]:
    """Returns the directories of sweeps: those given, or those inside them, as of an experiment.

    A directory without any stays, for the error that names it.
    """
    found = []
    for workdir in map(Path, workdirs):
        inside = [path.parent for path in sorted(workdir.rglob("sweep.json"))]
        found += [workdir] if workdir in inside else inside or [workdir]
    return found


def gather(
    workdirs: Sequence[str | Path],
) -> tuple[list[dict[str, Any]], dict[str, dict[str, Any]]]:
    """Returns the records of sweeps and their planned trials' configurations, by trial id.

    Of several sweeps, ids start with the directory, and configurations have a key ``sweep`` with
    its name.

    Args:
      workdirs: The directories, all different.

    Raises:
      InputError: If one holds no sweep, or a record is damaged.
    """
    if len(workdirs) == 1:
        store = Store(workdirs[0])
        return store.records(), store.trials()
    records, planned = [], {}
    for workdir in workdirs:
        store, name = Store(workdir), str(workdir)
        for trial, config in store.trials().items():
            planned[f"{name}/{trial}"] = {"sweep": name, **config}
        records += [record | {"id": f"{name}/{record['id']}"} for record in store.records()]
    return records, planned
