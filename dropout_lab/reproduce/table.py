"""An experiment's table: our values, the paper's, and the differences with uncertainties."""

import csv
import io
from collections.abc import Callable, Iterator, Sequence

from dropout_lab.analysis.markup import (
    Escape,
    escape_latex,
    escape_markdown,
    latex_table,
    markdown_table,
)
from dropout_lab.analysis.statistics import Difference, Sample, significant
from dropout_lab.analysis.summary import describe
from dropout_lab.reproduce.claim import CellMetric
from dropout_lab.reproduce.experiment import Published
from dropout_lab.reproduce.results import Results

PARTS = ("ours", "paper", "difference")


def markdown(results: Results) -> str:
    """Returns the table in Markdown, below its caption."""
    return _render(results, escape_markdown, markdown_table)


def latex(results: Results) -> str:
    """Returns the table in LaTeX, for booktabs."""
    return _render(results, escape_latex, latex_table)


def caption(results: Results) -> str:
    """Returns the table's caption: its source, its notation and its departures."""
    experiment, protocol = results.experiment, results.design.protocol
    title = protocol.title or experiment.title
    if experiment.citation:
        title += f", after {experiment.citation} ({experiment.source})"
    parts = [
        f"{title}. Ours: mean ± sample standard deviation (n networks), to the decimal in which "
        "the mean's standard error has its first digit; networks differ in their seed, the test "
        "images are the same."
    ]
    if shared_subset(results):
        parts.append(
            "All networks are trained on the same part of the training images: no interval here "
            "covers the choice of that part."
        )
    if protocol.incomparable:
        parts.append(f"No differences from the paper: {protocol.incomparable}.")
    elif experiment.numbered:
        parts.append(
            "Difference: ours − paper with a 95 % interval of its own, not corrected for their "
            "number; Welch's where the paper gives a spread and n, else with the paper's number "
            "taken as exact."
        )
    shortened = protocol.shortened or results.design.departures
    if shortened:
        whose = "the paper's" if experiment.citation else "the full"
        parts.append(
            f"Not {whose} protocol but a shortened one "
            f"({results.run['protocol']}): {'; '.join(shortened)}."
        )
    if protocol.departures:
        parts.append(f"Otherwise than in the paper: {'; '.join(protocol.departures)}.")
    return " ".join(parts)


def shared_subset(results: Results) -> bool:
    """Returns whether networks are trained on a part of the training images, the same for all."""
    return any(record["config"]["data"]["train_size"] for record in results.records.values())


def csv_table(results: Results) -> str:
    """Returns the table as CSV: a line per value, with a column for each number, to six digits."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    theirs = ("paper", "paper_std", "paper_n", "difference", "low", "high")
    writer.writerow(["row", "column", "cell", "metric", "mean", "std", "n", "diverged", *theirs])
    for row, column, value in places(results):
        sample, paper = results.sample(value), results.paper(value)
        difference = results.from_paper(value)
        published = (paper.value, paper.std, paper.n) if paper else (None,) * 3
        interval = (difference.estimate, *difference.interval) if difference else (None,) * 3
        numbers = [sample.mean, sample.std, sample.n, sample.diverged, *published, *interval]
        writer.writerow([row, column, value.cell, value.metric, *map(_number, numbers)])
    return text.getvalue()


def places(results: Results) -> Iterator[tuple[str, str, CellMetric]]:
    """Yields each value of the table with its row's and column's title."""
    layout = results.experiment.layout
    for row, values in layout.rows.items():
        for column, value in zip(layout.columns, values, strict=True):
            if value is not None:
                yield row, column, value


def texts(results: Results, value: CellMetric | None) -> tuple[str, str, str]:
    """Returns our value, the paper's and the difference, as the table shows them."""
    if value is None:
        return "–", "–", "–"
    sample, paper = results.sample(value), results.paper(value)
    decimals = decimals_of(sample, value)
    return (
        ours_text(sample, decimals),
        paper_text(paper),
        difference_text(
            results.from_paper(value),
            sample,
            None if results.design.protocol.incomparable else paper,
            decimals,
        ),
    )


def decimals_of(sample: Sample, value: CellMetric) -> int:
    """Returns the decimals to show a value with: as the sample supports, at most the usual."""
    _, usual = describe(value.metric)
    return min(sample.decimals, usual)


def ours_text(sample: Sample, decimals: int) -> str:
    """Returns a sample in a table's notation.

    >>> ours_text(Sample({0: 1.5, 1: 1.7}, diverged=1), 1)
    '1.6 ± 0.1 (2; 1 diverged)'
    """
    gap = f"{sample.diverged} diverged" if sample.diverged else ""
    if sample.mean is None:
        return gap or "–"
    spread = "" if sample.std is None else f" ± {sample.std:.{decimals}f}"
    return f"{sample.mean:.{decimals}f}{spread} ({sample.n}{'; ' if gap else ''}{gap})"


def paper_text(paper: Published | None) -> str:
    """Returns a paper's number in the paper's notation."""
    if paper is None:
        return "–"
    spread = "" if paper.std is None else f" ± {paper.std:g}"
    return f"{paper.value:g}{spread}" + ("" if paper.n is None else f" ({paper.n})")


def difference_text(
    difference: Difference | None, sample: Sample, paper: Published | None, decimals: int
) -> str:
    """Returns a difference with its interval; without one, only the difference."""
    if difference is not None:
        low, high = difference.interval
        return f"{signed(difference.estimate, decimals)} {interval_text(low, high, decimals)}"
    if sample.mean is None or paper is None:
        return "–"
    return signed(sample.mean - paper.value, decimals)


def interval_text(low: float, high: float, decimals: int) -> str:
    """Returns an interval."""
    return f"[{signed(low, decimals)}, {signed(high, decimals)}]"


def signed(number: float, decimals: int) -> str:
    """Returns a number with its sign.

    >>> signed(-0.25, 2), signed(-0.001, 1)
    ('−0.25', '+0.0')
    """
    text = f"{number:+.{decimals}f}"
    return text.replace("-", "−") if float(text) else text.replace("-", "+")


def _render(
    results: Results,
    escape: Escape,
    table: Callable[[str, Sequence[str], Sequence[Sequence[str]]], str],
) -> str:
    layout = results.experiment.layout
    numbered = results.experiment.numbered
    parts = PARTS[: (2 if results.design.protocol.incomparable else 3) if numbered else 1]
    if len(layout.columns) == 1:
        header = ["", *parts]
        body = [
            [row, *texts(results, value)[: len(parts)]] for row, (value,) in layout.rows.items()
        ]
    else:
        header = ["", "", *layout.columns]
        body = []
        for row, values in layout.rows.items():
            columns = [texts(results, value) for value in values]
            for number, part in enumerate(parts):
                line = [column[number] for column in columns]
                body.append(["" if number else row, part, *line])
    escaped = [[escape(text) for text in line] for line in (header, *body)]
    return table(escape(caption(results)), escaped[0], escaped[1:])


def _number(number: float | None) -> str:
    return "" if number is None else f"{significant(number):g}"
