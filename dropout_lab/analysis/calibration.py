"""Figures of scored predictions: reliability, and risk against coverage."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import cycle
from typing import TYPE_CHECKING

from dropout_lab.analysis.drawing import (
    COLOURS,
    MARKERS,
    label_ends,
    new_figure,
    open_frame,
    subplots,
)
from dropout_lab.analysis.scores import Labels, Probs, reliability, risk_coverage

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(predictions: Mapping[str, tuple[Probs, Labels]]) -> Figure:
    """Returns a reliability diagram beside the risk-coverage curves.

    Args:
      predictions: Class probabilities and true classes, by name.
    """
    figure = new_figure(2.6, 6.4)
    [[left, right]] = subplots(figure, 1, 2)
    left.plot([0, 1], [0, 1], color="black", linewidth=0.8, linestyle=":")
    ends = []
    for (name, (probs, labels)), colour, marker in zip(
        predictions.items(), cycle(COLOURS), cycle(MARKERS), strict=False
    ):
        bins = reliability(probs, labels, bins=10, mass=True)
        left.plot(bins.confidence, bins.accuracy, color=colour, marker=marker, markersize=3.5)
        coverage, risk = risk_coverage(probs.max(1), probs.argmax(1) != labels)
        right.plot(coverage, risk, color=colour, linewidth=1.2)
        ends.append((float(risk[-1]), name, colour))
    left.set(xlabel="confidence", ylabel="accuracy")
    left.set_title("10 bins of equal count", loc="left", fontsize=8)
    right.set(xlabel="coverage", ylabel="error of the covered (%)", xlim=(0, 1))
    for axes in (left, right):
        open_frame(axes)
    label_ends(right, ends)
    return figure
