"""The page on searches that stop early is that of the measurement."""

import json

import pytest

from dropout_lab.sweeps import product
from scripts import search_cost

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=search_cost.PROBLEMS)
def problem(request):
    return request.param


@pytest.fixture(scope="module")
def measured(problem):
    return json.loads((search_cost.RESULTS / f"{problem}.json").read_text())


@pytest.fixture(scope="module")
def found(measured):
    return search_cost.compare(measured)


def test_the_table_is_computed_from_what_was_measured(problem, found):
    text = (search_cost.RESULTS / "README.md").read_text()
    assert search_cost.page(text, problem, found) == text


def test_what_was_measured_is_the_problem_that_is_described(problem, measured):
    grid = list(product(search_cost.PROBLEMS[problem].space))
    assert measured["settings"] == grid


def test_random_search_of_everything_is_the_grid(measured):
    repetition = search_cost.Repetition(measured, 0)
    assert repetition.random(27) == pytest.approx(repetition.grid())
    assert repetition.random(1).val_error > repetition.random(26).val_error


def test_halving_spends_what_its_rungs_add_up_to(found):
    """27, 9, 3 and 1 settings for 1, 2, 6 and 18 more epochs."""
    spent = (27 + 9 * 2 + 3 * 6 + 18) / 27**2
    assert [one.share for one in found["halving"]] == pytest.approx([spent] * 10)


def test_halving_from_three_epochs_finds_the_best_for_a_third_of_the_updates(found):
    late = found["halving, from 3 epochs"]
    assert max(one.share for one in late) < 1 / 3
    assert [one.near for one in late] == [1] * 10
