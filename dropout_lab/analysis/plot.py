"""A summary as a figure: value against a column key, one line with a band per row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np

from dropout_lab.analysis.drawing import COLOURS, MARKERS, open_frame
from dropout_lab.analysis.observations import Value, label
from dropout_lab.analysis.summary import Aggregate, Summary, counts, describe
from dropout_lab.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LOG_SPAN = 50  # ratio of largest to smallest x from which the x axis is logarithmic
_SKEWED_SPAN, _SKEWED_COUNT = 10, 5  # ratio and number from which it is if small ones prevail


def draw(summary: Summary) -> Figure:
    """Returns the figure: means over seeds with a band of one sample standard deviation.

    If some rows span several columns, a row whose only column is 0 does not depend on the column
    key (``none`` has no rate): it is drawn as a dashed horizontal reference. Crosses above the
    axes mark where trials diverged; the means leave these trials out.

    Raises:
      InputError: If there is no column key.
    """
    from matplotlib.figure import Figure

    xs, numeric = _xs(summary), _are_numbers(summary.col_values)
    curves = {
        row: {x: summary.cells[row, col] for col, x in xs.items() if (row, col) in summary.cells}
        for row in summary.row_values
    }
    has_lines = any(len(curve) > 1 for curve in curves.values())

    figure = Figure(figsize=(6.8, 3.8), layout="constrained")
    axes = figure.add_subplot()
    signed = summary.value.startswith("gap_")
    styles = zip(curves.items(), cycle(COLOURS), cycle(MARKERS), strict=False)
    rows_with_crosses = 0
    for (row, curve), colour, marker in styles:
        name = f"{label(row) if summary.rows else 'all'} ({counts(curve.values())})"
        if numeric and has_lines and list(curve) == [0]:
            _reference(axes, curve[0], name, colour, signed=signed)
        else:
            _line(axes, curve, name, colour, marker, signed=signed)
        diverged = [x for x, cell in curve.items() if cell.diverged]
        if diverged:
            _crosses(axes, diverged, colour, height=1.03 + 0.05 * rows_with_crosses)
            rows_with_crosses += 1
    _set_titles(axes, summary, rows_with_crosses)
    if not numeric:
        axes.set_xticks(list(xs.values()), [label(value) for value in xs])
    elif _are_logarithmic(list(xs.values())):
        axes.set_xscale("log")
    open_frame(axes)
    figure.legend(loc="outside right upper", frameon=False, title=summary.rows)
    return figure


def _xs(summary: Summary) -> dict[Value, float]:
    if summary.cols is None:
        raise InputError("a figure needs a column key, --cols=KEY, as in dropout.rate")
    if not _are_numbers(summary.col_values):
        return {value: float(place) for place, value in enumerate(summary.col_values)}
    return {value: float(value) for value in summary.col_values}  # type: ignore[arg-type]


def _are_numbers(values: Sequence[Value]) -> bool:
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def _are_logarithmic(xs: Sequence[float]) -> bool:
    """Returns whether positive numbers span decades, or small ones prevail as in log draws."""
    low, high = min(xs), max(xs)
    if low <= 0:
        return False
    # Of log-uniform draws, one half lies below the geometric mean of the ends.
    skewed = len(xs) >= _SKEWED_COUNT and float(np.median(xs)) < 1.5 * (low * high) ** 0.5
    return high / low >= (_SKEWED_SPAN if skewed else LOG_SPAN)


def _line(
    axes: Axes,
    curve: Mapping[float, Aggregate],
    name: str,
    colour: str,
    marker: str,
    *,
    signed: bool,
) -> None:
    xs = list(curve)
    mean, std = (
        np.array([getattr(cell, part) for cell in curve.values()], dtype=float)
        for part in ("mean", "std")
    )
    # An error is never below 0; a gap can be.
    below = std if signed else np.where(mean >= 0, np.minimum(std, mean), std)
    axes.fill_between(xs, mean - below, mean + std, color=colour, alpha=0.15, linewidth=0)
    # Error bars show the deviation where the band has no width: at a point without neighbours.
    axes.errorbar(
        xs,
        mean,
        yerr=[below.tolist(), std.tolist()],
        label=name,
        color=colour,
        marker=marker,
        markersize=5,
        elinewidth=0.8,
    )


def _reference(axes: Axes, cell: Aggregate, name: str, colour: str, *, signed: bool) -> None:
    if cell.mean is not None:
        axes.axhline(cell.mean, label=name, color=colour, linestyle="--")
        std = cell.std or 0.0
        below = std if signed or cell.mean < 0 else min(std, cell.mean)
        axes.axhspan(cell.mean - below, cell.mean + std, color=colour, alpha=0.1, linewidth=0)


def _crosses(axes: Axes, xs: Sequence[float], colour: str, height: float) -> None:
    axes.plot(
        xs,
        [height] * len(xs),
        transform=axes.get_xaxis_transform(),
        clip_on=False,
        linestyle="",
        marker="x",
        color=colour,
    )


def _set_titles(axes: Axes, summary: Summary, rows_with_crosses: int) -> None:
    title = "mean ± 1 std over n seeds" + (", × some seeds diverged" if rows_with_crosses else "")
    if summary.where:
        title += f"\nonly {', '.join(summary.where)}"
    axes.set_title(title, fontsize="medium", loc="left", pad=8 + 11 * rows_with_crosses)
    value, _ = describe(summary.value)
    axes.set(xlabel=summary.cols, ylabel=value)
