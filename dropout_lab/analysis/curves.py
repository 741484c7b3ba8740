"""Learning curves: a value of the histories against the epoch, with bands over seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dropout_lab.analysis.drawing import COLOURS, label_ends, new_figure, open_frame, subplots
from dropout_lab.analysis.observations import gaps, join
from dropout_lab.analysis.summary import cells, describe, setting
from dropout_lab.errors import InputError, unknown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DASHES = ("-", "--", ":")  # after as many lines as there are colours


class Curve(NamedTuple):
    """Statistics over trials that differ in their seed only, epoch by epoch.

    Attributes:
      epochs: The epochs, ascending.
      mean: Mean over the trials that reached the epoch.
      std: Their sample standard deviation; 0 for a single trial.
      n: Number of trials.
    """

    epochs: list[int]
    mean: list[float]
    std: list[float]
    n: int


def learning_curves(
    records: Sequence[Mapping[str, Any]],
    planned: Mapping[str, dict[str, Any]],
    *,
    value: str = "val_error",
    rows: str | None = "variant",
    cols: str | None = None,
    where: Sequence[str] = (),
) -> dict[str, Curve]:
    """Returns a curve for each row and column value, by their names.

    Args:
      records: Trial records.
      planned: Resolved configurations of all planned trials, by trial id.
      value: A name in the rows of histories, or a gap such as ``gap_error``: of the validation
        examples minus that of the training examples.
      rows: Dotted configuration key; None for a single row.
      cols: Dotted configuration key; None for a single column.
      where: Filters ``"key=value"``, see :func:`dropout_lab.analysis.observations.select`.

    Raises:
      InputError: If no history has the value, or as :func:`dropout_lab.analysis.summary.cells`.
    """
    groups = cells(join(records, planned), rows=rows, cols=cols, where=where)
    histories = {
        setting(at): [history(trial.record) for trial in members if trial.record is not None]
        for at, members in groups.items()
    }
    epochs = [epoch for trials in histories.values() for trial in trials for epoch in trial]
    names = {name for epoch in epochs for name in epoch}
    names -= {"phase", "epoch"}
    if not names:
        raise InputError(f"no history to draw: {len(records)} of {len(planned)} trials are done")
    if value not in names:
        raise unknown("value of a history", value, names)
    curves = {name: _curve(trials, value) for name, trials in histories.items()}
    return {name: curve for name, curve in curves.items() if curve.epochs}


def history(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Returns a record's epochs of the phase that selects, with their gaps, or those of refit."""
    rows = record["history"]
    first = [row for row in rows if row.get("phase") == rows[0].get("phase")]
    return [row | gaps(row, "val") for row in first]


def _curve(histories: Sequence[Sequence[Mapping[str, Any]]], value: str) -> Curve:
    by_epoch: dict[int, list[float]] = {}
    for rows in histories:
        for row in rows:
            if row.get(value) is not None:
                by_epoch.setdefault(row["epoch"], []).append(row[value])
    epochs = sorted(by_epoch)
    return Curve(
        epochs,
        [float(np.mean(by_epoch[at])) for at in epochs],
        [float(np.std(by_epoch[at], ddof=1)) if len(by_epoch[at]) > 1 else 0.0 for at in epochs],
        len(histories),
    )


def draw(curves: Mapping[str, Curve], value: str) -> Figure:
    """Returns the figure: means with a band of one sample standard deviation, a name beside each.

    Args:
      curves: The curves of :func:`learning_curves`.
      value: Their value.
    """
    figure = new_figure(2.7)
    [[axes]] = subplots(figure)
    styles = [(colour, dash) for dash in _DASHES for colour in COLOURS]
    ends = []
    for (at, curve), (colour, dash) in zip(curves.items(), cycle(styles), strict=False):
        mean, std = np.array(curve.mean), np.array(curve.std)
        low = mean - std if value.startswith("gap_") else np.maximum(mean - std, 0.0)
        axes.fill_between(curve.epochs, low, mean + std, color=colour, alpha=0.15, linewidth=0)
        name = f"{at} (n = {curve.n})"
        axes.plot(curve.epochs, mean, color=colour, linestyle=dash, linewidth=1.2, label=name)
        ends.append((curve.mean[-1], name, colour))
    axes.set(xlabel="epoch", ylabel=title(value))
    axes.set_title("mean ± 1 std over n seeds", loc="left", fontsize=8)
    axes.margins(x=0)
    if _spans_decades(curves):
        axes.set_yscale("log")
    open_frame(axes)
    label_ends(axes, ends)
    return figure


def title(value: str) -> str:
    """Returns what a value of a history is called; its gap is to the validation examples."""
    words, _ = describe(value)
    return words.replace("test − training", "validation − training")


def _spans_decades(curves: Mapping[str, Curve]) -> bool:
    """Returns whether a loss falls so far that a linear axis would show a flat line."""
    means = [mean for curve in curves.values() for mean in curve.mean]
    return min(means) > 0 and max(means) / min(means) >= 100
