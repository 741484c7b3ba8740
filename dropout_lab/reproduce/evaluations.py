"""Further evaluations of trained networks: votes, noisy passes, other inference rules."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from dropout_lab.analysis.ensemble import error, error_by_passes, vote
from dropout_lab.reproduce.experiment import EnsembleVote, Evaluation, MonteCarloPasses
from dropout_lab.sweeps.frame import load_networks
from dropout_lab.system.files import read_object, write_json
from dropout_lab.training.trained import Trained
from dropout_lab.tuning.choice import Choice

Measured = Mapping[str, Mapping[str, Mapping[str, float]]]
"""Errors by cell, metric and seed; the error of a vote stands under the first seed."""


def evaluate(
    evaluations: tuple[Evaluation, ...], choices: Mapping[str, Choice], directory: Path
) -> Measured:
    """Returns the errors that the evaluations measure on every cell's final networks.

    They are saved in ``measured.json``; an evaluation that is saved there is not repeated.
    """
    measured = {label: dict(metrics) for label, metrics in read(directory).items()}
    missing = [
        (label, evaluation)
        for label in choices
        for evaluation in evaluations
        if not measured.get(label, {}).keys() >= set(evaluation.metrics)
    ]
    runs_of = {
        label: [run for run in choices[label].final.runs if run.status == "ok"]
        for label, _ in missing
    }
    trials = {run.id for runs in runs_of.values() for run in runs}
    networks = load_networks(directory / "final", trials) if missing else {}
    for label, evaluation in missing:
        members = {str(run.seed): networks[run.id] for run in runs_of[label]}
        measured.setdefault(label, {}).update(_evaluate_cell(evaluation, members))
        write_json(directory / "measured.json", measured)
    return measured


def read(directory: Path) -> Measured:
    """Returns the content of ``measured.json``; nothing if there is no such file."""
    path = directory / "measured.json"
    measured: Measured = read_object(path) if path.exists() else {}
    return measured


def _evaluate_cell(
    evaluation: Evaluation, members: Mapping[str, Trained]
) -> dict[str, dict[str, float]]:
    """Returns the errors of a cell's networks, which are given by seed, by metric and seed."""
    if not members:
        return {}
    seeds, networks = list(members), list(members.values())
    split = networks[0].test_split()
    if isinstance(evaluation, MonteCarloPasses):
        by_metric: dict[str, dict[str, float]] = {metric: {} for metric in evaluation.metrics}
        for seed, network in members.items():
            passes = network.passes(split.images, count=evaluation.pool)
            errors = error_by_passes(passes, split.labels, evaluation.counts)
            for count, metric in zip(evaluation.counts, evaluation.metrics, strict=True):
                by_metric[metric][seed] = errors[count].mean
        return by_metric
    [metric] = evaluation.metrics
    rule = (
        None if isinstance(evaluation, EnsembleVote) else evaluation.rule
    )  # None: as they were tested
    predicted = {
        seed: network.predict(split.images, inference=rule, seed=int(seed))
        for seed, network in members.items()
    }
    if isinstance(evaluation, EnsembleVote):
        return {metric: {seeds[0]: vote(np.stack([*predicted.values()]), split.labels)}}
    return {metric: {seed: error(probs, split.labels) for seed, probs in predicted.items()}}
