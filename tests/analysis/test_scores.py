"""Scores against independent ones: scikit-learn's, sums over all thresholds, loops over bins."""

import numpy as np
import pytest
from sklearn import metrics

from dropout_lab.analysis import calibration
from dropout_lab.analysis.scores import (
    calibration_error,
    entropy,
    reliability,
    risk_coverage,
    scores,
    temperature,
    tempered,
)
from dropout_lab.training.detection import detection


@pytest.fixture(scope="module")
def made():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 500)
    logits = rng.normal(size=(500, 4)) + 2 * np.eye(4)[labels]
    powers = np.exp(logits)
    return powers / powers.sum(1, keepdims=True), labels


def test_nll_and_brier_are_sklearns(made):
    probs, labels = made
    found = scores(probs, labels)
    assert found["nll"] == pytest.approx(metrics.log_loss(labels, probs))
    one_by_one = [metrics.brier_score_loss(labels == k, probs[:, k]) for k in range(4)]
    assert found["brier"] == pytest.approx(sum(one_by_one))


@pytest.mark.parametrize("mass", [False, True])
def test_the_calibration_error_is_that_of_a_loop(made, mass):
    probs, labels = made
    confidence, right = probs.max(1), probs.argmax(1) == labels
    order = np.argsort(confidence, kind="stable")
    expected = 0.0
    for b in range(15):
        if mass:
            rows = order[[i for i in range(500) if i * 15 // 500 == b]]
        else:
            rows = np.flatnonzero((confidence > b / 15) & (confidence <= (b + 1) / 15))
        if len(rows):
            expected += len(rows) / 500 * abs(right[rows].mean() - confidence[rows].mean())
    assert calibration_error(reliability(probs, labels, mass=mass)) == pytest.approx(expected)


def test_the_area_under_the_curve_is_the_share_of_ordered_pairs(made):
    probs, labels = made
    wrong, doubt = probs.argmax(1) != labels, 1 - probs.max(1)
    pairs = doubt[wrong][:, None] - doubt[~wrong][None]
    found = detection(doubt, wrong)
    assert found["auroc"] == pytest.approx((pairs > 0).mean() + (pairs == 0).mean() / 2)
    told = [(doubt[~wrong] >= t).mean() for t in doubt if (doubt[wrong] >= t).mean() >= 0.95]
    assert found["fpr95"] == pytest.approx(min(told))


def test_risk_is_the_error_of_the_most_confident(made):
    probs, labels = made
    wrong, confidence = probs.argmax(1) != labels, probs.max(1)
    coverage, risk = risk_coverage(confidence, wrong)
    for count in (1, 100, 500):
        chosen = np.argsort(-confidence)[:count]
        assert coverage[count - 1] == count / 500
        assert risk[count - 1] == pytest.approx(100 * wrong[chosen].mean())
    assert scores(probs, labels)["aurc"] == pytest.approx(np.mean(risk))


def test_equal_confidences_have_equal_risks_in_any_order():
    wrong = np.array([True, False, False, True])
    for order in ([0, 1, 2, 3], [3, 2, 1, 0], [1, 0, 3, 2]):
        _, risk = risk_coverage(np.full(4, 0.5), wrong[order])
        assert risk == pytest.approx(50.0)


def test_without_errors_there_is_nothing_to_tell():
    assert np.isnan(detection(np.array([0.1, 0.2]), np.array([False, False]))["auroc"])


def test_the_temperature_is_the_one_that_was_applied(made):
    probs, labels = made
    best = temperature(probs, labels)
    assert temperature(tempered(probs, 0.4), labels) == pytest.approx(best / 0.4, rel=1e-3)
    before, after = (scores(each, labels)["nll"] for each in (probs, tempered(probs, best)))
    assert after <= before + 1e-9


def test_the_entropy_of_a_uniform_prediction_is_the_log_of_classes():
    assert entropy(np.full((1, 8), 1 / 8)) == pytest.approx(np.log(8))


def test_a_figure_has_a_curve_and_a_name_for_each(made):
    figure = calibration.draw({"one": made, "two": made})
    figure.draw_without_rendering()
    left, right = figure.axes
    assert len(left.lines) == 3  # with the diagonal
    assert [text.get_text() for text in right.texts] == ["one", "two"]
