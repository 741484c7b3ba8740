"""Trials side by side: each trains as if alone, whatever its neighbours do."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dropout_lab import ops
from dropout_lab.config import hparams_of, resolve
from dropout_lab.errors import InputError
from dropout_lab.system.interrupt import Interrupted, Stop
from dropout_lab.training import program as programs
from dropout_lab.training.checkpoint import Checkpoints
from dropout_lab.training.program import Program, as_arrays
from dropout_lab.training.trainer import Trainer
from dropout_lab.training.vmapped import VmappedProgram, evenly

RATE = {"dropout.rate": 0.5, "dropout.input_rate": 0.2}


def assert_equal(actual, expected):
    jax.tree.map(np.testing.assert_array_equal, actual, expected)


def assert_same(actual, expected):
    """Two results agree to the bit, except for time."""
    assert actual.status == expected.status
    assert actual.progress.history == expected.progress.history
    assert actual.progress.metrics == expected.progress.metrics
    assert actual.progress.selected == expected.progress.selected
    assert_equal(actual.weights, expected.weights)
    assert_equal(actual.scaling, expected.scaling)


class Scripted:
    """A program whose validation errors are given, by lane and epoch of selection."""

    def __init__(self, program, dataset, errors):
        self.program = program
        self.val = dataset.val.images
        self.errors = errors
        self.epochs = 0
        self.epoch = None

    def __getattr__(self, name):
        return getattr(self.program, name)

    def train_epoch(self, state, *args, steps):
        self.epochs += 1
        self.epoch = int(state.step[0]) // steps
        return self.program.train_epoch(state, *args, steps=steps)

    def evaluate(self, weights, hparams, data, scaling, **options):
        metrics = self.program.evaluate(weights, hparams, data, scaling, **options)
        if np.array_equal(data.images, self.val) and self.epoch is not None:
            script = [errors[min(self.epoch, len(errors) - 1)] for errors in self.errors]
            idle = [50.0] * (self.program.lanes - len(script))
            metrics["error"], self.epoch = np.array([*script, *idle]), None
        return metrics


@pytest.fixture
def run(new_config, vmapped_of, tiny_dataset):
    """Returns a function that runs tiny trials of dropout, given by their changes."""

    def call(trials, *, lanes=None, errors=None, variant="dropout", **options):
        configs = [resolve(new_config(variant, RATE | changes)) for changes in trials]
        program: Any = vmapped_of(configs[0], lanes or len(configs))
        if errors is not None:
            program = Scripted(program, tiny_dataset, errors)
        return Trainer(program, configs, tiny_dataset, **options).run()

    return call


MIXED: list[dict[str, Any]] = [
    {"seed": 1, "train.epochs": 5, "train.select": "best_val", "train.refit": True},
    {"seed": 2, "train.epochs": 2, "dropout.rate": 0.0},
    {"seed": 3, "train.epochs": 6, "train.patience": 2, "train.refit": True},
    {"seed": 4, "train.epochs": 4, "optimizer.lr": 0.01, "eval.test": False},
    {"seed": 5, "train.epochs": 6, "train.patience": 1, "train.select": "best_val"},
    {"seed": 6, "train.epochs": 3, "optimizer.lr": 1e30, "train.refit": True},
]
ERRORS = [
    [30.0, 20.0, 25.0, 10.0, 15.0],
    [40.0, 30.0],
    [30.0, 40.0, 50.0, 10.0],
    [40.0],
    [40.0, 30.0, 20.0, 20.0, 10.0],
    [90.0],
]


def decided(result):
    """Returns the host's decisions about a trial."""
    progress = result.progress
    rows = [(row["phase"], row["epoch"], row.get("val_error")) for row in progress.history]
    return result.status, progress.selected, rows, list(progress.metrics)


@pytest.mark.slow
def test_each_trial_ends_as_if_alone(run):
    """Trials of different lengths, patience, selection and refit; one diverges."""
    together = run(MIXED, errors=ERRORS)
    epochs = [[row[:2] for row in decided(result)[2]] for result in together]
    phases = [[phase for phase, _ in rows] for rows in epochs]
    assert [(p.count("select"), p.count("refit")) for p in phases] == [
        *((5, 4), (2, 0), (3, 3), (4, 0), (4, 0)),
        (len(phases[5]), 0),
    ]
    tested = ["test_error" in result.progress.metrics for result in together]
    assert tested == [True, True, True, False, True, False]
    for changes, errors, result in zip(MIXED, ERRORS, together, strict=True):
        [alone] = run([changes], errors=[errors])
        assert decided(result) == decided(alone)
        assert (result.lanes, alone.lanes) == (6, 1)
        if result.status == "diverged":
            continue
        for name, figure in alone.progress.metrics.items():
            assert result.progress.metrics[name] == pytest.approx(figure, rel=1e-3, abs=1e-4), name
        close = functools.partial(np.testing.assert_allclose, rtol=1e-3, atol=1e-4)
        jax.tree.map(close, result.weights, alone.weights)
        assert_equal(result.scaling, alone.scaling)


