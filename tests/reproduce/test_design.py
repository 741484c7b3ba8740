"""From experiments to settings; what does not fit together is an error that says where."""

import dataclasses

import pytest

from dropout_lab.config import default_config
from dropout_lab.errors import InputError
from dropout_lab.reproduce import (
    Better,
    CellMetric,
    EnsembleVote,
    InferenceRule,
    MonteCarloPasses,
    Protocol,
    Table,
)
from dropout_lab.reproduce.design import make_design
from dropout_lab.sweeps.trials import make_trials
from tests.reproduce.conftest import small_experiment


def design(experiment, protocol):
    return make_design("small", experiment, protocol, default_config())


def test_a_cells_grid_gives_its_settings(experiment):
    resolved = design(experiment, "paper")
    assert resolved.config.train.epochs == 2
    assert resolved.candidates["plain, few"] == ({"variant": "none", "model.widths": (8,)},)
    assert [each["dropout.rate"] for each in resolved.candidates["noisy, few"]] == [0.1, 0.3]


def test_a_protocol_comes_over_the_experiment():
    protocols = dict(small_experiment().protocols)
    protocols["short"] = Protocol(
        seeds=(7,),
        cost="",
        base={"train.epochs": 5},
        cells={"plain, few": {"model.widths": (4,)}},
        grid={"dropout.rate": (0.2, 0.4, 0.6), "optimizer.lr": (1.0,)},
    )
    resolved = design(small_experiment(protocols=protocols), "short")
    assert resolved.config.train.epochs == 5
    assert resolved.candidates["plain, few"] == ({"variant": "none", "model.widths": (4,)},)
    noisy = resolved.candidates["noisy, many"]
    assert [each["dropout.rate"] for each in noisy] == [0.2, 0.4, 0.6]
    assert all("optimizer.lr" not in each for each in noisy)  # it is not tuned there


def test_a_protocol_leaves_cells_out():
    protocols = dict(small_experiment().protocols)
    protocols["short"] = Protocol(seeds=(0,), cost="", excluded_cells=("noisy, many",))
    resolved = design(small_experiment(protocols=protocols), "short")
    assert list(resolved.candidates) == ["plain, few", "noisy, few"]


def test_a_smoke_run_is_small(experiment):
    resolved = design(experiment, "smoke")
    assert resolved.protocol.seeds == (0, 1)
    [trial] = make_trials(resolved.config, resolved.candidates["noisy, many"])
    train, data = trial.config.train, trial.config.data
    assert (train.epochs, data.train_size, data.val_size) == (1, 64, 32)
    assert all(len(settings) == 1 for settings in resolved.candidates.values())


def test_the_defaults_stay_as_they_are(experiment):
    defaults = default_config()
    make_design("small", experiment, "smoke", defaults)
    assert defaults == default_config()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"base": {"train.epoch": 1}},
            "experiment small, base: unknown key 'train.epoch'; did you mean 'train.epochs'",
        ),
        (
            {"base": {"train.epochs": 0}},
            "experiment small, base: config.train.epochs is 0; allowed: a whole number from 1",
        ),
        (
            {"claims": (Better("noisy, fw", than="plain, few"),)},
            "experiment small, claim 'noisy, fw is better than plain, few': unknown cell "
            "'noisy, fw'; did you mean 'noisy, few'",
        ),
        ({"headline": CellMetric("none")}, "experiment small, headline: unknown cell 'none'"),
        (
            {"table": Table(columns=("a", "b"), rows={"one": (CellMetric("plain, few"),)})},
            "experiment small, table: row 'one' has 1 values; allowed: 2, one for each column",
        ),
        (
            {
                "protocols": {
                    **small_experiment().protocols,
                    "short": Protocol(seeds=(0,), cost="", excluded_cells=("noisy, fw",)),
                }
            },
            "experiment small, short.excluded_cells: unknown cell 'noisy, fw'; did you mean "
            "'noisy, few'",
        ),
        (
            {"protocols": {"short": small_experiment().protocols["short"]}},
            "experiment small: protocols are short; allowed: paper, with full, short or both",
        ),
        (
            {"citation": ""},
            "experiment small: protocols are paper, short; allowed, as it has no citation: full "
            "and short",
        ),
    ],
)
def test_what_does_not_fit_is_an_error_that_says_where(changes, message):
    with pytest.raises(InputError) as error:
        design(small_experiment(**changes), "paper")
    assert str(error.value).startswith(message)


