"""Pages of results: every experiment's and every sweep's, with tables from their records."""

import re
import shlex
import shutil
from pathlib import Path

import experiments
from dropout_lab.analysis import table
from dropout_lab.analysis.summary import summarise
from dropout_lab.config import default_config
from dropout_lab.reproduce import table as papers_table
from dropout_lab.reproduce.overview import describe, overview
from dropout_lab.reproduce.results import Results
from dropout_lab.reproduce.run import read
from dropout_lab.sweeps import Store

TABLE = re.compile(r"<!-- table (?P<spec>.+?) -->\n(?P<text>.*?)<!-- end -->", re.DOTALL)
"""A place in a page for a table.

Its specification is ``SWEEP [--rows=KEY] [--cols=KEY] [--value=NAME]``, ``EXPERIMENT/PROTOCOL``, or
``reproduced`` for a line of each experiment that was run.
"""


def write(folder: Path) -> None:
    """Adds the generated pages of results to a folder."""
    for path in experiments.RESULTS.rglob("*"):
        if path.name == "README.md" or path.suffix == ".svg":
            target = folder / path.relative_to(experiments.RESULTS)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    (folder / "experiments.md").write_text(_experiments())


def filled(text: str, folder: str) -> str:
    """Returns a page with its tables computed from the records.

    Args:
      text: The page, in Markdown.
      folder: Where the pages of results lie as seen from it.
    """

    def place(match: re.Match[str]) -> str:
        spec = match["spec"]
        return f"<!-- table {spec} -->\n{rendered(spec, folder)}<!-- end -->"

    return TABLE.sub(place, text)


def rendered(spec: str, folder: str) -> str:
    """Returns the table of a specification as in :data:`TABLE`."""
    name, *flags = shlex.split(spec)
    if name == "reproduced":
        return overview((_results(*each) for each in experiments.published()), folder)
    if "/" in name:
        return _of_paper(*name.split("/"))
    options = dict(flag.removeprefix("--").split("=") for flag in flags)
    store = Store(experiments.RESULTS / name)
    return table.render(summarise(store.records(), store.trials(), **options), "markdown")


def _results(name: str, protocol: str) -> Results:
    directory = experiments.RESULTS / name / protocol
    return read(name, experiments.load(name), default_config(), directory)


def _of_paper(name: str, protocol: str) -> str:
    """Returns the table of an experiment without its caption, which is on its page."""
    lines = papers_table.markdown(_results(name, protocol)).splitlines()
    return "\n".join(line for line in lines if line.startswith("|")) + "\n"


def _experiments() -> str:
    parts = ["# All experiments", "What `python scripts/reproduce.py --list` prints."]
    for name in experiments.NAMES:
        experiment = experiments.load(name)
        parts += [f"## {name}", experiment.citation]
        parts += ["```text\n" + describe(name, experiment, default_config(), {}) + "\n```"]
        if experiment.claims:
            parts.append("Claims:")
            parts.append("\n".join(f"- {claim}" for claim in experiment.claims))
    return "\n\n".join(parts) + "\n"
