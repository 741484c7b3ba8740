"""The page on searches that stop early is that of the measurement."""

import json

import pytest

from scripts import search_cost

MEASURED = search_cost.RESULTS / "measured.json"


@pytest.fixture(scope="module")
def found():
    return search_cost.compare(json.loads(MEASURED.read_text()))


def test_the_table_is_computed_from_what_was_measured(found):
    text = (search_cost.RESULTS / "README.md").read_text()
    assert search_cost.page(text, found) == text


def test_random_search_of_everything_is_the_grid(found):
    repetition = search_cost.Repetition(json.loads(MEASURED.read_text()), 0)
    assert repetition.random(27) == pytest.approx(repetition.grid())
    assert repetition.random(1).val_error > repetition.random(26).val_error


def test_halving_spends_what_its_rungs_add_up_to(found):
    """27, 9, 3 and 1 settings for 1, 2, 6 and 18 more epochs."""
    spent = (27 + 9 * 2 + 3 * 6 + 18) / 27**2
    assert [one.share for one in found["halving"]] == pytest.approx([spent] * 10)
