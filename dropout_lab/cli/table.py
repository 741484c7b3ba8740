"""Shows a sweep's records as a table.

dropout-lab table --workdir=DIR --rows=variant --cols=dropout.rate
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags

from dropout_lab.cli.path_flag import define_path
from dropout_lab.errors import InputError

if TYPE_CHECKING:
    from dropout_lab.analysis.table import Wording


class Command:
    """Flags and execution of ``dropout-lab table``."""

    def __init__(self) -> None:
        self._workdir = define_path("workdir", "Directory of the sweep.", required=True)
        self._rows = flags.DEFINE_string(
            "rows", "variant", "Configuration key of the rows; empty for one row."
        )
        self._cols = flags.DEFINE_string(
            "cols", None, "Configuration key of the columns; default: one column."
        )
        self._value = flags.DEFINE_string("value", "test_error", "A metric, or wall_seconds.")
        self._format = flags.DEFINE_string(
            "format", "markdown", "markdown, latex, latex_plain or csv."
        )
        self._caption = flags.DEFINE_string("caption", None, "Caption of the table.")
        self._label = flags.DEFINE_string("label", None, "With latex: the table's \\label.")
        self._rename = flags.DEFINE_multi_string(
            "rename", [], "OLD=NEW, the text for a row, a column or a key; repeatable."
        )
        self._where = flags.DEFINE_multi_string(
            "where", [], "Keep trials with KEY=VALUE; repeatable."
        )
        self._output = define_path("output", "File for the table; default: stdout.")

    def run(self) -> None:
        """Prints or writes the table; a wrong flag leaves no file behind."""
        from dropout_lab.analysis import table
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
        text = table.render(summary, self._format.value, self._wording())
        if self._output.value:
            write_bytes(Path(self._output.value), text.encode())
        else:
            print(text, end="")

    def _wording(self) -> Wording:
        from dropout_lab.analysis.table import Wording

        names = {}
        for spec in self._rename.value:
            old, equals, new = spec.rpartition("=")
            if not equals:
                raise InputError(f"--rename={spec}; allowed: --rename=OLD=NEW")
            names[old] = new
        if self._label.value is not None and self._format.value != "latex":
            raise InputError(
                f"--label={self._label.value} with --format={self._format.value}; allowed: latex"
            )
        return Wording(self._caption.value, self._label.value, names)
