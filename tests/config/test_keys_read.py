"""Trials are told apart by what is read, and by nothing else."""

import pytest

from dropout_lab.config import default_config, resolve, trial_id


def config_of(changes):
    config = default_config()
    config.update_from_flattened_dict(changes)
    return config


NO_DENSE = {"model.widths": ()}
CLEARED = [
    ({"dropout.rate": 0.9, "dropout.input_rate": 0.9}, {}),
    ({"dropout.per_example": False}, {}),
    ({"model.stages": (7,), "model.kernel_size": 5}, {}),
    ({"schedule.decay_rate": 0.5, "schedule.boundaries": (3,)}, {}),
    ({"schedule.boundaries": (3,)}, {"schedule.name": "exponential"}),
    ({"optimizer.nesterov": True, "optimizer.dampening": True}, {"optimizer.name": "adam"}),
    (
        {"optimizer.momentum_start": 0.5, "optimizer.momentum_epochs": 9.0},
        {"optimizer.name": "rmsprop"},
    ),
    ({"optimizer.rms_decay": 0.5}, {"optimizer.name": "adam"}),
    ({"schedule.start": 3.0, "schedule.gamma": 0.1, "schedule.power": 0.5}, {}),
    (
        {"schedule.decay_rate": 0.5},
        {"schedule.name": "step", "schedule.boundaries": (3,), "schedule.factors": (1.0, 0.1)},
    ),
    ({"train.epochs": 99}, {"train.updates": 100}),
    ({"eval.passes": 9, "eval.samples": 9}, {}),
    ({"dropout.rate": 0.9}, {"variant": "dropout", "model.widths": ()}),
    ({"dropout.penalty_weight": 3.0, "dropout.penalty_warmup": (1, 2)}, {"variant": "dropout"}),
    ({"rate_schedule.name": "linear", "rate_schedule.epochs": 3.0}, {}),
    ({"rate_schedule.gamma": 0.5, "rate_schedule.factors": (1.0,)}, {"variant": "dropout"}),
    ({"loss.weight": 3.0, "loss.samples": 3}, {}),
    ({"loss.l1": 0.0, "loss.l1_start": 3.0, "loss.sparsity_target": 0.5}, {}),
    ({"model.depth": 10, "model.widening": 2, "model.pieces": 3}, {}),
    ({"model.widths": (9,), "model.activation": "tanh"}, {"model.name": "resnet"}),
    ({"model.layers": 2, "model.heads": 8, "model.patch_size": 4}, {"model.name": "rnn"}),
    ({"model.sequence": "pixels"}, {"model.name": "transformer", "model.patch_size": 2}),
    ({"dropout.columns": True, "dropout.attention_rate": 0.4}, {"variant": "dropout"}),
    ({"dropout.prune_in_training": True}, {"variant": "variational_weights"}),
    ({"eval.recalibrate": True}, {}),
    ({"model.noise_before_pool": True}, {"variant": "dropout"}),
    ({"model.noise_before_norm": True}, {"model.name": "cnn", "variant": "dropout"}),
    ({"model.padding": "valid", "model.stage_activation": "tanh"}, {}),
    ({"model.stage_activation": "relu"}, {"model.name": "cnn"}),
    ({"model.noise_before_pool": True}, {"model.name": "cnn", "variant": "drop_connect"}),
    ({"model.activation": "maxout", "model.pieces": 3}, {"model.widths": ()}),
    ({"model.batch_norm": True, "eval.recalibrate": True}, {"model.name": "rnn", **NO_DENSE}),
    (
        {"model.kernel_size": 5, "model.padding": "valid", "model.stage_activation": "maxout"},
        {"model.name": "cnn", "model.stages": ()},
    ),
    (
        {"model.activation": "relu", "model.stage_activation": "tanh"},
        {"model.name": "cnn", "model.activation": "tanh", **NO_DENSE},
    ),
    (
        {"dropout.cell_rate": 0.5, "dropout.share_mask": True},
        {"variant": "zoneout", "model.name": "rnn", "model.cell": "gru"},
    ),
    ({"rate_schedule.name": "linear"}, {"variant": "concrete_dropout"}),
    ({"rate_schedule.name": "linear"}, {"variant": "variational_dropout"}),
    ({"rate_schedule.name": "linear"}, {"variant": "variational_weights"}),
    ({"data.val_size": 100}, {"data.folds": 3, "data.fold": 0}),
    ({"data.arrays": "x,y", "data.label": "y"}, {}),
    ({"data.label": "y"}, {"data.name": "npz", "data.path": "own.npz"}),
    ({"data.arrays": "x,y"}, {"data.name": "table", "data.path": "own.csv"}),
]


