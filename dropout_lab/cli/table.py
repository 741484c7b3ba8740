"""Shows a sweep's records as a table, and draws them as a figure.

dropout-lab table --workdir=DIR --rows=variant --cols=dropout.rate --plot=rates.svg
"""

from pathlib import Path

from absl import flags


class Command:
    """Flags and execution of ``dropout-lab table``."""

    def __init__(self) -> None:
        self._workdir = flags.DEFINE_string(
            "workdir", None, "Directory of the sweep.", required=True
        )
        self._rows = flags.DEFINE_string(
            "rows", "variant", "Configuration key of the rows; empty for one row."
        )
        self._cols = flags.DEFINE_string(
            "cols", None, "Configuration key of the columns; default: one column."
        )
        self._value = flags.DEFINE_string("value", "test_error", "A metric, or wall_seconds.")
        self._format = flags.DEFINE_string("format", "markdown", "markdown, latex or csv.")
        self._where = flags.DEFINE_multi_string(
            "where", [], "Keep trials with KEY=VALUE; repeatable."
        )
        self._output = flags.DEFINE_string("output", None, "File for the table; default: stdout.")
        self._plot = flags.DEFINE_string(
            "plot", None, "File to plot value against columns to: .png or .svg."
        )

    def run(self) -> None:
        """Prints or writes the table and the figure; a wrong flag leaves no file behind."""
        from dropout_lab.analysis import plot, table
        from dropout_lab.analysis.summary import summarise
        from dropout_lab.sweeps.store import Store
        from dropout_lab.system.files import write_bytes

        store = Store(Path(self._workdir.value))
        summary = summarise(
            store.records(),
            store.trials(),
            value=self._value.value,
            rows=self._rows.value or None,
            cols=self._cols.value,
            where=self._where.value,
        )
        text = table.render(summary, self._format.value)
        if self._plot.value:
            plot.save(summary, Path(self._plot.value))
        if self._output.value:
            write_bytes(Path(self._output.value), text.encode())
        else:
            print(text, end="")
