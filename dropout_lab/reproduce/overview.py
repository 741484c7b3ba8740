"""Overview of all experiments: their protocols, costs and results."""

from collections import Counter
from collections.abc import Iterable, Mapping

from ml_collections import ConfigDict

from dropout_lab.analysis.markup import escape_markdown, markdown_table
from dropout_lab.reproduce import table
from dropout_lab.reproduce.design import make_design
from dropout_lab.reproduce.experiment import Experiment
from dropout_lab.reproduce.results import Results
from dropout_lab.reproduce.verdicts import judge
from dropout_lab.sweeps.status import duration


def overview(experiments: Iterable[Results], folder: str) -> str:
    """Returns a table with a line for each experiment that was run: headline, claims, time.

    Args:
      experiments: Results of experiments.
      folder: Folder that the links point to; it holds EXPERIMENT/PROTOCOL/README.md.
    """
    body: list[list[str]] = []
    totals = Counter[str]()
    for results in experiments:
        counts = _counts(results)
        totals.update(counts)
        protocol = results.run["protocol"]
        headline = results.experiment.headline
        ours, paper, _ = table.texts(results, headline)
        if results.design.protocol.incomparable:
            paper = "–"
        body.append(
            [
                f"[{results.name}]({folder}/{results.name}/{protocol}/README.md)",
                protocol,
                *(escape_markdown(text) for text in (str(headline), ours, paper)),
                *map(str, counts.values()),
                duration(results.run["seconds"]),
            ]
        )
    if not body:
        return "No experiment has been run yet.\n"
    body.append(["all", "", "", "", "", *map(str, totals.values()), ""])
    header = ["experiment", "protocol", "headline", "ours", "paper", *totals, "time"]
    caption = (
        "Ours: mean ± sample standard deviation (n networks). Errors in %. Then the number of "
        "claims with each verdict."
    )
    return markdown_table(caption, header, body)


def describe(
    name: str, experiment: Experiment, defaults: ConfigDict, published: Mapping[str, Results]
) -> str:
    """Returns an experiment in a few lines: its headline, and each protocol's cost and results.

    Args:
      name: Name of the experiment.
      experiment: The experiment.
      defaults: The default configuration.
      published: Its published results, by protocol.
    """
    headline = experiment.headline
    paper = experiment.cells[headline.cell].paper.get(headline.metric)
    theirs = f"{table.paper_text(paper)} in the paper" if paper else "no number in the paper"
    lines = [
        f"{name}: {experiment.title} ({experiment.source})",
        f"  headline: {headline}, {theirs}",
    ]
    for protocol in experiment.protocols:
        design = make_design(name, experiment, protocol, defaults)
        tried = sum(len(settings) for settings in design.candidates.values() if len(settings) > 1)
        searched = tried * len(design.protocol.search_seeds)
        networks = len(design.candidates) * len(design.protocol.seeds)
        lines.append(
            f"  {protocol}: {searched} networks to choose by, {networks} final; "
            f"{design.protocol.cost}"
        )
        if protocol in published:
            results = published[protocol]
            ours, _, _ = table.texts(results, headline)
            took = duration(results.run["seconds"])
            counts = ", ".join(f"{count} {name}" for name, count in _counts(results).items())
            lines.append(f"    was run: {ours}; claims: {counts}; in {took}")
    return "\n".join(lines)


def _counts(results: Results) -> dict[str, int]:
    """Returns how many of all claims were reproduced, contradicted, left open or exploratory."""
    verdicts = [verdict.verdict for verdict in judge(results)]
    decided = {name: verdicts.count(name) for name in ("reproduced", "contradicted", "exploratory")}
    total = len(results.design.claims)
    return {
        "reproduced": decided["reproduced"],
        "contradicted": decided["contradicted"],
        "open": total - sum(decided.values()),
        "exploratory": decided["exploratory"],
    }
