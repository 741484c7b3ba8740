import math

import pytest

from dropout_lab.config import KEYS, check, default_config, flatten
from dropout_lab.errors import InputError

NAN, INF = math.nan, math.inf

# For every key: values that are not allowed.
BAD = {
    "seed": [-1, 2**32, 0.0, True, None, "0"],
    "variant": ["dropuot", "", None, 1],
    "dropout.rate": [-0.1, 1.5, NAN, INF, True, "0.5", (0.5,)],
    "dropout.input_rate": [-1e-9, 1.0001, NAN, "none"],
    "dropout.stage_rates": [1.5, NAN, (0.1, 1.5), (0.1, None), [NAN], "0.1"],
    "dropout.branch_rate": [-0.1, 1.5, NAN],
    "dropout.state_rate": [-0.1, 1.5, NAN],
    "dropout.cell_rate": [-0.1, 1.5, NAN],
    "dropout.embedding_rate": [-0.1, 1.5, NAN],
    "dropout.patch_rate": [-0.1, 1.5, NAN],
    "dropout.attention_rate": [-0.1, 1.5, NAN],
    "dropout.projection_rate": [-0.1, 1.5, NAN],
    "dropout.patch_share": [-0.1, 1.1, NAN, None],
    "dropout.unit_share": [-0.1, 1.1, NAN, "0.5"],
    "dropout.input_share": [-0.1, 1.1, NAN, "0.5"],
    "dropout.columns": [0, None],
    "dropout.normalised": [0, None],
    "dropout.per_example": [0, 1, None, "True"],
    "dropout.per_channel": [0, None],
    "dropout.per_step": [0, None],
    "dropout.share_mask": [0, None],
    "dropout.per": ["layers", None],
    "dropout.block_size": [0, 2.5, None],
    "dropout.masks": [0, 1001, 2.5, None],
    "dropout.scale": [0.9, 101, NAN, None],
    "dropout.strength": [-1, NAN, INF],
    "dropout.share": [-0.1, 1.1, NAN, None],
    "dropout.target": ["wieght", None],
    "dropout.prune_in_training": [0, None],
    "dropout.max_alpha": [0, 1.1, NAN, None],
    "dropout.length_scale": [-1, NAN, None],
    "dropout.penalty_weight": [-1, NAN, INF],
    "dropout.penalty_warmup": [3, (-1, 2), (NAN, 2)],
    "rate_schedule.name": ["linaer", None],
    "rate_schedule.epochs": [0, -1, NAN, INF],
    "rate_schedule.gamma": [0, -1, NAN],
    "rate_schedule.boundaries": [3, (0,), None],
    "rate_schedule.factors": [1.0, (1.5,), None],
    "model.name": ["mpl", None],
    "model.stages": [(0,), (1.5,), 32, None, "32", (True,)],
    "model.kernel_size": [0, 2.5, None],
    "model.widths": [(0,), (-1, 4), 800, None],
    "model.depth": [9, 16.0, None],
    "model.widening": [0, 1.5, None],
    "model.cell": ["lsmt", None],
    "model.units": [0, 1.5, None],
    "model.layers": [0, 1.5, None],
    "model.width": [0, 1.5, None],
    "model.heads": [0, 1.5, None],
    "model.ff_width": [0, 1.5, None],
    "model.pooling": ["max", None],
    "model.positions": ["rotary", None],
    "model.patch_size": [0, 1.5],
    "model.sequence": ["row", None],
    "model.permutation": [-1, 0.5],
    "model.embedding": [0, 1.5],
    "model.head": ["tokens", None],
    "model.activation": ["relo", None],
    "model.pieces": [1, 2.0, None],
    "model.batch_norm": [1, None],
    "model.padding": ["smae", None],
    "model.stage_activation": ["relo", 1],
    "model.noise_before_norm": [1, "yes"],
    "model.noise_before_pool": [1, "yes"],
    "data.name": ["minst", None, ("mnist",)],
    "data.dir": [1, ()],
    "data.path": [0],
    "data.arrays": [("x", "y"), 1],
    "data.label": [0, ("y",)],
    "data.vocabulary": [1, 2.5],
    "data.tokens": ["word", None],
    "data.window": [0, 1.5],
    "data.train_size": [0, -5, 10.0],
    "data.val_size": [-1, 0.1],
    "data.scaling": ["units", None],
    "data.folds": [1, 2.5, "3"],
    "data.fold": [-1, 0.5, "0"],
    "data.augment": ["flip", None],
    "data.mixup": [-0.1, NAN, INF],
    "data.cutmix": [-0.1, NAN, INF],
    "data.label_noise": [-0.1, 1.1, NAN],
    "train.batch_size": [0, 1.0, None],
    "train.epochs": [0, 2.5, None],
    "train.updates": [0, 1.5],
    "train.init_std": [0, -1, NAN, INF],
    "train.label_smoothing": [-0.1, 1.1, NAN, None],
    "train.ema": [-0.1, 1.1, NAN],
    "train.select": ["best", None],
    "train.refit": [0, None],
    "train.patience": [0, 2.5, "3"],
    "train.stop": [0, 2.5, "3"],
    "loss.name": ["rdrop", None],
    "loss.weight": [-1, NAN, INF, None],
    "loss.samples": [1, 2.5, None],
    "loss.l1": [-1, NAN, INF],
    "loss.l1_start": [-1, NAN, None],
    "loss.sparsity": [-1, NAN],
    "loss.sparsity_target": [0, -1, NAN, None],
    "optimizer.name": ["sdg", None],
    "optimizer.lr": [0, -0.1, NAN, INF, None, "0.1"],
    "optimizer.momentum": [-0.1, 1.1, NAN],
    "optimizer.momentum_start": [-0.1, 1.1, NAN],
    "optimizer.momentum_epochs": [0, -1, NAN],
    "optimizer.nesterov": [1],
    "optimizer.dampening": [1],
    "optimizer.rms_decay": [-0.1, 1.1, None],
    "optimizer.clip_norm": [0, -1, NAN],
    "optimizer.weight_decay": [-1e-4, NAN, INF, None],
    "optimizer.max_norm": [0, -2.0, NAN, INF],
    "optimizer.bias_lr_factor": [-1, NAN, None],
    "schedule.name": ["cosin", None],
    "schedule.warmup": [-1, NAN, INF],
    "schedule.decay_rate": [0, 1.1, NAN, None],
    "schedule.boundaries": [(0,), 3, (1.5,), None],
    "schedule.factors": [(-1,), 3, None],
    "schedule.start": [-1, NAN, None],
    "schedule.gamma": [-1, NAN, None],
    "schedule.power": [-1, NAN, None],
    "eval.inference": ["mcc", 1],
    "eval.passes": [0, 1.5, None],
    "eval.samples": [0, None],
    "eval.recalibrate": [0, None],
    "compute.dtype": ["float16", None],
    "compute.precision": ["higher", None],
    "mesh.data": [0, 1.5, None],
    "eval.test": [0, None],
    "eval.shift": ["rotation:1", ("rotation",), ("noise:6",), ("rotatoin:1",), None],
    "eval.ood": ["noise", ("mnits",), (1,), None],
    "run.checkpoint_seconds": [-1, NAN, INF, None],
    "run.save_model": [1, "yes"],
}
GOOD = {
    "seed": [0, 2**32 - 1],
    "dropout.rate": [0, 1, 0.5, None],
    "dropout.stage_rates": [None, 0, 1.0, (), (0.1, 1), [0.1]],
    "model.widths": [(), (1,), [8, 8]],
    "data.val_size": [0, 7, None],
    "data.train_size": [1, None],
    "optimizer.lr": [1e-9, 1e30, 1],
    "optimizer.momentum": [0, 1],
    "optimizer.max_norm": [None, 1e-3],
    "schedule.decay_rate": [1e-3, 1],
    "run.checkpoint_seconds": [0, 3600],
}


