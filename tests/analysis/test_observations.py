import pytest

from dropout_lab.analysis.observations import Observation, join, leaves, natural, select
from dropout_lab.errors import InputError


@pytest.fixture
def trials(new_sweep):
    sweep = new_sweep().add("none", 0.0, [1.0]).add("dropout", 0.1, [1.0]).add("dropout", 0.5, [1])
    return join(sweep.records, sweep.planned)


def test_join_keeps_the_plans_order_whatever_the_records_order(small_sweep):
    assert list(small_sweep.planned) == sorted(small_sweep.planned)
    plan = dict(reversed(small_sweep.planned.items()))
    trials = join(small_sweep.records[::-1], plan)
    assert [t.config for t in trials] == [leaves(config) for config in plan.values()]
    assert join(small_sweep.records, plan) == trials
    assert sum(t.record is not None for t in trials) == len(small_sweep.records)


def test_join_keeps_recorded_trials_outside_the_plan(small_sweep):
    trials = join(small_sweep.records[::-1], {})
    assert [t.record for t in trials] == small_sweep.records


def test_join_takes_the_plans_config_for_a_record_older_than_a_key(new_sweep):
    sweep = new_sweep().add(test=[1.0])
    plan = {"0000": {**sweep.planned["0000"], "added_later": 3}}
    assert join(sweep.records, plan)[0].config["added_later"] == 3


def test_floats_equal_to_six_digits_are_one_value():
    values = [leaves({"rate": rate})["rate"] for rate in (0.3, 0.1 + 0.2, 0.30000001192092896)]
    assert natural(values) == (0.3,)


def test_natural_order_is_numeric_then_by_appearance():
    assert natural([10, 9.5, 1e-3]) == (1e-3, 9.5, 10)
    assert natural([(0.1, 10), (0.1, 9)]) == ((0.1, 9), (0.1, 10))
    assert natural(["z", None, 2, "a", "z"]) == (2, "z", None, "a")


@pytest.mark.parametrize(
    ("where", "rates"),
    [
        ([], [0.0, 0.1, 0.5]),
        (["variant=dropout"], [0.1, 0.5]),
        (["variant=dropout", "dropout.rate=5e-1"], [0.5]),
        (["dropout.rate=0", "dropout.rate=0.5"], [0.0, 0.5]),
        (["dropout.stage_rates=(0.1, 0.05)"], [0.1]),
        (["dropout.stage_rates=[0.1,0.05]"], [0.1]),
        (["variant=none", "dropout.rate=0.5"], []),
    ],
)
def test_select_keeps_what_matches_every_key(trials, where, rates):
    assert [t.config["dropout.rate"] for t in select(trials, where)] == rates


def test_select_drops_trials_without_the_key():
    trials = [Observation({"a": 1}, None), Observation({}, None)]
    assert select(trials, ["a=1"]) == trials[:1]


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("variant", "filter 'variant' is not of the form key=value"),
        ("varient=none", "unknown filter key 'varient'; did you mean 'variant'?"),
        ("variant=dropuot", "unknown value of variant 'dropuot'; did you mean 'dropout'?"),
        ("dropout.rate=0.7", "unknown value of dropout.rate '0.7'.* Allowed: 0, 0.1, 0.5"),
    ],
)
def test_select_names_a_wrong_filter(trials, where, message):
    with pytest.raises(InputError, match=message):
        select(trials, [where])
