"""Combinations and random draws of overrides."""

import itertools

import pytest

from dropout_lab.errors import InputError
from dropout_lab.sweeps.draws import (
    SEQUENCES,
    choice,
    draw_of,
    integers,
    log_uniform,
    sampled,
    uniform,
)
from dropout_lab.sweeps.grid import chain, product, read_sweep, zipped
from dropout_lab.sweeps.trials import make_trials

DRAWS = {
    "optimizer.lr": log_uniform(1e-3, 1.0),
    "dropout.rate": uniform(0.1, 0.9),
    "seed": integers(3, 5),
    "variant": choice(["none", "dropout"]),
}


@pytest.mark.parametrize("combine", [product, zipped])
@pytest.mark.parametrize("value", ["none", 3, None])
def test_a_value_without_a_list_is_an_error(combine, value):
    with pytest.raises(InputError, match=rf"variant is varied over {value!r}; allowed: a list"):
        list(combine({"variant": value}))


def test_zipped_goes_through_all_keys_together():
    assert list(zipped({"seed": [0, 1], "dropout.rate": [0.1, 0.2]})) == [
        {"seed": 0, "dropout.rate": 0.1},
        {"seed": 1, "dropout.rate": 0.2},
    ]


def test_zipped_refuses_unequal_lengths():
    with pytest.raises(InputError, match=r"2 of seed, 1 of variant; allowed: the same number"):
        list(zipped({"seed": [0, 1], "variant": ["none"]}))


def test_chain_goes_through_one_sweep_after_another():
    sweeps = (product({"seed": [0, 1]}), [{"variant": "none"}])
    assert list(chain(*sweeps)) == [{"seed": 0}, {"seed": 1}, {"variant": "none"}]


def test_a_product_takes_generators():
    sweep = list(product(({"seed": seed} for seed in (0, 1)), {"variant": ["none", "dropout"]}))
    assert sweep[1] == {"seed": 0, "variant": "dropout"}
    assert len(sweep) == 4


def test_a_product_refuses_a_key_twice():
    with pytest.raises(InputError, match="seed is varied by two factors"):
        list(product({"seed": [0]}, [{"seed": 1}]))


def test_draws_follow_their_distributions():
    draws = list(sampled(DRAWS, count=400, seed=1))
    rates = [draw["dropout.rate"] for draw in draws]
    assert min(rates) >= 0.1
    assert max(rates) <= 0.9
    # The mean of 400 uniform draws has a standard deviation of 0.8 / sqrt(12 * 400).
    assert abs(sum(rates) / 400 - 0.5) < 4 * 0.8 / (12 * 400) ** 0.5
    assert {draw["seed"] for draw in draws} == {3, 4, 5}
    assert {draw["variant"] for draw in draws} == {"none", "dropout"}
    small = sum(draw["optimizer.lr"] < 10**-1.5 for draw in draws)
    assert abs(small - 200) < 4 * 10  # binomial: standard deviation 10


def test_draws_depend_on_the_seed():
    assert list(sampled(DRAWS, count=3)) == list(sampled(DRAWS, count=3))
    assert list(sampled(DRAWS, count=3)) != list(sampled(DRAWS, count=3, seed=1))


def test_more_draws_and_more_keys_do_not_change_the_first_draws():
    few = list(sampled({"dropout.rate": uniform(0.1, 0.9)}, count=3))
    many = itertools.islice(sampled(DRAWS, count=9), 3)
    assert [{"dropout.rate": draw["dropout.rate"]} for draw in many] == few


def test_keys_are_drawn_independently():
    draws = {"dropout.rate": uniform(0, 1), "dropout.input_rate": uniform(0, 1)}
    [draw] = sampled(draws, count=1)
    assert draw["dropout.rate"] != draw["dropout.input_rate"]


def test_log_uniform_refuses_zero():
    with pytest.raises(InputError, match=r"log_uniform from 0 to 1; allowed: 0 < low <= high"):
        log_uniform(0, 1)


