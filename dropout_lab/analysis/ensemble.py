"""Errors of averaged predictions: of several networks, of several noisy passes through one."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int


class Spread(NamedTuple):
    """An error over repeated draws, in percent.

    Attributes:
      mean: Its mean.
      std: Its sample standard deviation.
    """

    mean: float
    std: float


def vote(probs: Float[np.ndarray, "members n classes"], labels: Int[np.ndarray, " n"]) -> float:
    """Returns the error of the members' mean probabilities, in percent.

    L. Wan et al., *Regularization of neural networks using DropConnect*, ICML 2013, call it voting.

    Args:
      probs: Class probabilities that each member predicts.
      labels: True classes.
    """
    return error(np.mean(probs, axis=0), labels)


def error_by_passes(
    probs: Float[np.ndarray, "pool n classes"],
    labels: Int[np.ndarray, " n"],
    counts: Sequence[int],
    *,
    repeats: int = 100,
    seed: int = 0,
) -> dict[int, Spread]:
    """Returns the error of the mean of so many passes, drawn with replacement from a pool.

    As in N. Srivastava et al., *Dropout: a simple way to prevent neural networks from overfitting*,
    JMLR 2014, Section 7.5. The pool should be large compared with the counts, so that draws hardly
    overlap.

    Args:
      probs: Class probabilities of each pass.
      labels: True classes.
      counts: Numbers of passes to average.
      repeats: How often to draw, at least 2.
      seed: Seed of the draws.
    """
    pool = len(probs)
    flat = probs.reshape(pool, -1)
    rng = np.random.default_rng(seed)
    found = {}
    for count in counts:
        drawn = rng.multinomial(count, np.full(pool, 1 / pool), size=repeats)
        # One repeat after the other: a mean is as large as a whole set of predictions.
        errors = [
            error((weights.astype(flat.dtype) @ flat).reshape(probs.shape[1:]), labels)
            for weights in drawn
        ]
        found[count] = Spread(float(np.mean(errors)), float(np.std(errors, ddof=1)))
    return found


def error(probs: Float[np.ndarray, "n classes"], labels: Int[np.ndarray, " n"]) -> float:
    """Returns the error of class probabilities, in percent.

    Args:
      probs: Class probabilities.
      labels: True classes.
    """
    return float(100 * np.mean(probs.argmax(1) != labels))
