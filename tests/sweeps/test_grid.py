import itertools
from typing import Any

import hypothesis
import jax
import numpy as np
import pytest
from hypothesis import strategies as st

from dropout_lab.config import KEYS, default_config, hparams_of, resolve, trial_id
from dropout_lab.errors import InputError
from dropout_lab.sweeps.grid import parse, product
from dropout_lab.sweeps.trials import make_trials
from dropout_lab.training.program import as_arrays


@pytest.mark.parametrize(
    ("spec", "values"),
    [
        ("seed=0,1,2", [0, 1, 2]),
        ("seed=7", [7]),
        ("seed=0,1,", [0, 1]),
        ("dropout.rate=0,0.25,1e-1", [0, 0.25, 0.1]),
        ("dropout.rate=None,0.5", [None, 0.5]),
        ("variant=none,dropout", ["none", "dropout"]),
        ("variant='none','dropout'", ["none", "dropout"]),
        ("model.widths=(32,),(64,64)", [(32,), (64, 64)]),
        ("dropout.stage_rates=0.1,(0.1,0.2)", [0.1, (0.1, 0.2)]),
        ("train.refit=True,False", [True, False]),
        ("data.path=/data/a=b.npz", ["/data/a=b.npz"]),
    ],
)
def test_a_specification_gives_its_values(spec, values):
    grid = parse([spec])
    assert grid == {spec.partition("=")[0]: values}
    assert [type(value) for value in grid.popitem()[1]] == [type(value) for value in values]


def test_specifications_keep_their_order():
    assert list(parse(["seed=1", "variant=none", "dropout.rate=0"])) == [
        "seed",
        "variant",
        "dropout.rate",
    ]


@pytest.mark.parametrize(
    ("specs", "message"),
    [
        (["seed"], r"--vary=seed; allowed: --vary=KEY=VALUE,VALUE,\.\.\."),
        (["seed="], r"--vary=seed=; allowed"),
        (["seed=,"], r"--vary=seed=,; allowed"),
        ([""], r"--vary=; allowed"),
        (
            ["drop.rate=0.5"],
            r"unknown configuration key 'drop\.rate'; did you mean 'dropout\.rate'",
        ),
        (["dropout=0.5"], r"unknown configuration key 'dropout'"),
        (["seed=0", "seed=1"], r"--vary=seed=1: seed is varied twice; allowed: once, with all"),
    ],
)
def test_a_bad_specification_is_an_error(specs, message):
    with pytest.raises(InputError, match=message):
        parse(specs)


def test_the_last_key_varies_fastest():
    grid: dict[str, list[Any]] = {"variant": ["none", "dropout"], "seed": [0, 1]}
    assert list(product(grid)) == [
        {"variant": "none", "seed": 0},
        {"variant": "none", "seed": 1},
        {"variant": "dropout", "seed": 0},
        {"variant": "dropout", "seed": 1},
    ]


def test_nothing_varied_is_one_trial(config):
    [trial] = make_trials(config, product({}))
    assert trial.id == trial_id(resolve(config))
    assert trial.label() == ""


def test_trials_come_in_order_with_their_overrides(config):
    grid = parse(["seed=2,0", "dropout.rate=0.5,0.25"])
    config.variant = "dropout"
    trials = make_trials(config, product(grid))
    values = [(trial.config.seed, trial.config.dropout.rate) for trial in trials]
    assert values == [(2, 0.5), (2, 0.25), (0, 0.5), (0, 0.25)]
    assert [trial.overrides for trial in trials] == list(product(grid))
    assert trials[0].label() == "seed=2 dropout.rate=0.5"
    assert len({trial.id for trial in trials}) == 4


def test_overrides_that_resolve_to_the_same_are_one_trial(config):
    """Variant none has no rate: three rates are one trial."""
    grid = parse(["variant=none,dropout", "dropout.rate=0.25,0.5,0.75", "seed=0,1"])
    trials = make_trials(config, product(grid))
    assert [trial.config.variant for trial in trials] == ["none"] * 2 + ["dropout"] * 6
    assert trials[0].config.dropout.rate == 0


def test_an_override_of_the_default_is_the_default(config):
    config.variant = "dropout"
    [default] = make_trials(config, product({}))
    [explicit] = make_trials(config, product({"dropout.rate": [0.5], "dropout.input_rate": [0.2]}))
    assert default.id == explicit.id


