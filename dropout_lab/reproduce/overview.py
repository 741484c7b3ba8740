"""All experiments at a glance: what there is, what it costs, what came of it."""

from collections.abc import Iterable, Mapping

from ml_collections import ConfigDict

from dropout_lab.analysis.markup import escape_markdown, markdown_table
from dropout_lab.reproduce import table
from dropout_lab.reproduce.experiment import Experiment
from dropout_lab.reproduce.plan import make_plan
from dropout_lab.reproduce.results import Results
from dropout_lab.reproduce.verdicts import judge
from dropout_lab.sweeps.status import duration


def overview(found: Iterable[Results], folder: str) -> str:
    """Returns a table with a line for each experiment that was run: headline, claims, time.

    Args:
      found: What was run.
      folder: Where the links lead; each experiment has its folder there, each protocol one in it.
    """
    body = []
    for results in found:
        protocol = results.run["protocol"]
        headline = results.experiment.headline
        ours, paper, _ = table.texts(results, headline)
        body.append(
            [
                f"[{results.name}]({folder}/{results.name}/{protocol}/README.md)",
                protocol,
                *(escape_markdown(text) for text in (str(headline), ours, paper)),
                _kept(results),
                duration(results.run["seconds"]),
            ]
        )
    if not body:
        return "No experiment has been run yet.\n"
    header = ["experiment", "protocol", "headline", "ours", "paper", "claims reproduced", "time"]
    caption = "Ours: mean ± sample standard deviation (n networks). Errors in %."
    return markdown_table(caption, header, body)


def describe(
    name: str, experiment: Experiment, defaults: ConfigDict, found: Mapping[str, Results]
) -> str:
    """Returns an experiment in a few lines: headline, and what each protocol takes and gave.

    Args:
      name: Its file.
      experiment: The experiment.
      defaults: A value for every configuration key.
      found: What was run of it, by protocol.
    """
    headline = experiment.headline
    paper = experiment.cells[headline.cell].paper.get(headline.metric)
    theirs = f"{table.paper_text(paper)} in the paper" if paper else "no number in the paper"
    lines = [
        f"{name}: {experiment.title} ({experiment.source})",
        f"  headline: {headline}, {theirs}",
    ]
    for protocol in experiment.protocols:
        plan = make_plan(name, experiment, protocol, defaults)
        tried = sum(len(each) for each in plan.candidates.values() if len(each) > 1)
        networks = len(plan.candidates) * len(plan.protocol.seeds)
        told = f"{tried * len(plan.protocol.search_seeds)} networks to choose by, {networks} final"
        lines.append(f"  {protocol}: {told}; {plan.protocol.cost}")
        if protocol in found:
            results = found[protocol]
            ours, _, _ = table.texts(results, headline)
            took = duration(results.run["seconds"])
            lines.append(f"    was run: {ours}, claims reproduced {_kept(results)}, in {took}")
    return "\n".join(lines)


def _kept(results: Results) -> str:
    """Returns how many claims were reproduced, of how many, and how many were contradicted."""
    found = [verdict.verdict for verdict in judge(results)]
    told = f"{found.count('reproduced')}/{len(found)}"
    contradicted = found.count("contradicted")
    return f"{told}, {contradicted} contradicted" if contradicted else told