@pytest.mark.slow
@pytest.mark.parametrize("neighbour", [{"optimizer.lr": 1e6}, {"train.epochs": 1}])
def test_a_neighbour_changes_nothing_to_the_bit(run, neighbour):
    healthy: list[dict[str, Any]] = [{"seed": 1}, {"seed": 2, "dropout.rate": 0.8}]
    beside = [*run([healthy[0], {"seed": 9}, healthy[1]])]
    odd = run([healthy[0], {"seed": 9, **neighbour}, healthy[1]])
    assert_same(odd[0], beside[0])
    assert_same(odd[2], beside[2])
    assert odd[1].progress.history != beside[1].progress.history


class Noted:
    """A place for the states of stopped trials that notes what is saved."""

    def __init__(self):
        self.saved = []

    def restore(self, *_):
        return None

    def save(self, trial, tree):
        self.saved.append((trial.index, trial.progress.epochs, int(tree[0].step[trial.index])))


@pytest.mark.slow
def test_a_stopped_trial_is_saved_once_whatever_follows_beside_it(run):
    noted = Noted()
    run([{"train.stop": 2}, {"seed": 2, "train.epochs": 1, "train.refit": True}], pauses=noted)
    assert noted.saved == [(0, 2, 10)]


@pytest.mark.slow
def test_idle_lanes_are_dropped(run):
    trials = [{"seed": 1}, {"seed": 2}]
    some = run(trials, lanes=3)
    assert [result.lanes for result in some] == [2, 2]
    for result, expected in zip(some, run([*trials, {"seed": 2}]), strict=False):
        assert_same(result, expected)


@pytest.mark.slow
@pytest.mark.parametrize("at", [1, 2, 4, 5, 6, 9])
def test_interrupted_and_resumed_lanes_are_uninterrupted(run, tmp_path, at):
    """Five epochs of selection, the last for one trial alone, and four of refit for two."""
    whole = run(MIXED, errors=ERRORS)
    checkpoints = Checkpoints(tmp_path / "checkpoint")
    stop, fractions = Stop(), []

    def count(epoch):
        fractions.append(epoch.fraction)
        stop.signum = 15 if len(fractions) == at else None

    options = {"errors": ERRORS, "checkpoints": checkpoints}
    with pytest.raises(Interrupted):
        run(MIXED, **options, stop=stop, on_epoch=count)
    for result, expected in zip(run(MIXED, **options, on_epoch=count), whole, strict=True):
        assert_same(result, expected)
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1


@pytest.mark.slow
def test_numbers_and_lengths_never_compile_again(new_config, tiny_dataset):
    configs = [resolve(new_config("dropout", RATE | changes)) for changes in MIXED]
    program = VmappedProgram(Program(configs[0], (4, 4, 1), 3), 2)
    for pair in (configs[1:3], [configs[4], configs[3]], configs[:1]):
        Trainer(program, pair, tiny_dataset).run()
    # Refit has more examples; of train, validation and both, the loss is measured.
    assert (program.init._cache_size(), program.train_epoch._cache_size()) == (1, 2)
    assert program.evaluate._cache_size() == 3


def stacked(configs):
    return jax.tree.map(lambda *leaf: jnp.stack(leaf), *map(as_arrays, map(hparams_of, configs)))


def noise(hparams, step):
    """Returns units after dropout as a trial's step draws it."""
    key = programs._key(hparams, programs._NOISE, step)
    return ops.dropout(key, jnp.ones((16, 32)), rate=hparams["dropout.rate"])


def test_lanes_draw_the_masks_of_their_own_seeds(new_config):
    changes = [{"seed": 0}, {"seed": 2**32 - 1}, {"seed": 0, "dropout.rate": 0.9}]
    configs = [resolve(new_config("dropout", change)) for change in changes]
    together = jax.jit(jax.vmap(noise, in_axes=(0, None)))(stacked(configs), 7)
    for lane, config in enumerate(configs):
        alone = jax.jit(noise)(as_arrays(hparams_of(config)), 7)
        np.testing.assert_array_equal(together[lane], alone)


@pytest.mark.parametrize(
    ("lanes", "data", "width"), [(1, 1, 1), (3, 1, 8), (9, 1, 16), (3, 4, 4), (4, 4, 4), (3, 8, 3)]
)
def test_no_device_is_left_without_a_lane(monkeypatch, lanes, data, width):
    monkeypatch.setattr(jax, "local_device_count", lambda: 8)
    assert evenly(lanes, data) == width


def test_no_lane_is_an_error(new_program, new_config):
    with pytest.raises(InputError, match="lanes is 0; allowed: a whole number from 1"):
        VmappedProgram(new_program(new_config())[1], 0)


@pytest.mark.parametrize(
    ("trials", "message"),
    [
        ([{}, {}, {}], r"3 trials; allowed: 1 to 2, the lanes"),
        ([], r"0 trials; allowed: 1 to 2"),
        ([{}, {"train.batch_size": 4}], r"differ in more than dynamic numbers; allowed: one"),
        ([{"data.folds": 2, "data.fold": k} for k in (0, 1)], r"have several folds"),
    ],
)
def test_trials_have_to_fit_the_program(new_config, vmapped_of, tiny_dataset, trials, message):
    configs = [resolve(new_config("dropout", changes)) for changes in trials]
    program = vmapped_of(resolve(new_config("dropout")), 2)
    with pytest.raises(ValueError, match=message):
        Trainer(program, configs, tiny_dataset)
