"""Runs a paper's table or figure again, and compares the results.

python scripts/reproduce.py --experiment=srivastava2014_table9 --protocol=short --workdir=DIR

Settings are chosen on validation data, the test set is read once; started again, only what is
missing is run. Claims, cells and choices are fixed in DIR/run.json when the run begins. DIR then
holds records, tables, figure and claims, and DIR/README.md presents them; --publish copies what of
it belongs in the repository to experiments/results/NAME/PROTOCOL.

Long runs: --cells=PATTERN runs some cells of a table now, others later. Without --workdir, records
go to experiments/unfinished/NAME/PROTOCOL, which git tracks and --check leaves alone: commit them
as they finish, and the same command goes on from them on another machine.

--list shows what there is, --check computes everything in experiments/results from its records
again and compares its claims with those that the run began with, --rewrite writes what differs.
"""

import contextlib
import sys

from absl import flags

import experiments
from configs import base
from dropout_lab.cli import run
from dropout_lab.errors import InputError
from dropout_lab.reproduce import table
from dropout_lab.reproduce.design import PROTOCOLS
from dropout_lab.reproduce.overview import describe
from dropout_lab.reproduce.results import Results
from dropout_lab.reproduce.run import differences, publish, read, reproduce, write
from dropout_lab.sweep_flags import ExecutorFlags

_EXPERIMENT = flags.DEFINE_string("experiment", None, "A file of experiments/, without .py.")
_PROTOCOL = flags.DEFINE_enum(
    "protocol", "short", PROTOCOLS, "As published, at its size but shorter, in an hour, or a try."
)
_CELLS = flags.DEFINE_multi_string(
    "cells", [], "Cells to run now, by label or pattern such as 'ReLU*'; all without it."
)
_WORKDIR = flags.DEFINE_string(
    "workdir",
    None,
    "Where records and reports go; experiments/unfinished/NAME/PROTOCOL without it.",
)
_PUBLISH = flags.DEFINE_bool("publish", False, "Copy results to experiments/results when done.")
_LIST = flags.DEFINE_bool("list", False, "List experiments and costs; stop.")
_CHECK = flags.DEFINE_bool("check", False, "Compare experiments/results with its records; stop.")
_REWRITE = flags.DEFINE_bool("rewrite", False, "Write what --check finds anew; stop.")
_EXECUTOR = ExecutorFlags()


def main() -> None:
    """Runs one experiment, or lists, checks or rewrites all."""
    modes = [flag.name for flag in (_LIST, _CHECK, _REWRITE) if flag.value]
    given = [flag.name for flag in (_EXPERIMENT, _CELLS, _WORKDIR, _PUBLISH) if flag.value]
    if len(modes) > 1 or (modes and given):
        together = " ".join(f"--{name}" for name in (*modes, *given))
        raise InputError(f"{together}; allowed: --{modes[0]} alone, which is about all experiments")
    if _LIST.value:
        print("\n\n".join(_describe(name) for name in experiments.NAMES))
    elif _CHECK.value or _REWRITE.value:
        _check(rewrite=_REWRITE.value)
    else:
        print(table.markdown(_reproduce()), end="")


def _reproduce() -> Results:
    name, protocol = _EXPERIMENT.value, _PROTOCOL.value
    if not name:
        raise InputError("no --experiment; allowed: --experiment, --list, --check or --rewrite")
    workdir = _WORKDIR.value or experiments.UNFINISHED / name / protocol
    if _PUBLISH.value and protocol == "smoke":
        raise InputError("--publish --protocol=smoke; allowed: results of paper, full or short")
    defaults = base.get_config()
    _EXECUTOR.set_checkpoints(defaults)
    results = reproduce(
        name,
        experiments.load(name),
        protocol,
        defaults,
        workdir,
        command=(
            f"python scripts/reproduce.py --experiment={name} --protocol={protocol} --workdir=DIR"
        ),
        cells=_CELLS.value,
        how=_EXECUTOR.how(),
    )
    if _PUBLISH.value:
        publish(workdir, experiments.RESULTS / name / protocol)
    return results


def _describe(name: str) -> str:
    results = {}
    for published, protocol in experiments.published():
        # The experiment may have changed since: --check says how.
        with contextlib.suppress(InputError):
            if published == name:
                results[protocol] = _published(name, protocol)
    return describe(name, experiments.load(name), base.get_config(), results)


def _published(name: str, protocol: str) -> Results:
    place = experiments.RESULTS / name / protocol
    return read(name, experiments.load(name), base.get_config(), place)


def _check(*, rewrite: bool) -> None:
    wrong, places = [], experiments.published()
    for name, protocol in places:
        directory = experiments.RESULTS / name / protocol
        try:
            results = _published(name, protocol)
        except InputError as error:
            wrong.append(str(error))
            continue
        files = differences(results, directory)
        if files and rewrite:
            write(results, directory)
            print(f"{directory}: written anew")
        else:
            wrong += [f"{directory / file} is not what its records say" for file in files]
    for line in wrong:
        print(line, file=sys.stderr)
    if wrong:
        sys.exit(1)
    print(f"{len(places)} results: every file is what its records say")


if __name__ == "__main__":
    run(main)
