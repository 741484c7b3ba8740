"""Records of a sweep as a pandas DataFrame, and its trained networks."""

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from dropout_lab.config import by_content, flat_from_dict
from dropout_lab.errors import InputError
from dropout_lab.sweeps.store import Store
from dropout_lab.training.trained import Trained, load_network

if TYPE_CHECKING:
    import pandas as pd

_FIELDS = ("id", "status", "epoch", "wall_seconds", "git_revision")


def load(workdir: str | Path) -> "pd.DataFrame":
    """Returns a sweep's records, one row each: configuration keys, metrics and main fields.

    ``Store(workdir).records()`` returns the full records, with their histories.

    Raises:
      InputError: If there is no sweep, a record is damaged, or pandas is missing.
    """
    try:
        import pandas as pd
    except ImportError as error:
        raise InputError(
            "load needs pandas: pip install 'dropout_lab[pandas]'; without it use "
            "Store(workdir).records()"
        ) from error
    rows = [
        {field: record[field] for field in _FIELDS}
        | by_content(flat_from_dict(record["config"]))
        | record["metrics"]
        for record in Store(workdir).records()
    ]
    return pd.DataFrame(rows)


def load_networks(
    workdir: str | Path,
    trials: Collection[str] | None = None,
    *,
    code: str | Path | None = None,
) -> dict[str, Trained]:
    """Returns the trained networks of the finished trials of a sweep, by trial id.

    Args:
      workdir: The sweep's directory.
      trials: Which trials; None for all.
      code: As for :func:`dropout_lab.load_run`.

    Raises:
      InputError: If there is no sweep, or its networks were not saved.
    """
    store = Store(workdir)
    return {
        record["id"]: load_network(record, store.network(record["id"]), code)
        for record in store.records()
        if trials is None or record["id"] in trials
    }
