"""The host's decisions about one trial from its metrics, without a program."""

import pytest

from dropout_lab.config import resolve
from dropout_lab.training.progress import Epoch, TrialState
from dropout_lab.training.state import Lengths

FIVE = Lengths(steps_per_epoch=5, total_steps=25)


@pytest.fixture
def new_trial(new_config):
    def make(**changes):
        changes = {name.replace("__", "."): value for name, value in changes.items()}
        trial = TrialState(0, resolve(new_config("none", changes)))
        trial.start_phase(FIVE)
        return trial

    return make


def train(trial, errors, loss=1.0):
    """Returns whether each epoch's weights are selected, until the phase ends."""
    selects = []
    for error in errors:
        trial.end_epoch({"train_loss": loss, "val_error": error})
        selects.append(trial.selects_newest)
        if not trial.progress.live:
            break
    return selects


def test_the_last_weights_are_selected_by_default(new_trial):
    trial = new_trial()
    assert train(trial, [5, 4, 3, 4, 5, 6]) == [False] * 4 + [True]
    trial.end_selection()
    assert trial.progress.selected == 5


def test_better_weights_are_selected_if_configured(new_trial):
    trial = new_trial(train__select="best_val")
    assert train(trial, [5, 4, 4, 3, 5]) == [True, True, False, True, False]
    trial.end_selection()
    assert trial.progress.selected == 4


@pytest.mark.parametrize(("select", "selected"), [("last", 4), ("best_val", 2)])
def test_patience_ends_after_that_many_epochs_without_a_better_one(new_trial, select, selected):
    """An equal error is no better one."""
    trial = new_trial(train__patience=2, train__select=select)
    assert len(train(trial, [5, 4, 4, 4, 1])) == 4
    trial.end_selection()
    assert trial.progress.selected == selected


def test_a_better_epoch_renews_patience(new_trial):
    assert len(train(new_trial(train__patience=2), [5, 6, 4, 6, 6])) == 5


@pytest.mark.parametrize("select", ["last", "best_val"])
def test_refit_trains_as_long_as_was_selected_and_needs_no_patience(new_trial, select):
    trial = new_trial(train__patience=2, train__select=select, train__refit=True)
    train(trial, [4, 5, 5])
    trial.end_selection()
    assert not trial.in_last_phase
    trial.start_refit()
    trial.start_phase(FIVE)
    epochs = 0
    while trial.progress.live:
        trial.end_epoch({"train_loss": 1.0})
        assert trial.selects_newest == (not trial.progress.live)
        epochs += 1
    assert epochs == trial.progress.selected == {"last": 3, "best_val": 1}[select]
    assert trial.in_last_phase


def test_refit_is_never_longer_than_its_data_allow(new_trial):
    """Of a length in updates: more examples are fewer epochs."""
    trial = new_trial(train__select="best_val", train__refit=True)
    train(trial, [5, 4, 3, 2, 6])
    trial.end_selection()
    trial.start_refit()
    trial.start_phase(Lengths(steps_per_epoch=10, total_steps=25))
    epochs = 0
    while trial.progress.live:
        trial.end_epoch({"train_loss": 1.0})
        epochs += 1
    assert (trial.progress.selected, epochs) == (4, 3)


@pytest.mark.parametrize("select", ["last", "best_val"])
def test_divergence_ends_a_trial_where_it_is(new_trial, select):
    trial = new_trial(train__select=select, train__refit=True)
    train(trial, [5, 4])
    trial.end_epoch({"train_loss": None, "val_error": 90.0})
    assert trial.selects_newest
    progress = trial.progress
    assert (progress.diverged, progress.live, progress.epochs) == (True, False, 3)
    assert trial.fraction == 1


def test_the_fraction_counts_both_phases(new_trial):
    trial = new_trial(train__refit=True)
    fractions = [trial.fraction]
    while trial.progress.live:
        train(trial, [1])
        fractions.append(trial.fraction)
    trial.end_selection()
    trial.start_refit()
    trial.start_phase(FIVE)
    while trial.progress.live:
        trial.end_epoch({"train_loss": 1.0})
        fractions.append(trial.fraction)
    assert fractions == pytest.approx([n / 10 for n in range(11)])


def test_a_trial_that_stopped_early_is_done(new_trial):
    trial = new_trial(train__patience=1)
    train(trial, [1, 1])
    assert trial.fraction == 1


def test_several_trials_are_summarised_by_their_best():
    rows = [
        {"phase": "select", "epoch": 2, "train_loss": loss, "val_error": error}
        for loss, error in ((0.5, 12.0), (None, 90.0), (0.25, 13.0))
    ]
    words = "select epoch 2, best of 3, loss 0.2500, validation error 12.00 %"
    assert Epoch(0.5, rows, "select").summary() == words
    assert Epoch(0.5, rows[1:2]).summary() == "epoch 2, validation error 90.00 %"


def test_a_stop_ends_the_trial_and_a_later_one_lets_it_go_on(new_config):
    changes = {"train.epochs": 5, "train.stop": 2, "train.select": "last"}
    trial = TrialState(0, resolve(new_config("none", changes)))
    trial.start_phase(FIVE)
    for _ in range(2):
        assert (trial.progress.live, trial.stopped, trial.next_steps) == (True, False, 5)
        trial.end_epoch({"train_loss": 1.0})
    assert (trial.progress.live, trial.stopped, trial.selects_newest) == (False, True, True)
    later = TrialState(0, resolve(new_config("none", changes | {"train.stop": 3})))
    later.progress = trial.progress
    later.start_phase(FIVE)
    assert (later.progress.live, later.stopped, later.fraction) == (True, False, 2 / 3)


def test_a_stop_at_the_end_is_none(new_config):
    changes = {"train.epochs": 5, "train.stop": 5}
    assert resolve(new_config("none", changes)) == resolve(new_config("none", {"train.epochs": 5}))
