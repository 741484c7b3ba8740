"""The grammar of values on the command line, and configurations of any style."""

from typing import Any

import numpy as np
import pytest
from ml_collections import ConfigDict, FieldReference, FrozenConfigDict

from dropout_lab.config import default_config, from_tree, resolve, trial_id
from dropout_lab.config.texts import value_of, values_of
from dropout_lab.errors import InputError
from dropout_lab.sweeps.grid import parse, product, with_all_variants
from dropout_lab.sweeps.trials import make_trials


@pytest.mark.parametrize(
    ("key", "text", "values"),
    [
        ("seed", "0:10", list(range(10))),
        ("seed", "0:10:5,3", [0, 5, 3]),
        ("variant", "none, dropout", ["none", "dropout"]),
        ("variant", "none, mine.py:flip", ["none", "mine.py:flip"]),
        ("model.widths", "64,64", [(64, 64)]),
        ("model.widths", "64", [(64,)]),
        ("model.widths", "(64, 64), (32,)", [(64, 64), (32,)]),
        ("model.widths", "()", [()]),
        ("dropout.stage_rates", "0.1,(0.1, 0.2)", [0.1, (0.1, 0.2)]),
        ("dropout.rate", "None, .5", [None, 0.5]),
        ("data.path", "'a,b.npz',c.npz", ["a,b.npz", "c.npz"]),
        ("data.path", "C:1.npz", ["C:1.npz"]),
    ],
)
def test_a_text_gives_its_values(key, text, values):
    assert values_of(key, text) == values
    if len(values) == 1:
        assert value_of(key, text) == values[0]


@pytest.mark.parametrize(
    ("key", "text", "message"),
    [
        ("seed", "0:ten", r"seed=0:ten; allowed: FIRST:END or FIRST:END:STEP"),
        ("seed", "3:3", r"seed=3:3 is 0 values; allowed: 1 to 1000000"),
        ("seed", "0:9:0", r"seed=0:9:0; allowed"),
        ("seed", "0,1", r"--config.seed=0,1 gives 2 values; allowed: one"),
        ("dropout.stage_rates", "0.1,0.2", r"gives 2 values; allowed: one, such as \(0\.1, 0\.2\)"),
        ("seed", "", r"gives 0 values"),
    ],
)
def test_a_bad_text_is_an_error(key, text, message):
    with pytest.raises(InputError, match=message):
        value_of(key, text)


def test_all_variants_are_those_that_fit():
    config = default_config()
    config.model.name = "rnn"
    variants = with_all_variants(parse(["variant=all"]), config)["variant"]
    assert {"none", "dropout", "zoneout"} <= {*variants}
    assert not {"spatial_dropout", "stochastic_depth"} & {*variants}
    assert len(make_trials(config, product({"variant": variants}))) == len(variants)


def nested():
    return default_config().to_dict() | {"train": {"epochs": 3, "batch_size": 64}}


STYLES = {
    "nested": nested,
    "partial": lambda: {"train": {"epochs": 3, "batch_size": 64}},
    "ConfigDict": lambda: ConfigDict(nested()),
    "FrozenConfigDict": lambda: FrozenConfigDict(nested()),
    "NumPy": lambda: {"train": {"epochs": np.int64(3), "batch_size": np.array(64)}},
    "list": lambda: nested() | {"model": {"widths": [800, 800]}},
    "reference": lambda: {"train": {"epochs": FieldReference(3), "batch_size": 64}},
}


@pytest.mark.parametrize("style", STYLES)
def test_a_configuration_may_have_any_style(style):
    config = default_config()
    config.train.epochs, config.train.batch_size = 3, 64
    made = from_tree("get_config()", STYLES[style](), {})
    assert made.to_dict() == config.to_dict()
    assert made.is_locked
    assert trial_id(resolve(made)) == trial_id(resolve(config))


def test_references_hold_for_what_a_flag_changes():
    tree = ConfigDict({"train": {"epochs": 3}, "seed": 0})
    tree.seed = tree.train.get_oneway_ref("epochs")
    config = from_tree("get_config()", tree, {"train.epochs": 7, "optimizer.lr": 1})
    assert (config.seed, config.optimizer.lr) == (7, 1.0)


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        (None, r"get_config\(\) returns None; allowed: a ConfigDict"),
        ({"mine": {"x": 1}}, r"unknown configuration key 'mine\.x'"),
        ({"train": 3}, r"unknown configuration key 'train'; did you mean"),
        ({"seed": None}, r"config\.seed is None; allowed: a whole number"),
        ({"optimizer": {"lr": "0.1"}}, r"config\.optimizer\.lr is '0\.1'; allowed: a number above"),
    ],
)
def test_what_is_no_configuration_is_an_error(tree, message):
    with pytest.raises(InputError, match=message):
        from_tree("get_config()", tree, {})


def test_numbers_of_numpy_are_numbers():
    config = default_config()
    config.seed, config.train.refit = np.int64(3), np.bool_(True)
    config.optimizer.lr, config.model.widths = np.float32(0.3), np.array([4, 5])
    assert type(config.seed) is int
    assert type(config.train.refit) is bool
    same = default_config()
    same.seed, same.train.refit, same.optimizer.lr, same.model.widths = 3, True, 0.3, (4, 5)
    assert trial_id(resolve(config)) == trial_id(resolve(same))
    grid: Any = {"seed": np.arange(2), "optimizer.lr": np.array([0.1, 0.3], np.float32)}
    other: Any = {"seed": [0, 1], "optimizer.lr": [0.1, 0.3]}
    ids = [[trial.id for trial in make_trials(same, product(each))] for each in (grid, other)]
    assert ids[0] == ids[1]
