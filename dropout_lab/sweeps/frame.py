"""Records as a pandas DataFrame."""

from pathlib import Path
from typing import TYPE_CHECKING

from dropout_lab.errors import InputError
from dropout_lab.rules import flatten
from dropout_lab.settings import from_dict
from dropout_lab.sweeps.store import Store

if TYPE_CHECKING:
    import pandas as pd

_TOLD = ("id", "status", "epoch", "wall_seconds", "git_revision")


def load(workdir: str | Path) -> "pd.DataFrame":
    """Returns a sweep's records, a row each: configuration keys, metrics, and what else is known.

    ``Store(workdir).records()`` gives them whole, with their histories.

    Raises:
      InputError: If there is no sweep, a record is damaged, or pandas is missing.
    """
    try:
        import pandas as pd
    except ImportError as error:
        raise InputError(
            "load needs pandas: pip install 'dropout_lab[pandas]'; without: "
            "Store(workdir).records()"
        ) from error
    rows = [
        {key: record[key] for key in _TOLD}
        | flatten(from_dict(record["config"]).to_dict())
        | record["metrics"]
        for record in Store(workdir).records()
    ]
    return pd.DataFrame(rows)