def test_a_cells_wrong_value_names_the_cell():
    protocols = {
        **small_experiment().protocols,
        "short": Protocol(seeds=(0,), cost="", cells={"plain, few": {"model.widths": 8}}),
    }
    with pytest.raises(InputError, match=r"experiment small, cell 'plain, few': config.model.widt"):
        design(small_experiment(protocols=protocols), "short")


@pytest.mark.parametrize(
    ("evaluation", "message"),
    [
        (
            InferenceRule("gaussian"),
            "experiment small, cell 'plain, few': an evaluation's rule is 'gaussian' with variant "
            "'none'; allowed: mean",
        ),
        (
            InferenceRule("maen"),
            "experiment small, cell 'plain, few': unknown inference 'maen'; did you mean 'mean'",
        ),
        (
            MonteCarloPasses((1,), pool=2),
            "experiment small, cell 'plain, few': an evaluation's rule is 'mc' with "
            "variant 'none'; allowed: mean",
        ),
    ],
)
def test_what_cannot_be_evaluated_is_an_error_before_anything_is_trained(evaluation, message):
    short = dataclasses.replace(small_experiment().protocols["short"], evaluations=(evaluation,))
    protocols = {**small_experiment().protocols, "short": short}
    with pytest.raises(InputError) as error:
        design(small_experiment(protocols=protocols), "short")
    assert str(error.value).startswith(message)


def test_an_unknown_protocol_is_an_error(experiment):
    with pytest.raises(InputError, match="unknown protocol 'shrot'; did you mean 'short'"):
        design(experiment, "shrot")


def departures(protocol):
    protocols = {**small_experiment().protocols, "full": protocol}
    return design(small_experiment(protocols=protocols), "full").departures


SEEDS = (0, 1, 2, 3, 4)  # those of protocol paper


@pytest.mark.parametrize(
    ("changes", "sentences"),
    [
        ({}, ()),
        ({"base": {"train.epochs": 1}}, ("train.epochs: 1, not 2",)),
        (
            {"cells": {"noisy, few": {"variant": "gaussian_dropout"}}},
            ("variant: gaussian_dropout, not dropout (noisy, few)",),
        ),
        (
            {"grid": {"dropout.rate": (0.1,)}},
            ("dropout.rate: 0.1, not 0.1 or 0.3 (noisy, few; noisy, many)",),
        ),
        ({"excluded_cells": ("noisy, many",)}, ("without noisy, many",)),
        ({"seeds": (0, 1, 2)}, ("final networks of each cell: 3, not 5",)),
        ({"search_seeds": (7, 8)}, ("networks that a setting is chosen by: 2, not 1",)),
        (
            {"evaluations": (EnsembleVote(),)},
            ("evaluated besides: a vote of the networks, not nothing",),
        ),
        (
            {"base": {"train.updates": 9}},
            ("train.epochs: unset, not 2", "train.updates: 9, not unset"),
        ),
        ({"base": {"eval.passes": 9}}, ()),  # no network reads it
    ],
)
def test_departures_are_what_differs_from_the_papers_protocol(changes, sentences):
    protocol = Protocol(**{"seeds": SEEDS, "cost": "", **changes})
    assert sorted(departures(protocol)) == sorted(sentences)


def test_a_protocol_that_is_not_there_is_an_error(experiment):
    message = "experiment small has no protocol 'full'; allowed: paper, short, smoke"
    with pytest.raises(InputError, match=message):
        design(experiment, "full")


def test_claims_of_a_protocol_come_besides_the_experiments():
    protocols = dict(small_experiment().protocols)
    extra = Better("noisy, many", than="plain, few")
    protocols["full"] = Protocol(
        seeds=(0, 1), cost="", claims=(extra,), excluded_cells=("noisy, few",)
    )
    assert design(small_experiment(protocols=protocols), "full").claims == (extra,)
    assert extra not in design(small_experiment(protocols=protocols), "short").claims
