r"""Measures how fast this code is, against its peers, what the machine allows and its targets.

python scripts/benchmark.py --suite=all --peers=flax,torch \
    --output=experiments/results/benchmark/benchmark.json
"""

import sys
from pathlib import Path

from absl import flags

from dropout_lab.benchmark import figure, report, runner
from dropout_lab.benchmark.processes import check_peers
from dropout_lab.cli.entry import run
from dropout_lab.errors import InputError, unknown
from dropout_lab.system.files import write_json
from dropout_lab.system.workdir import check_directory

_SUITE = flags.DEFINE_string("suite", "all", f"{', '.join(runner.SUITES)} or all.")
_PEERS = flags.DEFINE_list("peers", [], "Other frameworks to measure beside ours: flax, torch.")
_OUTPUT = flags.DEFINE_string("output", None, "FILE.json for the report; a FILE.svg goes beside.")
_REPEATS = flags.DEFINE_integer("repeats", 15, "Repeats of each measurement, at most.", 1)


def main() -> None:
    """Checks the flags, measures, then prints and writes."""
    if _SUITE.value not in (*runner.SUITES, "all"):
        raise unknown("suite", _SUITE.value, (*runner.SUITES, "all"))
    suites = list(runner.SUITES) if _SUITE.value == "all" else [_SUITE.value]
    peers = check_peers(_PEERS.value)
    output = Path(_OUTPUT.value) if _OUTPUT.value else None
    if output:
        if output.suffix != ".json":
            raise InputError(f"--output is {_OUTPUT.value!r}; allowed: a name that ends in .json")
        check_directory(output.parent)
    measured = runner.run(suites, peers, _REPEATS.value, say=_say)
    print(f"{report.caption(measured)}\n\n{report.table(measured)}")
    if output:
        write_json(output, measured)
        figure.save(measured, output.with_suffix(".svg"))


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    run(main)
