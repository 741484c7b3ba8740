import dataclasses
import json
import math
from typing import Any

import jax
import numpy as np
import pytest

from dropout_lab.config import resolve
from dropout_lab.data import concatenate
from dropout_lab.errors import InputError
from dropout_lab.system.interrupt import Interrupted, Stop
from dropout_lab.training.arrays import fit_scaling
from dropout_lab.training.checkpoint import Checkpoints
from dropout_lab.training.progress import Epoch
from dropout_lab.training.record import make_record
from dropout_lab.training.trainer import Trainer
from tests.training.spy import Spy

FEATURES = {"data.scaling": "feature"}


@pytest.fixture
def run(new_config, vmapped_of, tiny_dataset):
    """Returns a function that runs a tiny trial; it gives back the result and the spy."""

    def call(changes=(), *, variant="none", dataset=tiny_dataset, spied=(), **options):
        config = resolve(new_config(variant, changes))
        spy: Any = Spy(vmapped_of(config), dataset, **dict(spied))
        [result] = Trainer(spy, [config], dataset, **options).run()
        return result, spy

    return call


def assert_equal(actual, expected):
    jax.tree.map(np.testing.assert_array_equal, actual, expected)


def test_the_last_epoch_is_selected_by_default(run):
    result, spy = run()
    progress = result.progress
    assert result.status == "ok"
    assert progress.selected == 3
    assert [(row["phase"], row["epoch"]) for row in progress.history] == [
        ("select", epoch) for epoch in (1, 2, 3)
    ]
    names = {"error", "nll", "brier", "ece"}
    for row in progress.history:
        names_of_train = {"phase", "epoch", "train_loss", "train_error"}
        assert row.keys() == names_of_train | {f"val_{name}" for name in names}
    metrics = progress.metrics
    assert metrics.keys() == {f"{s}_{name}" for s in ("train", "val", "test") for name in names}
    assert (
        progress.history[-1].items()
        >= {key: metrics[key] for key in metrics if key.startswith("val_")}.items()
    )
    assert_equal(spy.weights("test")[0], result.weights)
    assert_equal(spy.weights("val")[-1], result.weights)


def test_learning_lowers_the_loss(run):
    losses = [row["train_loss"] for row in run({"optimizer.lr": 0.2})[0].progress.history]
    assert losses[-1] < 0.9 * losses[0]


@pytest.mark.parametrize("refit", [False, True])
@pytest.mark.parametrize("select", ["last", "best_val"])
def test_the_test_set_is_evaluated_once_at_the_end(run, select, refit):
    _, spy = run({"train.select": select, "train.refit": refit})
    names = [name for name, *_ in spy.evaluated]
    assert names.count("test") == 1
    assert names[-1] == "test"


def test_the_test_set_may_be_skipped(run):
    result, spy = run({"eval.test": False})
    assert "test" not in [name for name, *_ in spy.evaluated]
    assert not any(name.startswith("test") for name in result.progress.metrics)


def test_every_epoch_has_the_error_on_a_sample_of_the_training_data(run, tiny_dataset):
    result, spy = run()
    sampled = [name for name, *_ in spy.evaluated][:6]
    assert sampled == ["sample", "val"] * 3
    step = 100 / len(tiny_dataset.val)  # the sample is as large as the validation data
    for row in result.progress.history:
        assert row["train_error"] / step == pytest.approx(round(row["train_error"] / step))
    whole = dataclasses.replace(tiny_dataset, val=tiny_dataset.train)
    result, _ = run(dataset=whole)
    assert result.progress.history[-1]["train_error"] == result.progress.metrics["train_error"]


def test_the_best_epoch_is_selected_if_configured(run):
    """Of two equally good epochs, the first is selected."""
    errors = [30.0, 10.0, 10.0]
    result, spy = run({"train.select": "best_val"}, spied={"val_errors": errors})
    assert result.progress.selected == 2
    assert [row["val_error"] for row in result.progress.history] == errors
    best = spy.weights("val")[1]
    for weights in (spy.weights("val")[-1], *spy.weights("train"), *spy.weights("test")):
        assert_equal(weights, best)
    assert_equal(result.weights, best)


