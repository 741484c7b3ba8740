"""Networks of a sweep's trials."""

from collections.abc import Collection
from pathlib import Path

from dropout_lab.sweeps.store import Store
from dropout_lab.training.trained import Trained, load_network


def load_networks(workdir: str | Path, trials: Collection[str] | None = None) -> dict[str, Trained]:
    """Returns the trained networks of a sweep by trial, of those trials that are done.

    Args:
      workdir: The sweep's directory.
      trials: Which trials; None for all.

    Raises:
      InputError: If there is no sweep, or its networks were not kept.
    """
    store = Store(workdir)
    return {
        record["id"]: load_network(record, store.network(record["id"]))
        for record in store.records()
        if trials is None or record["id"] in trials
    }
