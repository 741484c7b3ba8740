"""What the host decides of one trial from its figures: no program is needed to tell."""

import math

import pytest

from dropout_lab.config import resolve
from dropout_lab.training.program import Lengths
from dropout_lab.training.progress import Epoch, TrialState

FIVE = Lengths(epoch=5, total=25)


@pytest.fixture
def new_lane(new_config):
    def make(**changes):
        changes = {key.replace("__", "."): value for key, value in changes.items()}
        lane = TrialState(0, resolve(new_config("none", changes)))
        lane.begin(FIVE)
        return lane

    return make


def noted(lane, errors, loss=1.0):
    """Returns whether each epoch's weights count, until the lane ends."""
    counting = []
    for error in errors:
        counting.append(lane.note({"train_loss": loss, "val_error": error}))
        if not lane.progress.live:
            break
    return counting


def test_the_last_weights_count_by_default(new_lane):
    lane = new_lane()
    assert noted(lane, [5, 4, 3, 4, 5, 6]) == [False] * 4 + [True]
    lane.select()
    assert lane.progress.selected == 5


def test_better_weights_count_if_asked(new_lane):
    lane = new_lane(train__select="best_val")
    assert noted(lane, [5, 4, 4, 3, 5]) == [True, True, False, True, False]
    lane.select()
    assert lane.progress.selected == 4


@pytest.mark.parametrize(("select", "selected"), [("last", 4), ("best_val", 2)])
def test_patience_ends_after_so_many_epochs_without_a_better_one(new_lane, select, selected):
    """An equal error is no better one."""
    lane = new_lane(train__patience=2, train__select=select)
    assert len(noted(lane, [5, 4, 4, 4, 1])) == 4
    lane.select()
    assert lane.progress.selected == selected


def test_a_better_epoch_renews_patience(new_lane):
    assert len(noted(new_lane(train__patience=2), [5, 6, 4, 6, 6])) == 5


@pytest.mark.parametrize("select", ["last", "best_val"])
def test_refit_trains_as_long_as_was_selected_and_needs_no_patience(new_lane, select):
    lane = new_lane(train__patience=2, train__select=select, train__refit=True)
    noted(lane, [4, 5, 5])
    lane.select()
    assert lane.refit()
    lane.begin(FIVE)
    epochs = 0
    while lane.progress.live:
        assert lane.note({"train_loss": 1.0}) == (not lane.progress.live)
        epochs += 1
    assert epochs == lane.progress.selected == {"last": 3, "best_val": 1}[select]
    assert not lane.refit()


def test_refit_is_never_longer_than_its_data_allow(new_lane):
    """Of a length in updates: more examples are fewer epochs."""
    lane = new_lane(train__select="best_val", train__refit=True)
    noted(lane, [5, 4, 3, 2, 6])
    lane.select()
    lane.refit()
    lane.begin(Lengths(epoch=10, total=25))
    epochs = 0
    while lane.progress.live:
        lane.note({"train_loss": 1.0})
        epochs += 1
    assert (lane.progress.selected, epochs) == (4, 3)


@pytest.mark.parametrize("select", ["last", "best_val"])
def test_divergence_ends_a_trial_where_it_is(new_lane, select):
    lane = new_lane(train__select=select, train__refit=True)
    noted(lane, [5, 4])
    assert lane.note({"train_loss": None, "val_error": 90.0})
    progress = lane.progress
    assert (progress.diverged, progress.live, progress.epochs) == (True, False, 3)
    assert lane.share == 1


def test_the_share_counts_both_phases(new_lane):
    lane = new_lane(train__refit=True)
    shares = [lane.share]
    while lane.progress.live:
        noted(lane, [1])
        shares.append(lane.share)
    lane.select()
    lane.refit()
    lane.begin(FIVE)
    while lane.progress.live:
        lane.note({"train_loss": 1.0})
        shares.append(lane.share)
    assert shares == pytest.approx([n / 10 for n in range(11)])


def test_a_lane_that_stopped_early_is_done(new_lane):
    lane = new_lane(train__patience=1)
    noted(lane, [1, 1])
    assert lane.share == 1


def test_several_trials_are_told_by_their_best():
    rows = [
        {"phase": "select", "epoch": 2, "train_loss": loss, "val_error": error}
        for loss, error in ((0.5, 12.0), (None, 90.0), (0.25, 13.0))
    ]
    words = "select epoch 2, best of 3, loss 0.2500, validation error 12.00 %"
    assert Epoch(0.5, rows).summary() == words
    assert Epoch(0.5, rows[1:2]).summary() == "select epoch 2, validation error 90.00 %"
    assert math.isclose(Epoch(0.5, rows).share, 0.5)
