import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dropout_lab.analysis.summary import describe, summarise
from dropout_lab.errors import InputError

ERRORS = st.one_of(st.none(), st.just(math.nan), st.floats(0, 100))


@given(
    outcomes=st.dictionaries(
        st.tuples(st.sampled_from(["none", "dropout", "shake"]), st.sampled_from([0.0, 0.1, 0.5])),
        st.lists(ERRORS, min_size=1, max_size=5),
    ),
    shuffle=st.randoms(use_true_random=False),
)
def test_statistics_are_numpys_and_ignore_the_order_of_records(new_sweep, outcomes, shuffle):
    sweep = new_sweep().add("anchor", 0.0, [1.0])
    for (variant, rate), errors in outcomes.items():
        sweep.add(variant, rate, errors)
    summary = summarise(sweep.records, sweep.planned, cols="dropout.rate")
    assert summary.cells.keys() == outcomes.keys() | {("anchor", 0.0)}
    for at, errors in outcomes.items():
        cell = summary.cells[at]
        finished = [e for e in errors if e is not None and not math.isnan(e)]
        assert cell.n == len(finished)
        assert cell.missing == errors.count(None)
        assert cell.planned == len(errors)
        assert cell.mean == (np.mean(finished) if finished else None)
        assert cell.std == (np.std(finished, ddof=1) if len(finished) > 1 else None)
    shuffled = list(sweep.records)
    shuffle.shuffle(shuffled)
    assert summarise(shuffled, sweep.planned, cols="dropout.rate") == summary


def test_best_is_the_lowest_validation_error_whatever_is_shown(small_sweep):
    for value in ("test_error", "test_nll", "wall_seconds"):
        summary = summarise(
            small_sweep.records, small_sweep.planned, value=value, cols="dropout.rate"
        )
        assert summary.best == {("dropout", 0.25)}
        lowest = min((c.mean, at) for at, c in summary.cells.items() if c.mean is not None)
        assert value == "wall_seconds" or lowest[1] == ("dropout", 0.5)


def test_ties_are_all_best_although_their_sums_round_differently(new_sweep):
    val = [0.1, 0.2, 0.3]
    assert np.sum(val) != np.sum(val[::-1])
    sweep = new_sweep().add("a", test=[1, 1, 1], val=val).add("b", test=[2, 2, 2], val=val[::-1])
    sweep.add("c", test=[0, 0, 0], val=[0.3, 0.3, 0.3])
    assert summarise(sweep.records, sweep.planned).best == {("a", None), ("b", None)}


def test_nothing_is_best_without_validation_errors(new_sweep):
    sweep = new_sweep().add(test=[1.0, 2.0, 3.0], val=[math.nan, 0.0, 0.0])
    sweep.records[1]["metrics"]["val_error"] = None
    sweep.records[2]["metrics"].pop("val_error")
    assert summarise(sweep.records, sweep.planned).best == frozenset()


def test_a_validation_error_that_is_not_finite_is_left_out(new_sweep):
    sweep = new_sweep().add("a", test=[1, 1], val=[math.nan, 1.0]).add("b", test=[1], val=[2.0])
    assert summarise(sweep.records, sweep.planned).best == {("a", None)}


@pytest.mark.parametrize("metrics", [None, {}, {"test_error": None}, {"test_error": 3.0}])
def test_a_diverged_trial_is_counted_and_never_averaged(new_sweep, metrics):
    sweep = new_sweep().add(test=[1.0, 2.0])
    sweep.records[1] |= {"status": "diverged", "metrics": metrics}
    cell = summarise(sweep.records, sweep.planned).cells["dropout", None]
    assert (cell.mean, cell.n, cell.diverged, cell.missing) == (1.0, 1, 1, 0)


def test_an_infinite_value_counts_as_diverged_and_an_absent_one_as_missing(new_sweep):
    sweep = new_sweep().add(test=[1.0, math.inf, 3.0])
    sweep.records[2]["metrics"]["test_error"] = None
    cell = summarise(sweep.records, sweep.planned).cells["dropout", None]
    assert (cell.mean, cell.n, cell.diverged, cell.missing) == (1.0, 1, 1, 1)


def test_trials_that_are_not_repeats_are_never_averaged(new_sweep):
    sweep = new_sweep()
    for rate in (0.5, 0.25):
        for lr in (0.1, 0.01):
            sweep.add(rate=rate, test=[1.0, 2.0], optimizer={"lr": lr})
    with pytest.raises(InputError) as raised:
        summarise(sweep.records, sweep.planned)
    assert str(raised.value) == (
        "trials of one cell differ in dropout.rate (0.25, 0.5) and dropout.stage_rates "
        "((0.25, 0.125), (0.5, 0.25)) and optimizer.lr (0.01, 0.1): make it the rows or the "
        "columns, or keep one value, as in --where='dropout.rate=0.25'"
    )
    with pytest.raises(InputError, match=r"differ in optimizer\.lr \(0\.01, 0\.1\)"):
        summarise(sweep.records, sweep.planned, cols="dropout.rate")
    summary = summarise(
        sweep.records, sweep.planned, cols="dropout.rate", where=["optimizer.lr=0.01"]
    )
    assert [cell.n for cell in summary.cells.values()] == [2, 2]


def test_where_data_lies_may_differ_between_repeats(new_sweep):
    sweep = new_sweep().add(test=[1.0], data={"dir": "a"}).add(test=[None, 2.0], data={"dir": "b"})
    assert summarise(sweep.records, sweep.planned).cells["dropout", None].n == 2


