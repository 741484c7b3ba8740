"""An experiment's figure, with the paper's points beside ours, and its data."""

from itertools import cycle
from typing import Any

from dropout_lab.analysis.drawing import COLOURS, MARKERS, image, open_frame
from dropout_lab.analysis.statistics import significant
from dropout_lab.analysis.summary import describe
from dropout_lab.reproduce.claim import CellMetric
from dropout_lab.reproduce.results import Results
from dropout_lab.reproduce.table import places


def figure_data(results: Results) -> dict[str, Any]:
    """Returns the figure's data, ready for JSON: lines of points.

    Without curves of its own, an experiment's figure has a line for each column of its table, with
    the rows along the x axis.
    """
    curves = results.experiment.curves
    if curves is not None:
        named = {
            title: [_point(results, x, value) for x, value in sorted(line.items())]
            for title, line in curves.lines.items()
        }
        return {"x": curves.x, "y": curves.y, "lines": named}
    lines: dict[str, list[dict[str, Any]]] = {}
    for row, column, value in places(results):
        lines.setdefault(column, []).append(_point(results, row, value))
    y, _ = describe(results.experiment.headline.metric)
    return {"x": "", "y": y, "lines": lines}


def _point(results: Results, x: float | str, value: CellMetric) -> dict[str, Any]:
    sample = results.sample(value)
    paper = None if results.design.protocol.incomparable else results.paper(value)
    return {
        "x": x,
        "mean": significant(sample.mean),
        "std": significant(sample.std),
        "n": sample.n,
        "paper": paper.value if paper else None,
        "paper_std": paper.std if paper else None,
    }


def svg(data: dict[str, Any]) -> bytes:
    """Returns the figure of :func:`figure_data` as SVG."""
    from matplotlib.figure import Figure  # a second to import, and only figures need it

    figure = Figure(figsize=(6.8, 3.8), layout="constrained")
    axes = figure.add_subplot()
    styles = zip(data["lines"].items(), cycle(COLOURS), cycle(MARKERS), strict=False)
    for (title, points), colour, marker in styles:
        numeric = all(isinstance(point["x"], int | float) for point in points)
        xs, mean, std = (_column(points, key) for key in ("x", "mean", "std"))
        paper, spread = (_column(points, key) for key in ("paper", "paper_std"))
        if numeric:
            low, high = ([m + s * d for m, d in zip(mean, std, strict=True)] for s in (-1, 1))
            axes.fill_between(xs, low, high, color=colour, alpha=0.15, linewidth=0)
        look: dict[str, Any] = {"marker": marker, "color": colour, "elinewidth": 0.8}
        name = f"{title}: " if title else ""
        line = "-" if numeric else ""
        axes.errorbar(xs, mean, yerr=std, label=f"{name}ours", linestyle=line, **look)
        if any(point["paper"] is not None for point in points):
            look |= {"linestyle": "", "markerfacecolor": "none", "markersize": 8}
            axes.errorbar(xs, paper, yerr=spread, label=f"{name}paper", **look)
    axes.set(xlabel=data["x"], ylabel=data["y"])
    axes.tick_params(axis="x", rotation=0 if data["x"] else 20)
    open_frame(axes)
    figure.legend(loc="outside right upper", frameon=False)
    return image(figure)


def _column(points: list[dict[str, Any]], key: str) -> list[Any]:
    """Returns a field of all points; NaN, which is not drawn, where there is none."""
    return [float("nan") if point[key] is None else point[key] for point in points]
