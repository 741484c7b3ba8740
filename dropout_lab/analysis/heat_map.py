"""A summary as a heat map: a coloured cell for each row and column value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dropout_lab.analysis.drawing import new_figure, subplots
from dropout_lab.analysis.observations import label
from dropout_lab.analysis.summary import Summary, counts, describe
from dropout_lab.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle


def draw(summary: Summary) -> Figure:
    """Returns the figure: means over seeds as colours and as numbers.

    A frame marks the lowest mean validation error, a cross a cell whose trials all diverged; cells
    without planned or finished trials are empty.

    Raises:
      InputError: If there is no row or column key, or no cell with a mean.
    """
    if summary.rows is None or summary.cols is None:
        raise InputError("a heat map needs two keys, as --rows=variant --cols=dropout.rate")
    means = np.array(
        [
            [getattr(summary.cells.get((row, col)), "mean", None) for col in summary.col_values]
            for row in summary.row_values
        ],
        float,
    )
    if np.isnan(means).all():
        raise InputError(f"no finished trial to draw in {len(summary.cells)} cells")
    title, decimals = describe(summary.value)
    height = 1.1 + 0.19 * len(summary.row_values)
    figure = new_figure(height, max(4.4, 2.2 + 0.5 * len(summary.col_values)))
    [[axes]] = subplots(figure)
    # The worst cells, which may not have learnt at all, must not take all colours.
    low, top, high = (float(np.nanquantile(means, at)) for at in (0, 1, 0.9))
    drawn = axes.imshow(means, cmap="cividis_r", aspect="auto", vmin=low, vmax=high)
    bar = figure.colorbar(drawn, ax=axes, pad=0.02, extend="max" if top > high else "neither")
    bar.set_label(title, fontsize=8)
    bar.ax.tick_params(labelsize=7)
    for at, cell in summary.cells.items():
        x, y = summary.col_values.index(at[1]), summary.row_values.index(at[0])
        if cell.mean is None:
            axes.text(x, y, "×" if cell.diverged else "", ha="center", va="center", fontsize=7)
            continue
        shade = (cell.mean - low) / ((high - low) or 1.0)
        text = f"{cell.mean:.{decimals}f}" + ("×" if cell.diverged else "")
        colour = "white" if shade > 0.5 else "black"
        axes.text(x, y, text, ha="center", va="center", color=colour, fontsize=6.5)
        if at in summary.best:
            axes.add_patch(_frame(x, y))
    axes.set_xticks(range(len(summary.col_values)), [label(col) for col in summary.col_values])
    axes.set_yticks(range(len(summary.row_values)), [label(row) for row in summary.row_values])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set(xlabel=summary.cols, ylabel=summary.rows)
    note = "frame: lowest validation error" if summary.best else ""
    crosses = any(cell.diverged for cell in summary.cells.values())
    parts = [f"means, {counts(summary.cells.values())}", note, "×: diverged" if crosses else ""]
    axes.set_title("; ".join(part for part in parts if part), loc="left", fontsize=7)
    return figure


def _frame(x: int, y: int) -> Rectangle:
    from matplotlib.patches import Rectangle

    return Rectangle((x - 0.47, y - 0.45), 0.94, 0.9, fill=False, edgecolor="#D55E00", linewidth=2)
