"""Saved networks, scored on test examples as they are, shifted, and beside outliers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from dropout_lab.analysis.scores import (
    Labels,
    Probs,
    entropy,
    scores,
    temperature,
    tempered,
)
from dropout_lab.data import DATASETS, load
from dropout_lab.data.shifts import OUTLIERS, outliers, shifted
from dropout_lab.errors import InputError, unknown
from dropout_lab.training.detection import detection
from dropout_lab.training.trained import Trained

ENSEMBLE = "ensemble"


@dataclass(frozen=True)
class Question:
    """What networks are asked.

    Attributes:
      inference: An inference rule; ``ENSEMBLE``: the mean of all networks, each under "mean"; None:
        each network's own rule.
      passes: Number of noisy passes; None: as trained.
      tempered: Whether to scale by a temperature fitted on the validation examples.
      shifts: Shifts as :func:`dropout_lab.data.shifts.shifted` takes them.
      against: ``OUTLIERS`` and names of data sets.
    """

    inference: str | None = None
    passes: int | None = None
    tempered: bool = False
    shifts: Sequence[str] = ()
    against: Sequence[str] = ()


@dataclass(frozen=True)
class Answer:
    """Scores on one test set.

    Attributes:
      test: "test", a shift, or "test, NAME" for outliers of that name beside the test examples.
      values: Each score for each network, or for their ensemble, by name.
      example: Probabilities of the first one, and the labels.
    """

    test: str
    values: dict[str, list[float]]
    example: tuple[Probs, Labels]


def evaluate(networks: Sequence[Trained], question: Question) -> Iterator[Answer]:
    """Yields the scores of networks that differ in their seed only.

    Outliers have the scores of :func:`dropout_lab.training.detection.detection`, of outliers told
    from test examples by the entropy of the predictions.

    Raises:
      InputError: If a rule, a shift or a data set is unknown or does not fit.
    """
    for name in question.against:
        if name not in (*OUTLIERS, *DATASETS):
            raise unknown("outliers", name, (*OUTLIERS, *DATASETS))
    test = networks[0].test_split()
    predict = _predictors(networks, question)
    plain = [each(test.images) for each in predict]
    sets = {"test": plain} | {
        shift: [each(shifted(test.images, shift)) for each in predict] for shift in question.shifts
    }
    for name, found in sets.items():
        rows = [scores(probs, test.labels) for probs in found]
        yield Answer(name, _columns(rows), (found[0], test.labels))
    for name in question.against:
        other = None if name in OUTLIERS else load(name).test.images
        strange = outliers(test.images, other, name)
        rows = []
        for each, probs in zip(predict, plain, strict=True):
            score = np.concatenate([entropy(probs), entropy(each(strange))])
            rows.append(detection(score, np.arange(len(score)) >= len(probs)))
        yield Answer(f"test, {name}", _columns(rows), (plain[0], test.labels))


class _Predictor:
    """Predictions of one network, or of the mean of several, at a fitted temperature."""

    def __init__(self, networks: Sequence[Trained], question: Question) -> None:
        self._networks, self._question = networks, question
        self._temperature = 1.0
        if question.tempered:
            val = networks[0].validation_split()
            if not len(val):
                raise InputError(
                    "no validation examples to fit a temperature; allowed: val_size > 0"
                )
            self._temperature = temperature(self(val.images), val.labels)

    def __call__(self, images: np.ndarray) -> Probs:
        question = self._question
        inference = "mean" if question.inference == ENSEMBLE else question.inference
        found = [
            np.asarray(network.predict(images, inference=inference, passes=question.passes))
            for network in self._networks
        ]
        probs = np.mean(np.asarray(found, np.float64), axis=0)
        return probs if self._temperature == 1.0 else tempered(probs, self._temperature)


def _predictors(networks: Sequence[Trained], question: Question) -> list[_Predictor]:
    if question.inference == ENSEMBLE:
        return [_Predictor(networks, question)]
    return [_Predictor([network], question) for network in networks]


def _columns(rows: Sequence[dict[str, float]]) -> dict[str, list[float]]:
    return {name: [row[name] for row in rows] for name in rows[0]}