def test_a_file_gives_its_sweep(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("def get_sweep():\n    yield {'seed': 1}\n    yield {'seed': 2}\n")
    assert read_sweep(path) == [{"seed": 1}, {"seed": 2}]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, r"no such file; allowed: a Python file with get_sweep\(\)"),
        ("x = 1\n", r"has no get_sweep\(\)"),
        ("def get_sweep():\n    pass\n", r"get_sweep\(\) returns None; allowed: values by"),
        ("def get_sweep():\n    return ['seed']\n", r"yields 'seed'; allowed: values by"),
        (
            "def get_sweep():\n    yield 1 / 0\n",
            r"mine\.py: ZeroDivisionError: .* \(.*mine\.py, line 2\)$",
        ),
        ("def get_sweep(\n", r"--sweep=.*mine\.py: '\(' was never closed"),
    ],
)
def test_a_file_without_a_sweep_is_an_error(tmp_path, text, message):
    path = tmp_path / "mine.py"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_sweep(path)


@pytest.mark.parametrize(("key", "values"), [("mesh.data", [1, 2]), ("data.dir", ["a", "b"])])
def test_one_trial_with_two_ways_to_run_it_is_an_error(config, key, values):
    config.train.batch_size = 128
    with pytest.raises(InputError, match=rf"config\.{key} is .* and .* in trials that share a pr"):
        make_trials(config, product({key: values}))
    assert len(make_trials(config, product({key: values[:1]}, {"seed": [0, 0]}))) == 1


def test_an_unknown_key_in_a_sweep_is_an_error(config):
    with pytest.raises(InputError, match=r"'dropout\.rat'; did you mean 'dropout\.rate'"):
        make_trials(config, [{"dropout.rat": 0.5}])


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("import sys; sys.exit()", r"SystemExit: +\(.*mine\.py, line 2\)"),
        ("import itertools; return ({'seed': n} for n in itertools.count())", "more than 100000"),
        ("return [{'seed': 0}, [0] * 9999]", r"yields \[0, 0, .*\.\.\.; allowed"),
    ],
)
def test_a_sweep_file_that_ends_python_or_never_ends_is_an_error(tmp_path, body, message):
    path = tmp_path / "mine.py"
    path.write_text(f"def get_sweep():\n    {body}\n")
    with pytest.raises(InputError, match=message):
        read_sweep(path)


def test_a_sobol_sequence_covers_every_part_of_all_keys_once():
    draws = {"dropout.rate": uniform(0, 1), "dropout.input_rate": uniform(0, 1)}
    points = list(sampled(draws, 16, seed=3, sequence="sobol"))
    cells = {(int(4 * p["dropout.rate"]), int(4 * p["dropout.input_rate"])) for p in points}
    assert len(cells) == 16
    assert points[:5] == list(sampled(draws, 5, seed=3, sequence="sobol"))
    assert points != list(sampled(draws, 16, seed=4, sequence="sobol"))


@pytest.mark.parametrize("sequence", SEQUENCES)
def test_one_draw_is_the_first_of_many(sequence):
    [one] = sampled(DRAWS, 1, sequence=sequence)
    assert one == next(sampled(DRAWS, 50, sequence=sequence))


@pytest.mark.parametrize("share", [0.0, 0.49, 1 - 2**-53])
def test_the_ends_of_a_distribution_are_in_it(share):
    assert integers(3, 5)(share) in {3, 4, 5}
    assert choice("ab")(share) == ("a" if share < 0.5 else "b")
    assert 0.1 <= log_uniform(0.1, 10)(share) <= 10


def test_texts_describe_distributions():
    assert draw_of("dropout.rate", ["uniform(0.2,0.6)"])(0.5) == 0.4
    assert draw_of("optimizer.lr", ["log_uniform(1e-3, 10)"])(0.25) == 0.01
    assert draw_of("model.units", ["integers(8,16)"])(0.5) == 12
    assert draw_of("variant", ["none", "dropout"])(0.9) == "dropout"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("uniform(1)", r"rate=uniform\(1\); allowed: uniform\(LOW,HIGH\), numbers"),
        ("integers(1,2.5)", r"allowed: integers\(LOW,HIGH\), whole numbers"),
        ("uniform(a,b)", r"rate=uniform\(a,b\); allowed"),
        ("uniform(3,2)", r"uniform from 3 to 2; allowed: low <= high"),
        ("log_uniform(0,2)", r"allowed: 0 < low <= high"),
    ],
)
def test_a_distribution_without_two_limits_is_an_error(text, message):
    with pytest.raises(InputError, match=message):
        draw_of("dropout.rate", [text])


def test_an_unknown_sequence_is_an_error():
    with pytest.raises(InputError, match="unknown draws 'sobl'; did you mean 'sobol'"):
        next(sampled(DRAWS, 1, sequence="sobl"))
