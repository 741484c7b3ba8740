"""The departures of a protocol from the one it shortens, found by comparing configurations."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ml_collections import ConfigDict

from dropout_lab.config import EXECUTION
from dropout_lab.reproduce.experiment import Evaluation, Protocol
from dropout_lab.sweeps.grid import Overrides
from dropout_lab.sweeps.trials import make_trials

Candidates = Mapping[str, Sequence[Overrides]]


def departures(
    protocol: Protocol,
    config: ConfigDict,
    candidates: Candidates,
    other: Protocol,
    other_config: ConfigDict,
    other_candidates: Candidates,
) -> tuple[str, ...]:
    """Returns a sentence for each difference between a protocol and the one it shortens.

    Compares, cell by cell, the resolved configurations of all settings, and the seeds.
    """
    cells: dict[tuple[str, str, str], list[str]] = {}
    for label, settings in candidates.items():
        ours = _values(config, settings)
        theirs = _values(other_config, other_candidates[label])
        for key, values in ours.items():
            if values != theirs[key]:
                difference = key, _either(values), _either(theirs[key])
                cells.setdefault(difference, []).append(label)
    sentences = [
        f"{key}: {ours}, not {theirs}"
        + ("" if len(labels) == len(candidates) else f" ({'; '.join(labels)})")
        for (key, ours, theirs), labels in cells.items()
    ]
    left_out = [label for label in other_candidates if label not in candidates]
    if left_out:
        sentences.append(f"without {'; '.join(left_out)}")
    if len(protocol.seeds) != len(other.seeds):
        sentences.append(
            f"final networks of each cell: {len(protocol.seeds)}, not {len(other.seeds)}"
        )
    searched = any(len(settings) > 1 for settings in candidates.values())
    if searched and len(protocol.search_seeds) != len(other.search_seeds):
        sentences.append(
            f"networks that a setting is chosen by: {len(protocol.search_seeds)}, not "
            f"{len(other.search_seeds)}"
        )
    if protocol.evaluations != other.evaluations:
        sentences.append(
            f"evaluated besides: {_listed(protocol.evaluations)}, not {_listed(other.evaluations)}"
        )
    return tuple(sentences)


def _values(config: ConfigDict, settings: Sequence[Overrides]) -> dict[str, list[Any]]:
    """Returns the values of every key over a cell's settings, each once."""
    values: dict[str, list[Any]] = {}
    for trial in make_trials(config, settings):
        for key, value in trial.flat.items():
            if key not in EXECUTION and value not in values.setdefault(key, []):
                values[key].append(value)
    return values


def _either(values: Iterable[Any]) -> str:
    return " or ".join("unset" if value is None else f"{value}" for value in values)


def _listed(evaluations: Iterable[Evaluation]) -> str:
    return ", ".join(map(str, evaluations)) or "nothing"