def test_integers_and_equal_floats_are_one_trial(config):
    trials = make_trials(
        config, product({"optimizer.lr": [1, 1.0], "optimizer.max_norm": [2, 2.0]})
    )
    assert len(trials) == 1


def test_the_common_configuration_is_not_modified(config):
    before = config.to_dict()
    grid: dict[str, list[Any]] = {"seed": [5], "dropout.rate": [0.1]}
    make_trials(config, product(grid))
    assert config.to_dict() == before


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"dropout.rate": 1.5}, r"config\.dropout\.rate is 1\.5; allowed: a number from 0 to 1"),
        ({"dropout.rate": float("nan")}, r"config\.dropout\.rate is nan; allowed"),
        ({"dropout.rate": "half"}, r"config\.dropout\.rate is 'half'; allowed"),
        ({"variant": "dropuot"}, r"unknown variant 'dropuot'; did you mean 'dropout'\?"),
        ({"variant": 3}, r"config\.variant is 3; allowed: none | dropout"),
        ({"model.widths": 800}, r"config\.model\.widths is 800; allowed: a tuple, each a whole"),
        ({"seed": -1}, r"config\.seed is -1; allowed: a whole number from 0 to 2\*\*32 - 1"),
        ({"seed": 0.5}, r"config\.seed is 0\.5; allowed: a whole number"),
        ({"train.refit": 1}, r"config\.train\.refit is 1; allowed: True or False"),
        ({"variant": "spatial_dropout"}, r"variant 'spatial_dropout' needs a model with stage"),
    ],
)
def test_a_bad_value_is_an_error(config, values, message):
    with pytest.raises(InputError, match=message):
        make_trials(config, [{}, values])


@pytest.mark.slow
@hypothesis.settings(derandomize=True, deadline=None, max_examples=300, database=None)
@hypothesis.given(
    key=st.sampled_from(sorted(KEYS)),
    text=st.one_of(
        st.text(max_size=30),
        st.text("()[]{},:-+0123456789.eE'\"", max_size=30),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
            lambda inner: st.lists(inner) | st.tuples(inner) | st.dictionaries(st.text(), inner),
        ).map(repr),
    ),
)
@hypothesis.example(key="seed", text="{[]: 1}")
@hypothesis.example(key="seed", text="(" * 10_000)
@hypothesis.example(key="seed", text="-" * 10_000 + "1")
@hypothesis.example(key="seed", text="0x" + "f" * 10_000)
@hypothesis.example(key="optimizer.lr", text="9" * 10_000)
@hypothesis.example(key="train.epochs", text="1" + "0" * 27)
def test_whatever_is_varied_is_a_trial_or_one_line(key, text):
    message, trials = "", []
    try:
        trials = make_trials(default_config(), product(parse([f"{key}={text}"])))
    except InputError as error:
        message = str(error)
    assert len(message.splitlines()) <= 1
    assert len(message) < 2000 + len(text)
    for trial in trials:
        hparams = as_arrays(hparams_of(trial.config))
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(hparams))


def test_a_sweep_without_an_end_is_an_error(config):
    with pytest.raises(InputError, match="a sweep of more than 100000 trials"):
        list(product({"seed": seed} for seed in itertools.count()))
    with pytest.raises(InputError, match="a sweep of more than 100000 trials"):
        list(product(*({key: range(1000)} for key in ("seed", "train.epochs"))))


@pytest.mark.parametrize(
    ("key", "one", "other"),
    [
        ("dropout.penalty_warmup", (1, 2), (1.0, 2.0)),
        ("dropout.penalty_warmup", (1, 2), [1, 2]),
        ("data.val_size", None, 300),
        ("rate_schedule.boundaries", (1,), (1.0,)),
        ("dropout.stage_rates", 0, 0.0),
    ],
)
def test_values_that_mean_the_same_are_one_trial(key, one, other):
    config = default_config()
    config.variant = "variational_dropout"
    assert len(make_trials(config, [{key: one}, {key: other}])) == 1


@pytest.mark.parametrize("value", [1e-46, 1e39, 10**40])
def test_a_number_that_the_program_cannot_hold_is_an_error(value):
    with pytest.raises(InputError, match=r"optimizer\.lr is .*; allowed: .*, within 32 bits"):
        make_trials(default_config(), [{"optimizer.lr": value}])
