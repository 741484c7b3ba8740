"""Errors of averaged predictions: of several networks, or of several noisy passes through one."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int


class MeanStd(NamedTuple):
    """Mean and sample standard deviation of an error over repeated draws, in percent."""

    mean: float
    std: float


def vote(probs: Float[np.ndarray, "members n classes"], labels: Int[np.ndarray, " n"]) -> float:
    """Returns the error of the members' mean probabilities, in percent.

    Args:
      probs: Class probabilities that each member predicts.
      labels: True classes.

    References:
      L. Wan et al., *Regularization of neural networks using DropConnect*, ICML 2013: voting.
    """
    return error(np.mean(probs, axis=0), labels)


def error_by_passes(
    probs: Float[np.ndarray, "pool n classes"],
    labels: Int[np.ndarray, " n"],
    counts: Sequence[int],
    *,
    repeats: int = 100,
    seed: int = 0,
) -> dict[int, MeanStd]:
    """Returns, for each count, the error of the mean of this many passes drawn from a pool.

    Passes are drawn with replacement. The pool should be large compared with the counts, so that
    draws rarely overlap.

    Args:
      probs: Class probabilities of each pass in the pool.
      labels: True classes.
      counts: Numbers of passes to average.
      repeats: Number of draws for each count, at least 2.
      seed: Seed of the draws.

    References:
      N. Srivastava et al., *Dropout: a simple way to prevent neural networks from overfitting*,
      JMLR 15, 2014, Section 7.5.
    """
    pool = len(probs)
    flat = probs.reshape(pool, -1)
    rng = np.random.default_rng(seed)
    errors_by_count = {}
    for count in counts:
        drawn = rng.multinomial(count, np.full(pool, 1 / pool), size=repeats)
        # One repeat at a time: each mean is as large as a full set of predictions.
        errors = [
            error((weights.astype(flat.dtype) @ flat).reshape(probs.shape[1:]), labels)
            for weights in drawn
        ]
        errors_by_count[count] = MeanStd(float(np.mean(errors)), float(np.std(errors, ddof=1)))
    return errors_by_count


def error(probs: Float[np.ndarray, "n classes"], labels: Int[np.ndarray, " n"]) -> float:
    """Returns the error of class probabilities, in percent.

    Args:
      probs: Class probabilities.
      labels: True classes.
    """
    return float(100 * np.mean(probs.argmax(1) != labels))
