"""The common look of all figures, and their files."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from dropout_lab.errors import unknown
from dropout_lab.system.files import write_bytes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's palette, safe for colour-blind readers, without its yellow (too faint on white).
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P")
FORMATS = (".png", ".svg", ".pdf")
COLUMN = 4.4
"""Width of a figure in inches: shrunk to a column of 3.4 inches, its text has 6 points or more."""

_DATES = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
_FONTS: Any = {"font.size": 8.0, "axes.titlesize": 8.0, "figure.titlesize": 8.0}


def new_figure(height: float, width: float = COLUMN) -> Figure:
    """Returns an empty figure, with sizes in inches, whose texts have 8 points."""
    import matplotlib  # takes a second to import, and only figures need it
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_FONTS):
        return Figure(figsize=(width, height), layout="constrained")


def subplots(figure: Figure, rows: int = 1, cols: int = 1, **options: Any) -> list[list[Axes]]:
    """Returns axes on a figure of :func:`new_figure`, by row; options are matplotlib's."""
    import matplotlib

    with matplotlib.rc_context(_FONTS):
        grid = figure.subplots(rows, cols, squeeze=False, **options)
    return [list(line) for line in grid]


def open_frame(axes: Axes) -> None:
    """Adds a faint grid to the axes and removes the frame's top and right side."""
    axes.grid(alpha=0.25, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)


def label_ends(axes: Axes, ends: Sequence[tuple[float, str, str]]) -> None:
    """Writes the names of lines beside their right ends, apart from each other.

    Args:
      axes: The axes, whose limits are fixed by this.
      ends: For each line the height of its end, its name and its colour.
    """
    axes.set_ylim(axes.get_ylim())
    points = axes.transData.transform([(0, height) for height, _, _ in ends])
    heights = axes.transAxes.inverted().transform(points)[:, 1]
    size = axes.get_window_extent().height or 1.0
    step = 8.5 * axes.figure.dpi / 72 / size
    order = sorted(range(len(ends)), key=lambda i: heights[i])
    for place, height in zip(order, spread([float(heights[i]) for i in order], step), strict=True):
        _, name, colour = ends[place]
        axes.annotate(
            name,
            (1.02, height),
            xycoords="axes fraction",
            color=colour,
            va="center",
            fontsize=7,
            annotation_clip=False,
        )


def spread(heights: Sequence[float], step: float) -> list[float]:
    """Returns ascending heights moved as little as it takes to be a step apart.

    >>> spread([0.0, 0.0, 1.0], 0.5)
    [-0.25, 0.25, 1.0]
    """
    blocks: list[tuple[float, int]] = []  # centre and number of heights of each block
    for height in heights:
        centre, count = height, 1
        while blocks and centre - blocks[-1][0] < step * (count + blocks[-1][1]) / 2 - 1e-12:
            other, more = blocks.pop()
            centre = (centre * count + other * more) / (count + more)
            count += more
        blocks.append((centre, count))
    return [
        centre + step * (index - (count - 1) / 2)
        for centre, count in blocks
        for index in range(count)
    ]


def image(figure: Figure, form: str = "svg", *, dpi: float | Literal["figure"] = "figure") -> bytes:
    """Returns a figure as the bytes of an image file; equal figures give equal files.

    Args:
      figure: The figure.
      form: "svg", "png" or "pdf".
      dpi: Pixels per inch of a PNG.
    """
    import matplotlib

    content = io.BytesIO()
    # By default an SVG contains random ids.
    with matplotlib.rc_context({"svg.hashsalt": "dropout_lab"}):
        figure.savefig(content, format=form, dpi=dpi, metadata=_DATES.get(form, {}))
    return content.getvalue()


def check_format(path: Path) -> None:
    """Raises InputError unless a file's suffix is one of ``FORMATS``."""
    if path.suffix not in FORMATS:
        raise unknown("figure format", path.suffix, FORMATS)


def save(figure: Figure, path: Path) -> None:
    """Writes a figure atomically, in the format that the file's suffix names.

    Raises:
      InputError: If the suffix is none of ``FORMATS``, or the file cannot be written.
    """
    check_format(path)
    write_bytes(path, image(figure, path.suffix[1:], dpi=200))