@pytest.mark.slow
def test_refit_trains_again_on_train_and_validation(run, tiny_dataset):
    result, spy = run({"train.refit": True, **FEATURES})
    assert spy.trained == [("train", 5)] * 3 + [("train+val", 8)] * 3
    phases = [(row["phase"], row["epoch"]) for row in result.progress.history]
    assert phases == [(phase, epoch) for phase in ("select", "refit") for epoch in (1, 2, 3)]
    assert not any("val_error" in row for row in result.progress.history[3:])
    names = [name for name, *_ in spy.evaluated]
    expected = ["sample", "val"] * 3 + ["val"] + ["sample"] * 3 + ["train+val", "test"]
    assert names == expected
    both = concatenate(tiny_dataset.train, tiny_dataset.val)
    assert_equal(spy.evaluated[0][2], fit_scaling("feature", tiny_dataset.train))
    assert_equal(spy.evaluated[-1][2], fit_scaling("feature", both))
    assert_equal(result.weights, spy.weights("test")[0])
    alone, _ = run({"train.refit": False, **FEATURES})
    assert result.progress.history[:3] == alone.progress.history
    assert result.progress.metrics["val_nll"] == alone.progress.metrics["val_nll"]


def test_refit_trains_as_long_as_was_best(run):
    changes = {"train.select": "best_val", "train.refit": True}
    result, spy = run(changes, spied={"val_errors": [30.0, 10.0, 20.0]})
    assert spy.trained[3:] == [("train+val", 8)] * 2
    assert result.progress.selected == 2


@pytest.mark.slow
def test_a_length_in_updates_may_end_within_an_epoch(run):
    result, spy = run({"train.updates": 7})
    assert spy.trained == [("train", 5), ("train", 2)]
    assert result.progress.selected == 2


def test_no_validation_data_is_fine(run, tiny_dataset):
    nothing = dataclasses.replace(tiny_dataset, val=tiny_dataset.val[:0])
    result, spy = run(dataset=nothing)
    assert [name for name, *_ in spy.evaluated] == ["sample"] * 3 + ["train", "test"]
    assert not any(key.startswith("val") for key in result.progress.metrics)


@pytest.mark.slow
def test_monte_carlo_uses_fewer_passes_during_training(run):
    changes = {"eval.inference": "mc", "eval.passes": 4, "eval.samples": 2}
    _, spy = run(changes, variant="dropout")
    passes = [("sample", 2), ("val", 2)] * 3 + [("val", 4), ("train", 2), ("test", 4)]
    inference = [(split, *options.values()) for split, _, _, options in spy.evaluated]
    assert inference == [(split, "mc", count) for split, count in passes]


def test_epochs_are_reported_with_the_fraction_done(run):
    epochs: list[Epoch] = []
    run({"train.refit": True}, on_epoch=epochs.append)
    assert [epoch.fraction for epoch in epochs] == pytest.approx([n / 6 for n in range(1, 7)])
    assert epochs[0].summary().startswith("select epoch 1, loss ")
    assert "validation error" in epochs[0].summary()
    assert epochs[-1].summary().startswith("refit epoch 3, loss ")
    assert "validation error" not in epochs[-1].summary()


def test_only_a_run_with_refit_names_its_phases(run):
    epochs: list[Epoch] = []
    result, _ = run(on_epoch=epochs.append)
    assert epochs[0].summary().startswith("epoch 1, loss ")
    assert result.progress.history[0]["phase"] == "select"


def test_a_huge_step_ends_as_diverged(run, new_config, tiny_dataset):
    changes = {"optimizer.lr": 1e30}
    result, _ = run(changes)
    assert result.status == "diverged"
    assert result.progress.history[-1]["train_loss"] is None
    record = make_record(resolve(new_config("none", changes)), tiny_dataset, result)
    assert record["status"] == "diverged"
    assert record["metrics"] == {}
    json.dumps(record, allow_nan=False)


@pytest.mark.parametrize("loss", [math.inf, math.nan])
@pytest.mark.parametrize("at", [1, 2, 5])
def test_divergence_keeps_earlier_metrics(run, loss, at):
    """In either phase: refit starts with the fourth epoch."""
    losses = [1.0] * (at - 1) + [loss]
    result, spy = run({"train.refit": True}, spied={"losses": losses})
    assert result.status == "diverged"
    train_losses = [row["train_loss"] for row in result.progress.history]
    assert train_losses == [*losses[:-1], None]
    assert ("val_error" in result.progress.metrics) == (at > 3)
    assert "test" not in [name for name, *_ in spy.evaluated]


def stopping(at):
    """Returns options that request a stop during the ``at``-th epoch of a trial."""
    stop = Stop()

    def count(epoch, seen=[]):  # noqa: B006 (a counter)
        seen.append(epoch)
        stop.signum = 15 if len(seen) == at else None

    return {"stop": stop, "on_epoch": count}


