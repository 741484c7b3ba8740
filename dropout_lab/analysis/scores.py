"""How good class probabilities are: proper scores, calibration, ranking of errors and outliers."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy import optimize  # type: ignore[import-untyped]

from dropout_lab.training.detection import detection

BINS = 15
"""Bins of the calibration errors, as in Guo et al. 2017."""

Probs = Float[np.ndarray, "n classes"]
Labels = Int[np.ndarray, " n"]
_LOWEST = 1e-12  # probability whose logarithm still counts


class Bins(NamedTuple):
    """Predictions by confidence, in bins that are not empty.

    Attributes:
      confidence: Mean confidence of each bin.
      accuracy: Share of right predictions in each bin.
      number: Number of predictions in each bin.
    """

    confidence: Float[np.ndarray, " bins"]
    accuracy: Float[np.ndarray, " bins"]
    number: Int[np.ndarray, " bins"]


def scores(probs: Probs, labels: Labels) -> dict[str, float]:
    """Returns the scores of predictions; the confidence is the highest probability.

    Returns:
      Numbers by name:

      * error: Wrong predictions, in percent.
      * nll: Mean negative log-likelihood, in nats.
      * brier: Mean squared distance from the truth, summed over classes.
      * ece, ece_mass: Calibration error with bins of equal width, and of equal count.
      * auroc, aupr, fpr95: How well low confidence tells wrong predictions; NaN if all are right
        or all wrong. See :func:`dropout_lab.training.detection.detection`.
      * aurc: Area under :func:`risk_coverage`, in percent.
    """
    wrong = probs.argmax(1) != labels
    confidence = probs.max(1)
    picked = probs[np.arange(len(labels)), labels]
    truth = np.eye(probs.shape[1])[labels]
    _, risk = risk_coverage(confidence, wrong)
    return {
        "error": 100 * float(wrong.mean()),
        "nll": float(-np.log(np.maximum(picked, _LOWEST)).mean()),
        "brier": float(((probs - truth) ** 2).sum(1).mean()),
        "ece": calibration_error(reliability(probs, labels)),
        "ece_mass": calibration_error(reliability(probs, labels, mass=True)),
        **detection(1 - confidence, wrong),
        "aurc": float(risk.mean()),
    }


def reliability(probs: Probs, labels: Labels, *, bins: int = BINS, mass: bool = False) -> Bins:
    """Returns confidence and accuracy by bins of the confidence.

    Args:
      probs: Class probabilities.
      labels: True classes.
      bins: Number of bins.
      mass: Whether bins have equal counts instead of equal widths.
    """
    confidence, right = probs.max(1), probs.argmax(1) == labels
    if mass:
        rank = np.argsort(np.argsort(confidence, kind="stable"), kind="stable")
        place = rank * bins // len(labels)
    else:
        # Open below and closed above, so that a confidence of 1 falls in the last.
        place = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    count = np.bincount(place, minlength=bins)
    kept = count > 0
    sums = (np.bincount(place, weights, minlength=bins) for weights in (confidence, right))
    mean_confidence, accuracy = (total[kept] / count[kept] for total in sums)
    return Bins(mean_confidence, accuracy, count[kept])


def calibration_error(bins: Bins) -> float:
    """Returns the mean over predictions of their bin's gap between accuracy and confidence."""
    gaps = np.abs(bins.accuracy - bins.confidence)
    return float((bins.number * gaps).sum() / bins.number.sum())


def risk_coverage(
    confidence: Float[np.ndarray, " n"], wrong: np.ndarray
) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """Returns coverages in (0, 1], and the error in percent of the most confident predictions.

    Predictions of equal confidence share the risk of all of them.

    References:
      Y. Geifman, R. El-Yaniv, *Selective classification for deep neural networks*, NIPS 2017.
    """
    order = np.argsort(-confidence, kind="stable")
    ordered, number = confidence[order], np.arange(1, len(wrong) + 1)
    errors = np.cumsum(wrong[order])
    last = np.searchsorted(-ordered, -ordered, side="right") - 1
    return number / len(wrong), 100 * errors[last] / number[last]


def entropy(probs: Probs) -> Float[np.ndarray, " n"]:
    """Returns the entropy of each prediction, in nats."""
    return -(probs * np.log(np.maximum(probs, _LOWEST))).sum(1)


def temperature(probs: Probs, labels: Labels) -> float:
    """Returns the temperature of lowest nll, between 0.05 and 20, for :func:`tempered`.

    References:
      C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, *On calibration of modern neural networks*, ICML
      2017.
    """

    def nll(log_temperature: float) -> float:
        picked = tempered(probs, float(np.exp(log_temperature)))[np.arange(len(labels)), labels]
        return float(-np.log(np.maximum(picked, _LOWEST)).mean())

    bounds = (np.log(0.05), np.log(20.0))
    return float(np.exp(optimize.minimize_scalar(nll, bounds=bounds, method="bounded").x))


def tempered(probs: Probs, temperature: float) -> Probs:
    """Returns probabilities whose logarithms are divided by a temperature."""
    logits = np.log(np.maximum(probs, _LOWEST)) / temperature
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(powers / powers.sum(1, keepdims=True))
