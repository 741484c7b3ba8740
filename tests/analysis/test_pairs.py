import numpy as np
import pytest
from scipy import stats  # type: ignore[import-untyped]

from dropout_lab.analysis import pairs
from dropout_lab.errors import InputError

NONE, HALF = [2.0, 2.5, 2.2, 2.9], [1.4, 2.1, 1.5, 2.4]


@pytest.fixture
def sweep(new_sweep):
    made = new_sweep().add("none", 0.0, NONE)
    return made.add("dropout", 0.5, HALF).add("dropout", 0.1, [2.1, 2.4, 2.3, 2.8])


def compared(sweep, **options):
    options = {"against": ["variant=none"], "cols": "dropout.rate"} | options
    return pairs.compare(sweep.records, sweep.planned, **options)


def test_the_test_is_scipys_paired_one(sweep):
    half, tenth = compared(sweep).pairs
    expected = stats.ttest_rel(HALF, NONE)
    assert half.difference.p_value == pytest.approx(expected.pvalue)
    interval = expected.confidence_interval(0.95)
    assert half.difference.interval == pytest.approx((interval.low, interval.high))
    assert half.p_holm == pytest.approx(min(1, 2 * expected.pvalue))
    assert tenth.p_holm >= tenth.difference.p_value
    assert half.apart == pytest.approx(dict(enumerate(np.subtract(HALF, NONE))))


def test_only_seeds_that_both_have_are_compared(new_sweep):
    sweep = (
        new_sweep().add("none", 0.0, [1.0, None, float("nan"), 4.0]).add("dropout", 0.5, [2.0] * 4)
    )
    [pair] = compared(sweep).pairs
    assert pair.apart == {0: 1.0, 3: -2.0}


def test_a_setting_is_compared_with_the_baseline_of_its_column(new_sweep):
    sweep = new_sweep()
    for rate, shift in ((0.1, 1.0), (0.5, 2.0)):
        sweep.add("none", rate, [10.0 * rate] * 2).add("dropout", rate, [10.0 * rate + shift] * 2)
    assert [set(pair.apart.values()) for pair in compared(sweep).pairs] == [{1.0}, {2.0}]


def test_equal_differences_have_no_test(new_sweep):
    sweep = new_sweep().add("none", 0.0, [1.0, 1.0]).add("dropout", 0.5, [2.0, 2.0])
    [pair] = compared(sweep).pairs
    assert (pair.difference, pair.p_holm) == (None, None)
    assert "+1.000" in pairs.table(compared(sweep))


def test_the_figure_shows_zero_every_seed_and_every_setting(sweep):
    figure = pairs.draw(compared(sweep))
    [axes] = figure.axes
    labels = [text.get_text() for text in axes.get_yticklabels()]
    assert labels == ["dropout, 0.5 (n = 4)", "dropout, 0.1 (n = 4)"]
    ticks = [line for line in axes.lines if line.get_marker() == "|"]
    assert np.asarray(ticks[0].get_xdata()) == pytest.approx(np.subtract(HALF, NONE))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"against": []}, "needs a baseline"),
        ({"against": ["seed=0"]}, "seed=0 is no setting among rows and columns"),
        ({"against": ["variant=dropout"]}, "selects 2 baselines for none, 0"),
        ({"value": "test_eror"}, "unknown value 'test_eror'"),
        ({"where": ["variant=none"]}, "no setting besides variant=none"),
    ],
)
def test_what_cannot_be_compared_is_named(sweep, options, message):
    with pytest.raises(InputError, match=message):
        compared(sweep, **options)
