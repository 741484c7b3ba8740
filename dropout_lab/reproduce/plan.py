"""From an experiment and the name of a protocol to what is trained."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from ml_collections import ConfigDict

from dropout_lab.config import check_inference, flatten
from dropout_lab.errors import InputError, unknown
from dropout_lab.reproduce.experiment import Cell, Experiment, Passes, Protocol, Vote
from dropout_lab.sweeps.grid import Overrides, product
from dropout_lab.sweeps.trials import Trial, make_trials, overridden

PROTOCOLS = ("paper", "short", "smoke")
"""As published, cut to an hour, cut to seconds; an experiment holds the first two."""

_SMOKE: dict[str, Any] = {
    "train.epochs": 1,
    "train.updates": None,
    "train.batch_size": 32,
    "data.train_size": 64,
    "data.val_size": 32,
    "eval.passes": 2,
    "eval.samples": 1,
    "model.units": 16,
}
_UNITS = 16  # of a layer, at most


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
        kept = {"run.save_model": bool(chosen.measures)}
        config = overridden(defaults, {**experiment.base, **chosen.base, **kept})
    except InputError as error:
        raise InputError(f"experiment {name}, base: {error}") from error
    candidates = {
        label: _settings(cell, chosen, label)
        for label, cell in experiment.cells.items()
        if label not in chosen.without
    }
    for label, settings in candidates.items():
        try:
            _check_measures(chosen, make_trials(config, settings))
        except InputError as error:
            raise InputError(f"experiment {name}, cell {label!r}: {error}") from error
    plan = Plan(chosen, config, candidates)
    return _smoke(plan) if smoke else plan


def _settings(cell: Cell, protocol: Protocol, label: str) -> tuple[Overrides, ...]:
    fixed = {**cell.fixed, **protocol.cells.get(label, {})}
    grid = {key: protocol.grid.get(key, values) for key, values in cell.grid.items()}
    return tuple(product([fixed], grid))


def _check_measures(protocol: Protocol, trials: Sequence[Trial]) -> None:
    """Raises InputError if a network would lack a rule of inference that is to be measured."""
    for measure in protocol.measures:
        if not isinstance(measure, Vote):
            for trial in trials:
                check_inference("a measure's rule", measure.rule, trial.config.variant)


def _smoke(plan: Plan) -> Plan:
    """Returns a plan that takes seconds."""
    protocol = dataclasses.replace(
        plan.protocol,
        seeds=plan.protocol.seeds[:2],
        cost="seconds",
        measures=tuple(
            dataclasses.replace(each, pool=2) if isinstance(each, Passes) else each
            for each in plan.protocol.measures
        ),
        shortened=("one epoch of 64 examples, narrow layers, two seeds, nothing chosen: a try",),
    )
    config = overridden(plan.config, _small(flatten(plan.config.to_dict())))
    candidates = {
        label: ({**settings[0], **_small(settings[0])},)
        for label, settings in plan.candidates.items()
    }
    return Plan(protocol, config, candidates)


def _small(values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what makes a training short, of the keys that have values."""
    cut = {key: value for key, value in _SMOKE.items() if key in values}
    for key in ("model.widths", "model.stages"):
        if key in values:
            cut[key] = tuple(min(units, _UNITS) for units in values[key])
    return cut