def killing(at):
    """Returns options that end a trial in its ``at``-th epoch, before that one is saved."""

    def count(epoch, seen=[]):  # noqa: B006 (a counter)
        seen.append(epoch)
        if len(seen) == at:
            raise KeyboardInterrupt

    return {"on_epoch": count}


INTERRUPTED = {"model.batch_norm": True, "train.select": "best_val", "train.refit": True}


@pytest.mark.slow
@pytest.mark.parametrize("ending", [stopping, killing])
@pytest.mark.parametrize("at", [1, 2, 3, 4, 5])
def test_interrupted_and_resumed_is_uninterrupted(run, tmp_path, ending, at):
    """Three epochs of selection, of which the second is best, and two of refit."""
    scripted = [30.0, 10.0, 20.0]
    options = {"variant": "dropout", "changes": INTERRUPTED}
    whole, _ = run(**options, spied={"val_errors": scripted})
    checkpoints = Checkpoints(tmp_path / "checkpoint")
    with pytest.raises((Interrupted, KeyboardInterrupt)):
        run(**options, checkpoints=checkpoints, **ending(at), spied={"val_errors": scripted})
    done = at if ending is stopping else at - 1
    resumed, spy = run(**options, checkpoints=checkpoints, spied={"val_errors": scripted[done:]})
    assert len(spy.trained) == 5 - done
    assert resumed.status == "ok"
    assert resumed.progress.history == whole.progress.history
    assert resumed.progress.selected == whole.progress.selected == 2
    assert resumed.progress.metrics == whole.progress.metrics
    assert_equal(resumed.weights, whole.weights)


@pytest.mark.slow
def test_every_interruption_of_a_run_is_harmless(run, tmp_path):
    checkpoints = Checkpoints(tmp_path / "checkpoint")
    whole, _ = run()
    for _ in range(3):
        with pytest.raises(Interrupted):
            run(checkpoints=checkpoints, **stopping(1))
    resumed, spy = run(checkpoints=checkpoints)
    assert spy.trained == []
    assert resumed.progress.history == whole.progress.history
    assert resumed.progress.metrics == whole.progress.metrics


@pytest.mark.parametrize(("seconds", "saves"), [(0, [1, 2, 3]), (3600, [])])
def test_saves_as_often_as_configured(run, tmp_path, monkeypatch, seconds, saves):
    steps = []
    monkeypatch.setattr(Checkpoints, "save", lambda self, a, p, step: steps.append(step))
    run({"run.checkpoint_seconds": seconds}, checkpoints=Checkpoints(tmp_path))
    assert steps == saves


@pytest.mark.parametrize(
    "change",
    [
        lambda arrays, described: described["lanes"][0].update(newer=1),
        lambda arrays, described: described["lanes"][0].pop("best"),
        lambda arrays, described: described["lanes"].append(described["lanes"][0]),
        lambda arrays, described: described.pop("lanes"),
        lambda arrays, described: described.update(trials=["0123456789abcdef"]),
        lambda arrays, described: arrays.update({"0-steps": arrays.pop("0-step")}),
        lambda arrays, described: arrays.update({"0-step": np.zeros(2, np.int32)}),
    ],
    ids=["more", "less", "lane", "part", "other", "name", "shape"],
)
def test_a_checkpoint_of_other_code_is_reported_like_a_damaged_one(run, tmp_path, change):
    checkpoints = Checkpoints(tmp_path / "checkpoint")
    with pytest.raises(Interrupted):
        run(checkpoints=checkpoints, **stopping(1))
    arrays, described = checkpoints.restore()
    change(arrays, described)
    checkpoints.save(arrays, described, step=1)
    with pytest.raises(InputError, match=r"/2 is damaged or of other code \(.*; delete it"):
        run(checkpoints=checkpoints)


def test_wall_time_adds_up_over_sessions(run, tmp_path):
    checkpoints = Checkpoints(tmp_path / "checkpoint")
    with pytest.raises(Interrupted):
        run(checkpoints=checkpoints, **stopping(2))
    saved = checkpoints.restore()
    assert saved is not None
    arrays, progress = saved
    checkpoints.clear()
    [trial] = progress["lanes"]
    checkpoints.save(arrays, progress | {"lanes": [trial | {"seconds": 1000.0}]}, step=2)
    resumed, _ = run(checkpoints=checkpoints)
    assert 1000 < resumed.progress.seconds < 1060