def pairs(table):
    return [(key, value) for key, values in table.items() for value in values]


def test_a_whole_number_too_large_for_a_float_is_told():
    with pytest.raises(InputError, match=r"lr is 10*\.{3}; allowed: a number above 0, within 32"):
        KEYS["optimizer.lr"].check(10**400)


def test_every_rule_has_bad_values():
    assert BAD.keys() == KEYS.keys()


@pytest.mark.parametrize(("key", "value"), pairs(BAD), ids=repr)
def test_a_bad_value_is_told_with_its_key_and_what_is_allowed(key, value):
    with pytest.raises(InputError) as error:
        KEYS[key].check(value)
    message = str(error.value)
    assert "\n" not in message
    if KEYS[key].values.names and isinstance(value, str):
        assert message.startswith(f"unknown {key} {value!r}")
        assert f"Allowed: {', '.join(sorted(KEYS[key].values.names))}." in message
    else:
        assert message == f"config.{key} is {value!r}; allowed: {KEYS[key].values.words}"


@pytest.mark.parametrize(("key", "value"), pairs(GOOD), ids=repr)
def test_an_allowed_value_passes(key, value):
    KEYS[key].check(value)


@pytest.mark.parametrize(
    ("key", "name", "nearest"),
    [
        ("variant", "dropuot", "dropout"),
        ("data.name", "minst", "mnist"),
        ("optimizer.name", "adm", "adam"),
    ],
)
def test_the_nearest_name_is_suggested(key, name, nearest):
    with pytest.raises(InputError, match=f"did you mean '{nearest}'"):
        KEYS[key].check(name)


@pytest.mark.parametrize(
    ("key", "allowed"),
    [
        ("seed", "a whole number from 0 to 2**32 - 1"),
        ("dropout.rate", "a number from 0 to 1, or None"),
        (
            "dropout.stage_rates",
            "a number from 0 to 1, or a tuple, each a number from 0 to 1, or None",
        ),
        ("optimizer.lr", "a number above 0"),
        ("schedule.decay_rate", "a number above 0 to 1"),
        ("train.select", "last | best_val"),
        ("model.widths", "a tuple, each a whole number from 1"),
    ],
)
def test_what_is_allowed_is_told_in_words(key, allowed):
    assert KEYS[key].values.words == allowed


def test_a_whole_configuration_is_checked():
    config = default_config()
    check(flatten(config.to_dict()))
    config.optimizer.momentum = 2.0
    with pytest.raises(InputError, match=r"config\.optimizer\.momentum is 2\.0; allowed"):
        check(flatten(config.to_dict()))


def test_an_unknown_key_is_told_with_the_nearest():
    config = default_config().unlock()
    config.optimizer.momentun = 0.5
    with pytest.raises(InputError, match=r"key 'optimizer\.momentun'; did you mean '.*\.momentum'"):
        check(flatten(config.to_dict()))


def test_a_missing_key_is_told():
    config = default_config().unlock()
    del config.optimizer.momentum
    with pytest.raises(InputError, match=r"config\.optimizer\.momentum is missing; start from"):
        check(flatten(config.to_dict()))
