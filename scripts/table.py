"""Prints a sweep's records as a table, and draws them.

python scripts/table.py --workdir=DIR --rows=variant --cols=dropout.rate --plot=rates.svg
"""

from pathlib import Path

from absl import flags

from dropout_lab.analysis import plot, table
from dropout_lab.analysis.summary import summarise
from dropout_lab.cli.entry import run
from dropout_lab.sweeps.store import Store
from dropout_lab.system.files import write_bytes

_WORKDIR = flags.DEFINE_string("workdir", None, "Folder of the sweep.", required=True)
_ROWS = flags.DEFINE_string("rows", "variant", "Config key of the rows; empty for one row.")
_COLS = flags.DEFINE_string("cols", None, "Config key of the columns; one column without it.")
_VALUE = flags.DEFINE_string("value", "test_error", "Metric to show, or wall_seconds.")
_FORMAT = flags.DEFINE_string("format", "markdown", "markdown, latex or csv.")
_WHERE = flags.DEFINE_multi_string("where", [], "Keep trials with key=value; repeatable.")
_OUTPUT = flags.DEFINE_string("output", None, "File for the table instead of printing it.")
_PLOT = flags.DEFINE_string("plot", None, "File for a figure of value against columns: .png, .svg.")


def main() -> None:
    """Renders before it writes, so that a wrong flag leaves no file behind."""
    store = Store(Path(_WORKDIR.value))
    summary = summarise(
        store.records(),
        store.trials(),
        value=_VALUE.value,
        rows=_ROWS.value or None,
        cols=_COLS.value,
        where=_WHERE.value,
    )
    text = table.render(summary, _FORMAT.value)
    if _PLOT.value:
        plot.save(summary, Path(_PLOT.value))
    if _OUTPUT.value:
        write_bytes(Path(_OUTPUT.value), text.encode())
    else:
        print(text, end="")


if __name__ == "__main__":
    run(main)
