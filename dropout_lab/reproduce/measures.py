"""What is measured of trained networks together, or again: votes, passes, rules of inference."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from dropout_lab.analysis.ensemble import error, error_by_passes, vote
from dropout_lab.reproduce.experiment import Measure, Passes, Vote
from dropout_lab.sweeps.frame import load_networks
from dropout_lab.system.files import read_object, write_json
from dropout_lab.training.trained import Trained
from dropout_lab.tuning.choice import Choice

Measured = Mapping[str, Mapping[str, Mapping[str, float]]]
"""By cell and metric: the value of each network, by its seed; a vote's stands with the first."""


def measure(
    measures: tuple[Measure, ...], choices: Mapping[str, Choice], directory: Path
) -> Measured:
    """Returns what is measured of every cell's final networks, also in ``measured.json``.

    What was measured before is read, not measured again.
    """
    found = {label: dict(metrics) for label, metrics in read(directory).items()}
    left = [
        (label, each)
        for label in choices
        for each in measures
        if not found.get(label, {}).keys() >= set(each.metrics)
    ]
    networks = load_networks(directory / "final") if left else {}
    for label, each in left:
        runs = [run for run in choices[label].final.runs if run.status == "ok"]
        members = {str(run.seed): networks[run.id] for run in runs}
        found.setdefault(label, {}).update(_of_cell(each, members))
        write_json(directory / "measured.json", found)
    return found


def read(directory: Path) -> Measured:
    """Returns what was measured of the networks in a directory, whether or not they were kept."""
    path = directory / "measured.json"
    measured: Measured = read_object(path) if path.exists() else {}
    return measured


def _of_cell(measured: Measure, members: Mapping[str, Trained]) -> dict[str, dict[str, float]]:
    if not members:
        return {}
    seeds, networks = list(members), list(members.values())
    split = networks[0].test_split()
    if isinstance(measured, Passes):
        found: dict[str, dict[str, float]] = {metric: {} for metric in measured.metrics}
        for seed, network in members.items():
            passes = network.passes(split.images, count=measured.pool)
            errors = error_by_passes(passes, split.labels, measured.counts)
            for count, metric in zip(measured.counts, measured.metrics, strict=True):
                found[metric][seed] = errors[count].mean
        return found
    [metric] = measured.metrics
    rule = None if isinstance(measured, Vote) else measured.rule  # None: as they were tested
    predicted = {
        seed: network.predict(split.images, inference=rule, seed=int(seed))
        for seed, network in members.items()
    }
    if isinstance(measured, Vote):
        return {metric: {seeds[0]: vote(np.stack([*predicted.values()]), split.labels)}}
    return {metric: {seed: error(probs, split.labels) for seed, probs in predicted.items()}}
