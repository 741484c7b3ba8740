"""Differences against scipy's own tests, worked examples of Holm's correction, decimals."""

import warnings

import numpy as np
import pytest
from scipy import stats  # type: ignore[import-untyped]

from dropout_lab.analysis.statistics import Sample, difference, holm, one_sample, welch

A = [1.62, 1.58, 1.66, 1.60]
B = [1.28, 1.33, 1.25]


def sample(values, **others):
    return Sample(dict(enumerate(values)), **others)


def found(*samples, **options):
    """Returns a difference that there is."""
    result = difference(*samples, **options)
    assert result is not None
    return result


def test_welchs_difference_is_scipys():
    ours = found(sample(A), sample(B))
    theirs = stats.ttest_ind(A, B, equal_var=False, alternative="less")
    assert ours.p_below(0) == pytest.approx(theirs.pvalue)
    assert ours.df == pytest.approx(theirs.df)
    shifted = stats.ttest_ind(A, np.add(B, 0.25), equal_var=False, alternative="greater")
    assert ours.p_above(0.25) == pytest.approx(shifted.pvalue)
    interval = stats.ttest_ind(A, B, equal_var=False).confidence_interval(0.95)
    assert ours.interval == pytest.approx((interval.low, interval.high))


def test_welchs_difference_needs_only_statistics():
    ours = welch(float(np.mean(A)), float(np.std(A, ddof=1)), len(A), 1.28, 0.04, 5)
    assert ours is not None
    theirs = stats.ttest_ind_from_stats(
        np.mean(A), np.std(A, ddof=1), len(A), 1.28, 0.04, 5, equal_var=False, alternative="greater"
    )
    assert ours.p_above(0) == pytest.approx(theirs.pvalue)


def test_a_paired_difference_is_scipys():
    ours = found(sample(A[:3]), sample(B), paired=True)
    theirs = stats.ttest_rel(A[:3], B, alternative="greater")
    assert ours.p_above(0) == pytest.approx(theirs.pvalue)
    interval = stats.ttest_rel(A[:3], B).confidence_interval(0.95)
    assert ours.interval == pytest.approx((interval.low, interval.high))


def test_pairs_are_of_equal_seeds():
    a, b = Sample({3: 1.0, 1: 2.0, 7: 9.0}), Sample({1: 1.5, 3: 0.9})
    ours = found(a, b, paired=True)
    assert ours.estimate == pytest.approx((0.1 + 0.5) / 2)
    assert ours.df == 1


def test_a_difference_from_a_number_is_scipys():
    ours = one_sample(A, 1.5)
    assert ours is not None
    interval = stats.ttest_1samp(A, 1.5).confidence_interval(0.95)
    assert ours.interval == pytest.approx((interval.low - 1.5, interval.high - 1.5))


def test_too_little_for_a_test_is_none():
    with warnings.catch_warnings(action="error"):
        assert difference(sample([1.0]), sample(B)) is None
        assert difference(sample([]), sample(B)) is None
        assert difference(sample([1.0, 1.0]), sample([2.0, 2.0])) is None
        assert difference(sample([1.5, 2.5]), sample([1.0, 2.0]), paired=True) is None
        assert one_sample([1.0], 2.0) is None
        assert difference(sample([1.0, 1.0]), sample(B)) is not None


def test_rounding_is_no_variation():
    of_records = [2.02, 1.98, 1.51], [1.97, 1.93, 1.46]
    ours, theirs = (sample(np.array(each, np.float32).astype(float)) for each in of_records)
    assert difference(ours, theirs, paired=True) is None
    assert difference(ours, theirs) is not None
    assert difference(sample([0.1] * 3), sample([0.2] * 3)) is None
    assert one_sample([0.1] * 3, 0.2) is None
    assert sample([0.1] * 3).std == 0


@pytest.mark.parametrize(
    ("raw", "adjusted"),
    [
        # R's p.adjust(p, "holm").
        ([0.01, 0.02, 0.03, 0.04, 0.05], [0.05, 0.08, 0.09, 0.09, 0.09]),
        ([0.04, 0.001, 0.9], [0.08, 0.003, 0.9]),
        ([0.6, 0.7], [1.0, 1.0]),
        ([], []),
    ],
)
def test_holms_correction(raw, adjusted):
    assert holm(raw) == pytest.approx(adjusted)


@pytest.mark.parametrize(
    ("values", "resolution", "decimals"),
    [
        ([1.62, 1.58, 1.66], 0.01, 2),  # standard error 0.023
        ([1.612, 1.6, 1.588], 0.001, 3),  # 0.007, of a deviation of 0.012
        ([1.9, 1.3, 2.2], 0.01, 1),  # 0.26
        ([9.0, 14.0, 6.0], 0.01, 0),  # 2.3
        ([1.67, 1.67, 1.67], 0.333, 1),  # 300 examples, equal numbers
        ([1.62], 0.01, 1),  # one network: 0.13, as of 162 errors in 10,000
        ([0.0221, 0.0225, 0.0231], 0.0, 4),
    ],
)
def test_decimals_end_where_doubt_begins(values, resolution, decimals):
    assert sample(values, resolution=resolution).decimals == decimals


def test_spread_is_the_samples():
    assert sample(A).std == pytest.approx(np.std(A, ddof=1))
    assert sample([1.0]).std is None
    assert sample([]).mean is None
