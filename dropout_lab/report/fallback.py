"""The figure of a report for browsers that run no scripts."""

from collections.abc import Sequence
from pathlib import Path

from dropout_lab.analysis import plot
from dropout_lab.analysis.drawing import image
from dropout_lab.analysis.summary import summarise
from dropout_lab.errors import InputError
from dropout_lab.sweeps.gather import gather


def figure(workdirs: Sequence[str | Path]) -> str:
    """Returns the SVG of the test error by variant and rate; empty if trials differ in more.

    Args:
      workdirs: Directories of sweeps.
    """
    records, planned = gather(workdirs)
    try:
        drawn = plot.draw(summarise(records, planned, rows="variant", cols="dropout.rate"))
    except InputError:
        return ""
    text = image(drawn).decode()
    return text[text.index("<svg") :]
