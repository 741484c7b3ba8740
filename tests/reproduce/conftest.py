"""A small experiment, and results of it that were made up."""

from typing import Any

import pytest

from dropout_lab.config import default_config
from dropout_lab.reproduce import (
    Alike,
    Better,
    Cell,
    CellMetric,
    Curves,
    Experiment,
    Ordered,
    Protocol,
    Published,
    Table,
)
from dropout_lab.reproduce.commitment import make_commitment
from dropout_lab.reproduce.design import make_design
from dropout_lab.reproduce.results import Results
from dropout_lab.tuning.choice import Choice, Run, Setting

PAPER = {
    "plain, few": Published(4.0, 0.2, 5),
    "noisy, few": Published(3.0, 0.2, 5),
    "noisy, many": Published(2.5),
}
FIXED: dict[str, dict[str, Any]] = {
    "plain, few": {"variant": "none", "model.widths": (8,)},
    "noisy, few": {"variant": "dropout", "model.widths": (8,)},
    "noisy, many": {"variant": "dropout", "model.widths": (16,)},
}
RATES = (0.1, 0.3)


def small_experiment(**changes):
    """Returns an experiment on digits whose table has two columns, one place of it empty."""
    fields: dict[str, Any] = {
        "title": "Noise & width",
        "citation": "A. Nobody, On 5 % of nothing, 2099",
        "source": "Table 1; made up for tests",
        "base": {"data.name": "digits", "train.epochs": 2, "optimizer.lr": 0.05},
        "cells": {
            label: Cell(
                fixed,
                grid={"dropout.rate": RATES} if fixed["variant"] == "dropout" else {},
                paper={"test_error": PAPER[label]},
            )
            for label, fixed in FIXED.items()
        },
        "headline": CellMetric("noisy, few"),
        "claims": (
            Better("noisy, few", than="plain, few", paired=True),
            Alike("noisy, few", "noisy, many", within=0.5),
            Ordered(("noisy, many", "noisy, few", "plain, few")),
        ),
        "protocols": {
            "paper": Protocol(seeds=(0, 1, 2, 3, 4), cost="an hour", assumed=("a batch of 128",)),
            "short": Protocol(
                seeds=(0, 1, 2),
                cost="a minute",
                base={"train.epochs": 1},
                grid={"dropout.rate": (0.2,)},
                shortened=("1 epoch, not 2", "one rate_is tried"),
                remarks=("Nothing can be learnt from this.",),
            ),
        },
        "table": Table(
            columns=("few", "many"),
            rows={
                "plain": (CellMetric("plain, few"), None),
                "noisy": (CellMetric("noisy, few"), CellMetric("noisy, many")),
            },
        ),
        "curves": Curves(
            x="units",
            y="test error (%)",
            lines={"noisy": {8: CellMetric("noisy, few"), 16: CellMetric("noisy, many")}},
        ),
    }
    return Experiment(**fields | changes)


def made_up(experiment, errors, protocol="short", diverged=()):
    """Returns results with these test errors, by cell, of seeds from 0."""
    design = make_design("small", experiment, protocol, default_config())
    records, choices = {}, {}
    for label, column in errors.items():
        runs = []
        for seed, error in enumerate(column):
            identity = f"{label}/{seed}"
            status = "diverged" if (label, seed) in diverged else "ok"
            metrics = {} if status == "diverged" else {"test_error": error}
            runs.append(Run(identity, seed, None, status, metrics))
            records[identity] = {
                "config": {"data": {"train_size": None}},
                "data": {"train": 50000, "val": 10000, "test": 10000},
                "device": {"platform": "cpu", "cpus": 2, "machine": "x86_64"},
                "versions": {"jax": "0.1", "flax": "0.2"},
                "git_revision": "abc",
            }
        settings = design.candidates[label]
        tried = tuple(Setting(each) for each in settings)
        choices[label] = Choice(tried, 0, Setting(settings[0], tuple(runs)))
    run = {
        "experiment": "small",
        "protocol": protocol,
        "command": "python it",
        "seconds": 61.0,
        "began": {"git_revision": "abc"},
        "commitment": make_commitment(design),
    }
    return Results("small", experiment, design, choices, records, {}, run)


ERRORS = {
    "plain, few": [4.01, 4.11, 4.06],
    "noisy, few": [3.02, 3.10, 3.04],
    "noisy, many": [2.95, 3.15, 3.1],
}


@pytest.fixture
def experiment():
    return small_experiment()


@pytest.fixture
def results(experiment):
    return made_up(experiment, ERRORS)
