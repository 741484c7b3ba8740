"""Networks of a sweep's trials."""

from pathlib import Path

from dropout_lab.sweeps.store import Store
from dropout_lab.training.trained import Trained, load_network


def load_networks(workdir: str | Path) -> dict[str, Trained]:
    """Returns the trained networks of a sweep by trial, of those trials that are done.

    Raises:
      InputError: If there is no sweep, or its networks were not kept.
    """
    store = Store(workdir)
    return {
        record["id"]: load_network(record, store.network(record["id"]))
        for record in store.records()
    }