def test_a_seed_twice_in_a_cell_is_an_error(new_sweep):
    sweep = new_sweep().add(rate=0.3, test=[1.0, 2.0]).add(rate=0.1 * 3, test=[3.0])
    with pytest.raises(InputError, match=r"seed 0 is there twice in the cell of dropout, 0\.3"):
        summarise(sweep.records, sweep.planned, cols="dropout.rate")


def test_a_missing_trial_that_is_not_a_repeat_is_an_error_too(new_sweep):
    sweep = new_sweep().add(rate=0.5, test=[1.0]).add(rate=0.1, test=[None])
    with pytest.raises(InputError, match=r"differ in dropout\.rate \(0\.1, 0\.5\)"):
        summarise(sweep.records, sweep.planned)


def test_a_key_that_only_some_trials_have_counts_as_differing(new_sweep):
    sweep = new_sweep().add(test=[1.0]).add(test=[2.0], extra=3)
    with pytest.raises(InputError, match=r"differ in extra \(3, None\)"):
        summarise(sweep.records, sweep.planned)


def test_lists_are_row_and_column_keys(new_sweep):
    sweep = new_sweep().add(rate=0.5, test=[1.0, 2.0]).add(rate=0.1, test=[3.0])
    rows = summarise(sweep.records, sweep.planned, rows="dropout.stage_rates")
    cols = summarise(sweep.records, sweep.planned, rows=None, cols="dropout.stage_rates")
    assert rows.row_values == cols.col_values == ((0.1, 0.05), (0.5, 0.25))
    assert rows.cells[(0.5, 0.25), None] == cols.cells[None, (0.5, 0.25)]


def test_seeds_alone_make_one_cell_without_keys_and_single_cells_by_seed(new_sweep):
    sweep = new_sweep().add(test=[1.0, 2.0, 3.0])
    assert [c.n for c in summarise(sweep.records, sweep.planned, rows=None).cells.values()] == [3]
    by_seed = summarise(sweep.records, sweep.planned, rows="seed")
    assert by_seed.row_values == (0, 1, 2)
    assert [(c.n, c.std) for c in by_seed.cells.values()] == [(1, None)] * 3


def test_rows_and_columns_are_ordered_for_reading(new_sweep):
    rates = [10.0, 0.5, 9.0]
    random.Random(0).shuffle(rates)
    sweep = new_sweep()
    for variant in ("none", "dropout", "drop_connect"):
        for rate in rates:
            sweep.add(variant, rate, test=[1.0])
    summary = summarise(sweep.records[::-1], sweep.planned, cols="dropout.rate")
    assert summary.row_values == ("none", "dropout", "drop_connect")
    assert summary.col_values == (0.5, 9.0, 10.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rows": "varient"}, "unknown row key 'varient'; did you mean 'variant'?"),
        ({"cols": "dropout.rat"}, "unknown column key 'dropout.rat'; did you mean 'dropout.rate'?"),
        ({"value": "test_eror"}, "unknown value 'test_eror'; did you mean 'test_error'?"),
    ],
)
def test_unknown_names_are_errors_with_the_nearest_name(small_sweep, arguments, message):
    with pytest.raises(InputError, match=message):
        summarise(small_sweep.records, small_sweep.planned, **arguments)


def test_a_value_is_known_when_some_record_has_it(new_sweep):
    sweep = new_sweep().add(test=[1.0, math.nan])
    sweep.records[0]["metrics"]["kl"] = 7.0
    assert summarise(sweep.records, sweep.planned, value="kl").cells["dropout", None].mean == 7.0
    with pytest.raises(InputError, match="unknown value 'test_brier'"):
        summarise(sweep.records, sweep.planned, value="test_brier")


def test_a_misspelt_value_is_an_error_even_when_everything_diverged(new_sweep):
    sweep = new_sweep().add(test=[math.nan])
    assert summarise(sweep.records, sweep.planned).cells["dropout", None].diverged == 1
    with pytest.raises(InputError, match="did you mean 'val_nll'"):
        summarise(sweep.records, sweep.planned, value="val_nl")


def test_no_records_is_an_error(new_sweep):
    sweep = new_sweep().add(test=[None, None])
    with pytest.raises(InputError, match=r"no finished trials to summarise \(2 planned\)"):
        summarise(sweep.records, sweep.planned)


def test_filters_that_exclude_each_other_are_an_error(small_sweep):
    where = ["variant=none", "dropout.rate=0.5"]
    with pytest.raises(InputError, match=r"no trial matches all of variant=none, dropout\.rate=0"):
        summarise(small_sweep.records, small_sweep.planned, where=where)


def test_other_metrics_have_titles_without_underscores():
    assert describe("test_mc_error") == ("test mc error (%)", 2)
    assert describe("test_entropy_of_labels") == ("test entropy of labels", 4)
    assert describe("vote_error") == ("vote error (%)", 2)
    assert describe("kl") == ("kl", 4)
    assert describe("sparsity.first_layer") == ("sparsity.first_layer", 4)  # a path


def test_best_of_language_models_is_the_lowest_perplexity(new_sweep):
    sweep = new_sweep().add("a", test=[1.0], val=[1.0]).add("b", test=[2.0], val=[2.0])
    for record, perplexity in zip(sweep.records, (90.0, 80.0), strict=True):
        record["metrics"]["val_perplexity"] = perplexity
    assert summarise(sweep.records, sweep.planned).best == {("b", None)}
