"""Tuning: settings are compared on validation data, and only the chosen ones see the test set."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from ml_collections import ConfigDict

from dropout_lab.sweeps.grid import Overrides
from dropout_lab.sweeps.runner import How
from dropout_lab.sweeps.tuned import Tuned


def tune(
    config: ConfigDict,
    candidates: Mapping[str, Sequence[Overrides]],
    workdir: str | Path,
    *,
    seeds: Sequence[int],
    final_seeds: Sequence[int],
    folds: int | None = None,
    how: How | None = None,
) -> Tuned:
    """Chooses a setting for each problem by validation error, and tests it.

    One sweep in ``workdir/search`` runs all settings of all problems, without a look at the test
    set. What it is that is chosen: see :data:`dropout_lab.sweeps.tuned.RULE`. One sweep in
    ``workdir/final`` trains what was chosen on training and validation data, as ``train.refit``
    does, and evaluates each network once on the test set. ``workdir/tuned.json`` tells all of it.
    A problem with a single setting is not searched. What was cut goes on; what is done is only
    read.

    Args:
      config: What all trials have in common; it stays as it is.
      candidates: By problem the settings to choose from, each as overrides without ``seed``.
      workdir: Where everything goes.
      seeds: Of the search: each setting is run with all of them.
      final_seeds: Of the final runs.
      folds: Parts of the training and validation data, each of which validates once; None for
        the validation part alone.
      how: Who runs the trials.

    Returns:
      What was tried, chosen and tested, by problem.

    Raises:
      InputError: If a value, the data or the directory is wrong; if no run of a problem ended
        well; if other settings are asked for than those chosen from before the final runs.
      Interrupted: If a signal asked to stop; what was done is saved.
    """
    raise NotImplementedError
