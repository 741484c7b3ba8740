"""The common look of all figures, and their conversion to SVG and PNG."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's palette, safe for colour-blind readers, without its yellow (too faint on white).
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P")


def open_frame(axes: Axes) -> None:
    """Adds a faint grid to the axes and removes the frame's top and right side."""
    axes.grid(alpha=0.25, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)


def image(figure: Figure, form: str = "svg", *, dpi: float | Literal["figure"] = "figure") -> bytes:
    """Returns a figure as the bytes of an image file; equal figures give equal SVG.

    Args:
      figure: The figure.
      form: "svg" or "png".
      dpi: Pixels per inch of a PNG.
    """
    import matplotlib  # takes a second to import, and only figures need it

    content = io.BytesIO()
    # By default an SVG contains the date and random ids.
    with matplotlib.rc_context({"svg.hashsalt": "dropout_lab"}):
        metadata = {"Date": None} if form == "svg" else {}
        figure.savefig(content, format=form, dpi=dpi, metadata=metadata)
    return content.getvalue()