@pytest.mark.parametrize(("ignored", "changes"), CLEARED, ids=lambda value: str(list(value)))
def test_what_is_not_read_tells_no_trials_apart(ignored, changes):
    one = resolve(config_of(changes))
    other = resolve(config_of({**changes, **ignored}))
    assert trial_id(one) == trial_id(other)
    assert one == other == resolve(other)


@pytest.mark.parametrize(
    ("read", "changes"),
    [
        ({"dropout.rate": 0.9}, {"variant": "dropout"}),
        ({"dropout.per_example": False}, {"variant": "drop_connect"}),
        ({"model.kernel_size": 5}, {"model.name": "cnn"}),
        ({"schedule.decay_rate": 0.5}, {"schedule.name": "exponential"}),
        ({"schedule.boundaries": (3,)}, {"schedule.name": "step", "schedule.boundaries": (2,)}),
        ({"optimizer.nesterov": True}, {}),
        ({"optimizer.rms_decay": 0.5}, {"optimizer.name": "rmsprop"}),
        ({"optimizer.clip_norm": 1.0}, {}),
        ({"schedule.start": 3.0}, {"schedule.name": "linear"}),
        ({"schedule.power": 0.5}, {"schedule.name": "inverse"}),
        ({"train.init_std": 0.1}, {}),
        ({"eval.passes": 9}, {"variant": "dropout", "eval.inference": "mc"}),
        ({"dropout.penalty_weight": 0.5}, {"variant": "variational_dropout"}),
        ({"dropout.penalty_warmup": (1, 2)}, {"variant": "variational_dropout"}),
        ({"dropout.prune_in_training": True}, {"variant": "sparse_variational_dropout"}),
        ({"rate_schedule.name": "linear"}, {"variant": "dropout"}),
        ({"rate_schedule.gamma": 0.5}, {"variant": "dropout", "rate_schedule.name": "curriculum"}),
        ({"loss.name": "r_drop"}, {"variant": "dropout"}),
        ({"loss.weight": 3.0}, {"variant": "dropout", "loss.name": "r_drop"}),
        ({"loss.samples": 3}, {"variant": "dropout", "loss.name": "multi_sample"}),
        ({"loss.l1_start": 3.0}, {"loss.l1": 1e-5}),
        ({"loss.sparsity_target": 0.5}, {"loss.sparsity": 1e-3}),
        ({"model.pieces": 3}, {"model.activation": "maxout"}),
        ({"model.pieces": 3}, {"model.name": "cnn", "model.stage_activation": "maxout"}),
        ({"model.depth": 10}, {"model.name": "resnet"}),
        ({"model.noise_before_pool": True}, {"model.name": "cnn", "variant": "drop_block"}),
        ({"model.noise_before_norm": True}, {"model.name": "resnet", "variant": "dropout"}),
        ({"model.padding": "valid"}, {"model.name": "cnn", "model.stages": (4,)}),
        ({"model.stage_activation": "identity"}, {"model.name": "cnn"}),
        ({"eval.recalibrate": True}, {"model.batch_norm": True}),
        ({"train.refit": True}, {}),
        ({"data.train_size": 100}, {}),
        ({"data.arrays": "x,y"}, {"data.name": "npz", "data.path": "own.npz"}),
        ({"data.label": "y"}, {"data.name": "table", "data.path": "own.csv"}),
        ({"data.val_size": 99}, {"data.folds": 3, "data.fold": 0, "data.train_size": 100}),
        ({"seed": 1}, {}),
    ],
    ids=lambda value: str(list(value)),
)
def test_what_is_read_tells_trials_apart(read, changes):
    one, other = resolve(config_of(changes)), resolve(config_of(changes | read))
    assert trial_id(one) != trial_id(other)
    assert resolve(other) == other


@pytest.mark.parametrize(("one", "other"), [(2, 2.0), (1, 1.0)])
def test_whole_and_broken_numbers_of_one_value_are_one(one, other):
    for key in ("optimizer.max_norm", "optimizer.lr", "optimizer.weight_decay"):
        ids = {trial_id(resolve(config_of({key: value}))) for value in (one, other)}
        assert len(ids) == 1, key


@pytest.mark.parametrize(
    "changes",
    [
        {"schedule.name": "step", "schedule.boundaries": (3,), "schedule.factors": (1, 0)},
        {
            "variant": "dropout",
            "rate_schedule.name": "step",
            "rate_schedule.boundaries": (3,),
            "rate_schedule.factors": (0, 1),
        },
    ],
)
def test_whole_and_broken_numbers_of_a_tuple_are_one(changes):
    broken = {
        key: tuple(map(float, value)) if "factors" in key or "rate" in key else value
        for key, value in changes.items()
        if isinstance(value, tuple)
    }
    assert trial_id(resolve(config_of(changes))) == trial_id(resolve(config_of(changes | broken)))
