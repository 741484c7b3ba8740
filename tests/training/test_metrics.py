import hypothesis
import hypothesis.extra.numpy as arrays
import hypothesis.strategies as st
import jax
import numpy as np
import pytest

from dropout_lab.training import metrics

prediction_metrics = jax.jit(metrics.prediction_metrics)
log_softmax = jax.jit(jax.nn.log_softmax)


def reference(log_probs, labels):
    """Returns the metrics, an example at a time, in float64."""
    errors, nll, brier = [], [], []
    bins: list[list[tuple[float, bool]]] = [[] for _ in range(metrics.BINS)]
    for row, label in zip(np.asarray(log_probs, np.float64), labels, strict=True):
        probs = np.exp(row)
        right = int(row.argmax()) == label
        errors.append(100.0 * (not right))
        nll.append(-row[label])
        brier.append(sum((p - (k == label)) ** 2 for k, p in enumerate(probs)))
        which = next(b for b in range(metrics.BINS) if probs.max() <= (b + 1) / metrics.BINS + 1e-6)
        bins[which].append((probs.max(), right))
    ece = 0.0
    for members in filter(None, bins):
        confidence, accuracy = np.mean(members, axis=0)
        ece += len(members) / len(labels) * abs(accuracy - confidence)
    means = [float(np.mean(values)) for values in (errors, nll, brier)]
    return {**dict(zip(("error", "nll", "brier"), means, strict=True)), "ece": float(ece)}


def one_hot_logs(labels, classes):
    with np.errstate(divide="ignore"):
        return np.log(np.eye(classes, dtype=np.float32)[labels])


@pytest.mark.parametrize(("examples", "classes"), [(1, 2), (200, 3), (500, 10)])
def test_metrics_match_the_reference(examples, classes):
    rng = np.random.default_rng(examples)
    logits = rng.normal(0, 3, (examples, classes)).astype(np.float32)
    labels = np.where(rng.random(examples) < 0.5, logits.argmax(1), rng.integers(0, classes))
    log_probs = log_softmax(logits)
    actual = prediction_metrics(log_probs, labels.astype(np.int32))
    for name, value in reference(log_probs, labels).items():
        np.testing.assert_allclose(actual[name], value, rtol=2e-5, atol=1e-6, err_msg=name)


def test_perfect_predictions_cost_nothing():
    labels = np.array([2, 0, 1, 1], np.int32)
    actual = metrics.prediction_metrics(
        one_hot_logs(labels, 3), jax.numpy.asarray(labels)
    )  # without jit: XLA may turn 0 * inf into 0
    assert {name: float(value) for name, value in actual.items()} == dict.fromkeys(actual, 0.0)


def test_sure_and_wrong_predictions_cost_the_most():
    labels = np.array([2, 0, 1, 1], np.int32)
    actual = prediction_metrics(one_hot_logs((labels + 1) % 3, 3), labels)
    expected = {"error": 100.0, "nll": np.inf, "brier": 2.0, "ece": 1.0}
    assert {name: float(value) for name, value in actual.items()} == expected


def test_uniform_predictions_know_nothing():
    classes = 4
    labels = np.arange(20, dtype=np.int32) % classes
    actual = prediction_metrics(np.full((20, classes), -np.log(classes), np.float32), labels)
    np.testing.assert_allclose(actual["error"], 75)  # the first class wins a tie
    np.testing.assert_allclose(actual["nll"], np.log(classes), rtol=1e-6)
    np.testing.assert_allclose(actual["brier"], 1 - 1 / classes, rtol=1e-6)
    np.testing.assert_allclose(actual["ece"], 0, atol=1e-6)  # a quarter are right, a quarter sure


def test_calibration_error_of_two_bins():
    """Half the examples 60 % sure and all right, half 90 % sure and half right."""
    probs = np.array([[0.6, 0.4]] * 4 + [[0.9, 0.1]] * 4, np.float32)
    labels = np.array([0] * 4 + [0, 0, 1, 1], np.int32)
    actual = prediction_metrics(np.log(probs), labels)
    np.testing.assert_allclose(actual["ece"], 0.5 * 0.4 + 0.5 * 0.4, rtol=1e-5)


def test_full_confidence_falls_in_the_last_bin():
    """A sure and wrong example and a 97 % sure and right one: one bin, in which they offset."""
    actual = prediction_metrics(
        np.log(np.array([[1, 1e-9], [0.97, 0.03]], np.float32)), np.array([1, 0])
    )
    np.testing.assert_allclose(actual["ece"], (1 - 0.03) / 2, rtol=1e-5)


LOGITS = arrays.arrays(np.float32, (6, 4), elements=st.floats(-30, 30, width=32))
LABELS = arrays.arrays(np.int32, 6, elements=st.integers(0, 3))


@hypothesis.settings(max_examples=100, deadline=None)
@hypothesis.given(logits=LOGITS, labels=LABELS)
def test_metrics_stay_in_their_ranges(logits, labels):
    actual = prediction_metrics(log_softmax(logits), labels)
    assert 0 <= actual["error"] <= 100 + 1e-4
    assert 0 <= actual["nll"] <= 60 + np.log(4) + 1e-5
    assert 0 <= actual["brier"] <= 2 + 1e-5
    assert 0 <= actual["ece"] <= 1 + 1e-5
