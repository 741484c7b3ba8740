r"""Measurement of speed and memory, beside peers, what the machine allows, and the targets.

dropout-lab benchmark --suite=all --peers=flax,torch \
    --output=experiments/results/benchmark/benchmark.json

Works in a checkout only.
"""

import sys
from pathlib import Path

from absl import flags

from dropout_lab.cli.path_flag import define_path
from dropout_lab.errors import InputError, unknown


class Command:
    """The subcommand."""

    def __init__(self) -> None:
        self._suite = flags.DEFINE_string(
            "suite",
            "all",
            "ops, attention, train, memory, startup, sweep, or all of these; or accelerator, which "
            "has what is of interest on a GPU.",
        )
        self._peers = flags.DEFINE_list(
            "peers",
            [],
            "What to measure beside ours: flax, torch, rbg (Flax with JAX's generator of that "
            "name), deterministic (our steps with XLA's flag for bits that repeat).",
        )
        self._output = define_path(
            "output", "FILE.json for the report; FILE.svg is written beside it."
        )
        self._repeats = flags.DEFINE_integer(
            "repeats", 15, "Most repeats of each measurement.", lower_bound=1
        )
        self._tiny = flags.DEFINE_bool("tiny", False, "Problems too small to tell: a try.")

    def run(self) -> None:
        """Checks the flags, measures, then prints and writes."""
        from dropout_lab.system.files import write_json
        from dropout_lab.system.workdir import check_directory
        from scripts.benchmarks import report, report_figure, runner
        from scripts.benchmarks.problems import TINY, Sizes
        from scripts.benchmarks.side_process import check_peers

        suites = [name for name, suite in runner.SUITES.items() if suite.in_all]
        if self._suite.value != "all":
            if self._suite.value not in runner.SUITES:
                raise unknown("suite", self._suite.value, (*runner.SUITES, "all"))
            suites = [self._suite.value]
        peers = check_peers(self._peers.value)
        output = Path(self._output.value) if self._output.value else None
        if output:
            if output.suffix != ".json":
                raise InputError(
                    f"--output is {self._output.value!r}; allowed: a name that ends in .json"
                )
            check_directory(output.parent)
        sizes = TINY if self._tiny.value else Sizes()
        measured = runner.run(suites, peers, self._repeats.value, sizes=sizes, say=_say)
        print(f"{report.caption(measured)}\n\n{report.table(measured)}")
        if output:
            write_json(output, measured)
            report_figure.save(measured, output.with_suffix(".svg"))


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
