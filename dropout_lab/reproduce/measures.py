"""What is measured of trained networks together, or again: votes, passes, rules of inference."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from dropout_lab.analysis.ensemble import error, error_by_passes, vote
from dropout_lab.files import read_json, write_json
from dropout_lab.reproduce.experiment import Inference, Measure, Vote
from dropout_lab.sweeps.networks import load_networks
from dropout_lab.sweeps.tuned import Choice
from dropout_lab.training.trained import Trained

Measured = Mapping[str, Mapping[str, Mapping[str, float]]]
"""By cell and metric: the value of each network, by its seed; a vote's stands with the first."""


def measure(
    measures: tuple[Measure, ...], choices: Mapping[str, Choice], directory: Path
) -> Measured:
    """Returns what is measured of every cell's final networks, also in ``measured.json``.

    Cells that were measured before are only read.
    """
    found = dict(read(directory))
    if not measures or found.keys() >= choices.keys():
        return found
    networks = load_networks(directory / "final")
    for label, choice in choices.items():
        if label not in found:
            runs = [run for run in choice.final.runs if run.status == "ok"]
            members = {str(run.seed): networks[run.id] for run in runs}
            found[label] = {k: v for each in measures for k, v in _of_cell(each, members).items()}
            write_json(directory / "measured.json", found)
    return found


def read(directory: Path) -> Measured:
    """Returns what was measured of the networks in a directory, whether or not they were kept."""
    path = directory / "measured.json"
    measured: Measured = read_json(path) if path.exists() else {}
    return measured


def _of_cell(measured: Measure, members: Mapping[str, Trained]) -> dict[str, dict[str, float]]:
    if not members:
        return {}
    seeds, networks = list(members), list(members.values())
    split = networks[0].test_split()
    if isinstance(measured, Vote):
        probs = np.stack([network.predict(split.images) for network in networks])
        return {"vote_error": {seeds[0]: vote(probs, split.labels)}}
    if isinstance(measured, Inference):
        rule = measured.rule
        errors = {
            seed: error(network.predict(split.images, inference=rule), split.labels)
            for seed, network in members.items()
        }
        return {f"{rule}_error": errors}
    found: dict[str, dict[str, float]] = {}
    for seed, network in members.items():
        passes = network.passes(split.images, count=measured.pool)
        for count, spread in error_by_passes(passes, split.labels, measured.counts).items():
            found.setdefault(f"passes_{count}_error", {})[seed] = spread.mean
    return found
