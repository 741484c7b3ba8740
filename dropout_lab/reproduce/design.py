"""The design of a run: what a protocol of an experiment trains and claims."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from ml_collections import ConfigDict

from dropout_lab.config import check_inference, flatten
from dropout_lab.errors import InputError, unknown
from dropout_lab.reproduce.claim import Claim
from dropout_lab.reproduce.departures import departures
from dropout_lab.reproduce.experiment import (
    Cell,
    EnsembleVote,
    Experiment,
    MonteCarloPasses,
    Protocol,
)
from dropout_lab.sweeps.grid import Overrides, product
from dropout_lab.sweeps.trials import Trial, make_trials, overridden

PROTOCOLS = ("paper", "full", "short", "smoke")
"""As published; its networks and data, but shorter schedules; cut to an hour; cut to seconds.

An experiment holds the first and one or both of the next two.
"""

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
class Design:
    """What is trained and claimed.

    Attributes:
      protocol: The protocol.
      base: Values by key that all networks share, besides the defaults.
      config: The default configuration with ``base`` applied.
      candidates: The settings to choose among, by cell.
      claims: The claims about these cells.
      departures: How the configurations differ from those of protocol ``paper``, a sentence each.
    """

    protocol: Protocol
    base: Overrides
    config: ConfigDict
    candidates: Mapping[str, tuple[Overrides, ...]]
    claims: tuple[Claim, ...]
    departures: tuple[str, ...] = ()


def make_design(name: str, experiment: Experiment, protocol: str, defaults: ConfigDict) -> Design:
    """Returns what a protocol trains and claims.

    Args:
      name: Name of the experiment, for messages.
      experiment: The experiment.
      protocol: One of ``PROTOCOLS``. ``smoke`` is a cut of ``short``, or of ``full`` if there is no
        ``short``: one epoch of a few examples, two seeds, narrow layers, one setting per cell.
      defaults: The default configuration; not modified.

    Raises:
      InputError: If the experiment is inconsistent, or a key or value is not allowed.
    """
    if protocol not in PROTOCOLS:
        raise unknown("protocol", protocol, PROTOCOLS)
    experiment.check(name)
    smoke = protocol == "smoke"
    if smoke:
        protocol = "short" if "short" in experiment.protocols else "full"
    if protocol not in experiment.protocols:
        raise InputError(
            f"experiment {name} has no protocol {protocol!r}; allowed: "
            f"{', '.join(experiment.protocols)}, smoke"
        )
    design = _design(name, experiment, experiment.protocols[protocol], defaults)
    if smoke:
        return _smoke(design)
    if protocol == experiment.reference:
        return design
    other = _design(name, experiment, experiment.protocols[experiment.reference], defaults)
    return dataclasses.replace(
        design,
        departures=departures(
            *(design.protocol, design.config, design.candidates),
            *(other.protocol, other.config, other.candidates),
        ),
    )


def _design(name: str, experiment: Experiment, protocol: Protocol, defaults: ConfigDict) -> Design:
    base = {**experiment.base, **protocol.base, "run.save_model": bool(protocol.evaluations)}
    try:
        config = overridden(defaults, base)
    except InputError as error:
        raise InputError(f"experiment {name}, base: {error}") from error
    candidates = {
        label: _settings(cell, protocol, label)
        for label, cell in experiment.cells.items()
        if label not in protocol.excluded_cells
    }
    for label, settings in candidates.items():
        try:
            _check_evaluations(protocol, make_trials(config, settings))
        except InputError as error:
            raise InputError(f"experiment {name}, cell {label!r}: {error}") from error
    claims = tuple(
        claim
        for claim in (*experiment.claims, *protocol.claims)
        if all(value.cell in candidates for value in claim.values)
    )
    return Design(protocol, base, config, candidates, claims)


def _settings(cell: Cell, protocol: Protocol, label: str) -> tuple[Overrides, ...]:
    fixed = {**cell.fixed, **protocol.cells.get(label, {})}
    grid = {key: protocol.grid.get(key, values) for key, values in cell.grid.items()}
    return tuple(product([fixed], grid))


def _check_evaluations(protocol: Protocol, trials: Sequence[Trial]) -> None:
    """Raises InputError if a network would lack the rule of inference of an evaluation."""
    for evaluation in protocol.evaluations:
        if not isinstance(evaluation, EnsembleVote):
            for trial in trials:
                check_inference("an evaluation's rule", evaluation.rule, trial.config.variant)


def _smoke(design: Design) -> Design:
    """Returns a design that takes seconds."""
    protocol = dataclasses.replace(
        design.protocol,
        seeds=design.protocol.seeds[:2],
        cost="seconds",
        evaluations=tuple(
            dataclasses.replace(evaluation, pool=2)
            if isinstance(evaluation, MonteCarloPasses)
            else evaluation
            for evaluation in design.protocol.evaluations
        ),
        shortened=("one epoch of 64 examples, narrow layers, two seeds, nothing chosen: a try",),
    )
    small = _small(flatten(design.config.to_dict()))
    candidates = {
        label: ({**settings[0], **_small(settings[0])},)
        for label, settings in design.candidates.items()
    }
    return dataclasses.replace(
        design,
        protocol=protocol,
        base={**design.base, **small},
        config=overridden(design.config, small),
        candidates=candidates,
    )


def _small(values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what makes a training short, of the keys that have values."""
    cut = {key: value for key, value in _SMOKE.items() if key in values}
    for key in ("model.widths", "model.stages"):
        if key in values:
            cut[key] = tuple(min(units, _UNITS) for units in values[key])
    return cut
