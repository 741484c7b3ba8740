"""From an experiment and the name of a protocol to what is trained."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from ml_collections import ConfigDict

from dropout_lab.errors import InputError, unknown
from dropout_lab.reproduce.experiment import Cell, Experiment, Protocol
from dropout_lab.rules import flatten
from dropout_lab.sweeps.grid import Overrides, product
from dropout_lab.sweeps.trials import make_trials, overridden

PROTOCOLS = ("paper", "short", "smoke")
"""As published, cut to an hour, cut to seconds; an experiment holds the first two."""

_SMOKE = {
    "train.epochs": 1,
    "train.updates": None,
    "train.batch_size": 32,
    "data.train_size": 64,
    "data.val_size": 32,
    "eval.passes": 2,
    "eval.samples": 1,
}
_UNITS = 16  # of a smoke run's layers, at most


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is trained.

    Attributes:
      protocol: Its seeds, and what it says of itself.
      config: What all networks share.
      candidates: The settings to choose among, by cell.
    """

    protocol: Protocol
    config: ConfigDict
    candidates: Mapping[str, tuple[Overrides, ...]]


def make_plan(name: str, experiment: Experiment, protocol: str, defaults: ConfigDict) -> Plan:
    """Returns what a protocol trains.

    Args:
      name: The experiment's, for messages.
      experiment: The experiment.
      protocol: One of ``PROTOCOLS``. ``smoke`` is ``short`` with one epoch of a few examples, two
        seeds, narrow layers and nothing to choose.
      defaults: A value for every key; it stays as it is.

    Raises:
      InputError: If the experiment does not fit together, or a key or value is not allowed.
    """
    if protocol not in PROTOCOLS:
        raise unknown("protocol", protocol, PROTOCOLS)
    experiment.check(name)
    smoke = protocol == "smoke"
    chosen = experiment.protocols["short" if smoke else protocol]
    try:
        config = overridden(defaults, {**experiment.base, **chosen.base})
    except InputError as error:
        raise InputError(f"experiment {name}, base: {error}") from error
    candidates = {}
    for label, cell in experiment.cells.items():
        settings = _settings(cell, chosen, label)
        if smoke:
            settings = (_tiny(config, settings[0]),)
        try:
            make_trials(config, settings)
        except InputError as error:
            raise InputError(f"experiment {name}, cell {label!r}: {error}") from error
        candidates[label] = settings
    if smoke:
        cuts = ("one epoch of 64 examples, narrow layers, two seeds, nothing chosen: only a try",)
        chosen = dataclasses.replace(chosen, seeds=chosen.seeds[:2], cost="seconds", shortened=cuts)
    return Plan(chosen, config, candidates)


def _settings(cell: Cell, protocol: Protocol, label: str) -> tuple[Overrides, ...]:
    fixed = {**cell.fixed, **protocol.cells.get(label, {})}
    grid = {key: protocol.grid.get(key, values) for key, values in cell.grid.items()}
    return tuple(product([fixed], grid))


def _tiny(config: ConfigDict, setting: Overrides) -> Overrides:
    """Returns a setting that trains in a second."""
    cut: dict[str, Any] = {**setting, **_SMOKE}
    flat = {**flatten(config.to_dict()), **setting}
    for key in ("model.widths", "model.stages"):
        cut[key] = tuple(min(units, _UNITS) for units in flat[key])
    cut["model.units"] = min(flat["model.units"], _UNITS)
    return cut
