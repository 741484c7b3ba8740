"""Reproduces a paper's table or figure, and compares it with the published numbers.

dropout-lab reproduce --experiment=srivastava2014_table9 --protocol=short --workdir=DIR

Settings are chosen on validation data, and the test set is read once. The same command, started
again, runs only what is missing. Claims, cells and choices are fixed in DIR/run.json when the run
begins. DIR then holds records, tables, figure and claims, and DIR/README.md sums them up; --publish
copies the part that belongs in the repository to experiments/results/NAME/PROTOCOL.

Long runs: --cells=PATTERN runs some cells of a table now, others later. Without --workdir, records
go to experiments/unfinished/NAME/PROTOCOL, which git tracks and --check leaves alone: commit them
as they finish, and the same command continues from them on another machine.

--list shows all experiments. --check recomputes experiments/results from its records, reports files
that differ, and compares the claims with those fixed when the run began; --rewrite updates the
files. Works in a checkout only.
"""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

from absl import flags

from dropout_lab.cli.path_flag import define_path
from dropout_lab.cli.sweep_flags import ExecutionFlags
from dropout_lab.errors import InputError

if TYPE_CHECKING:
    from dropout_lab.reproduce.results import Results


class Command:
    """Flags and execution of ``dropout-lab reproduce``."""

    def __init__(self) -> None:
        self._experiment = flags.DEFINE_string(
            "experiment", None, "A file of experiments/, without .py."
        )
        self._protocol = flags.DEFINE_string(
            "protocol",
            "short",
            "paper (as published), full (same size, shorter training), short (about an hour), "
            "smoke (a quick try).",
        )
        self._cells = flags.DEFINE_multi_string(
            "cells", [], "Cells to run now, by label or pattern such as 'ReLU*'; default: all."
        )
        self._workdir = define_path(
            "workdir",
            "Directory for records and reports; default: experiments/unfinished/NAME/PROTOCOL.",
        )
        self._publish = flags.DEFINE_bool(
            "publish", False, "Copy results to experiments/results when done."
        )
        self._list = flags.DEFINE_bool("list", False, "List experiments and their costs; exit.")
        self._check = flags.DEFINE_bool(
            "check", False, "Compare experiments/results with its records; exit."
        )
        self._rewrite = flags.DEFINE_bool(
            "rewrite", False, "Rewrite the files that --check reports; exit."
        )
        self._execution = ExecutionFlags()

    def run(self) -> None:
        """Runs one experiment, or lists or checks all."""
        import experiments
        from dropout_lab.reproduce import table

        modes = [flag.name for flag in (self._list, self._check, self._rewrite) if flag.value]
        flags_of_one = (self._experiment, self._cells, self._workdir, self._publish)
        given = [flag.name for flag in flags_of_one if flag.value]
        if len(modes) > 1 or (modes and given):
            listed = " ".join(f"--{name}" for name in (*modes, *given))
            raise InputError(f"{listed}; allowed: --{modes[0]} alone, which is for all experiments")
        if self._list.value:
            print("\n\n".join(_describe(name) for name in experiments.NAMES))
        elif self._check.value or self._rewrite.value:
            _check(rewrite=self._rewrite.value)
        else:
            print(table.markdown(self._reproduce()), end="")

    def _reproduce(self) -> Results:
        import experiments
        from dropout_lab.config import default_config
        from dropout_lab.reproduce.run import publish, reproduce

        name, protocol = self._experiment.value, self._protocol.value
        if not name:
            raise InputError("no --experiment; allowed: --experiment, --list, --check or --rewrite")
        workdir = self._workdir.value or experiments.UNFINISHED / name / protocol
        if self._publish.value and protocol == "smoke":
            raise InputError("--publish --protocol=smoke; allowed: --protocol=paper, full or short")
        defaults = default_config()
        self._execution.set_checkpoints(defaults)
        results = reproduce(
            name,
            experiments.load(name),
            protocol,
            defaults,
            workdir,
            command=(
                f"python scripts/reproduce.py --experiment={name} --protocol={protocol} "
                "--workdir=DIR"
            ),
            cells=self._cells.value,
            execution=self._execution.execution(),
        )
        if self._publish.value:
            publish(workdir, experiments.RESULTS / name / protocol)
        return results


def _describe(name: str) -> str:
    import experiments
    from dropout_lab.config import default_config
    from dropout_lab.reproduce.overview import describe

    results = {}
    for experiment, protocol in experiments.published():
        if experiment == name:
            # The experiment may have been changed since: --check reports how.
            with contextlib.suppress(InputError):
                results[protocol] = _published(name, protocol)
    return describe(name, experiments.load(name), default_config(), results)


def _published(name: str, protocol: str) -> Results:
    import experiments
    from dropout_lab.config import default_config
    from dropout_lab.reproduce.run import read

    directory = experiments.RESULTS / name / protocol
    return read(name, experiments.load(name), default_config(), directory)


def _check(*, rewrite: bool) -> None:
    import experiments
    from dropout_lab.reproduce.run import differences, write

    errors, published = [], experiments.published()
    for name, protocol in published:
        directory = experiments.RESULTS / name / protocol
        try:
            results = _published(name, protocol)
        except InputError as error:
            errors.append(str(error))
            continue
        files = differences(results, directory)
        if files and rewrite:
            write(results, directory)
            print(f"{directory}: rewritten")
        else:
            errors += [f"{directory / file} is not what its records say" for file in files]
    for line in errors:
        print(line, file=sys.stderr)
    if errors:
        sys.exit(1)
    print(f"{len(published)} results: every file is what its records say")
