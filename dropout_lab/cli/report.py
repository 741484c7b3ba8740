"""Writes one HTML file that shows a sweep, or several, in a browser without a network.

dropout-lab report --workdir=DIR

The page has the table, to sort and to filter, values against rates, learning curves, generalisation
gaps, what failed, and how to run the sweep again.
"""

from pathlib import Path

from absl import flags

from dropout_lab.cli.path_flag import define_path, define_paths

_PAUSE = 10.0  # seconds between two versions; the page reloads itself as often


class Command:
    """Flags and execution of ``dropout-lab report``."""

    def __init__(self) -> None:
        self._workdir = define_paths(
            "workdir", "Directory of a sweep, or of an experiment; repeatable.", required=True
        )
        self._output = define_path(
            "output", "The file; default: report.html in the first directory."
        )
        self._watch = flags.DEFINE_bool(
            "watch", False, "Write it again every 10 s until the sweep has ended."
        )

    def run(self) -> None:
        """Writes the page, and prints its path."""
        import time

        from dropout_lab.report.content import content
        from dropout_lab.report.fallback import figure
        from dropout_lab.report.page import page
        from dropout_lab.sweeps.gather import sweeps_in
        from dropout_lab.system.files import write_bytes

        first = Path(self._workdir.value[0])
        path = Path(self._output.value) if self._output.value else first / "report.html"
        while True:
            workdirs = sweeps_in(self._workdir.value)
            found = content(workdirs)
            write_bytes(path, page(found, figure(workdirs)).encode())
            print(path, flush=True)
            if not (self._watch.value and found["live"]):
                return
            time.sleep(_PAUSE)
