"""Figure of a report."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dropout_lab.analysis.drawing import COLOURS, MARKERS, image, open_frame
from dropout_lab.system.files import write_bytes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SIDES = ("floor", "naive", "flax", "torch", "rbg", "deterministic")


def save(report: Mapping[str, Any], path: Path) -> None:
    """Draws a report and writes it whole, as SVG; equal reports give equal files.

    Raises:
      InputError: If the file cannot be written.
    """
    write_bytes(path, image(draw(report)))


def draw(report: Mapping[str, Any]) -> "Figure":
    """Returns the figure: every case's other sides over ours, on a logarithmic axis.

    Right of 1, ours is faster, or smaller.
    """
    from matplotlib.figure import Figure

    cases = [case for case in report["cases"] if len(case["sides"]) > 1]
    figure = Figure(figsize=(7.2, 1.2 + 0.22 * len(cases)), layout="constrained")
    axes = figure.add_subplot()
    for side, colour, marker in zip(_SIDES, COLOURS, MARKERS, strict=False):
        rows = [row for row, case in enumerate(cases) if side in case["sides"]]
        if rows:
            ratios = [_ratio(cases[row], side) for row in rows]
            axes.plot(ratios, rows, linestyle="", marker=marker, color=colour, label=side)
    axes.axvline(1, color="black", linewidth=0.8, label="ours")
    axes.set_yticks(range(len(cases)), [case["case"] for case in cases], fontsize="small")
    axes.invert_yaxis()
    if cases:
        axes.set_xscale("log")
    axes.set_xlabel("time, or memory, over ours (medians)")
    open_frame(axes)
    figure.legend(loc="outside upper right", frameon=False, ncols=5)
    return figure


def _ratio(case: Mapping[str, Any], side: str) -> float:
    return float(case["sides"][side]["median"] / case["sides"]["ours"]["median"])
