"""A summary as a table in Markdown, LaTeX or CSV."""

import csv
import io
from collections.abc import Callable

from dropout_lab.analysis.markup import (
    Escape,
    escape_latex,
    escape_markdown,
    latex_table,
    markdown_table,
)
from dropout_lab.analysis.observations import label
from dropout_lab.analysis.summary import Aggregate, Summary, counts, describe
from dropout_lab.errors import unknown


def render(summary: Summary, form: str) -> str:
    """Returns the summary as text that ends in a newline.

    Args:
      summary: The statistics.
      form: ``markdown`` or ``latex``: a caption and a table of cells ``mean ± std (n)``, with the
        numbers of diverged and missing trials. Bold marks the lowest mean validation error, ``–``
        a cell without planned trials. ``csv``: a line per cell.

    Raises:
      InputError: If the format is unknown.
    """
    if form not in FORMATS:
        raise unknown("format", form, FORMATS)
    return FORMATS[form](summary)


def caption(summary: Summary) -> str:
    """Returns a sentence on the value, its unit, the filters, and the meaning of ±, n and bold."""
    title, _ = describe(summary.value)
    keys = " and ".join(key for key in (summary.rows, summary.cols) if key)
    subject = f"{title[0].upper()}{title[1:]}{' by ' if keys else ''}{keys}"
    only = f", only {', '.join(summary.where)}" if summary.where else ""
    bold = "lowest mean validation error" if summary.best else "none, no validation error recorded"
    return (
        f"{subject}{only}: mean ± sample standard deviation over seeds "
        f"(n trials averaged; {counts(summary.cells.values())}). Bold: {bold}."
    )


def cell_text(cell: Aggregate | None, decimals: int) -> str:
    """Returns a cell's statistics in the notation of :func:`render`, not yet bold.

    >>> cell = Aggregate(mean=1.5, std=0.1, n=2, diverged=1, missing=0, val_error=1.4)
    >>> cell_text(cell, decimals=2)
    '1.50 ± 0.10 (2; 1 diverged)'
    """
    if cell is None:
        return "–"
    lacking = {"diverged": cell.diverged, "missing": cell.missing}
    if cell.mean is None:
        return "; ".join(f"{why} ({count})" for why, count in lacking.items() if count)
    deviation = "" if cell.std is None else f" ± {cell.std:.{decimals}f}"
    gaps = ", ".join(f"{count} {why}" for why, count in lacking.items() if count)
    return f"{cell.mean:.{decimals}f}{deviation} ({cell.n}{'; ' if gaps else ''}{gaps})"


def _layout(summary: Summary, escape: Escape, bold: str) -> tuple[list[str], list[list[str]]]:
    """Returns the header and the rows as escaped text; ``bold`` is a format string."""
    title, decimals = describe(summary.value)
    corner = " / ".join(key for key in (summary.rows, summary.cols) if key)
    header = [corner, *(label(col) if summary.cols else title for col in summary.col_values)]
    body = []
    for row in summary.row_values:
        line = [escape(label(row) if summary.rows else "all")]
        for col in summary.col_values:
            text = escape(cell_text(summary.cells.get((row, col)), decimals))
            line.append(bold.format(text) if (row, col) in summary.best else text)
        body.append(line)
    return [escape(text) for text in header], body


def _markdown(summary: Summary) -> str:
    header, body = _layout(summary, escape_markdown, "**{}**")
    return markdown_table(escape_markdown(caption(summary)), header, body)


def _latex(summary: Summary) -> str:
    header, body = _layout(summary, escape_latex, r"\textbf{{{}}}")
    return latex_table(escape_latex(caption(summary)), header, body)


def _csv(summary: Summary) -> str:
    def number(statistic: float | None) -> str:
        return "" if statistic is None else f"{statistic:.10g}"

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    tallies = ["n", "planned", "diverged", "missing"]
    writer.writerow(["row", "col", "mean", "std", *tallies, "best_val"])
    for row in summary.row_values:
        for col in summary.col_values:
            cell = summary.cells.get((row, col))
            if cell is None:
                continue
            keys = [label(row) if summary.rows else "", label(col) if summary.cols else ""]
            statistics = [number(cell.mean), number(cell.std)]
            counted = [getattr(cell, tally) for tally in tallies]
            best = int((row, col) in summary.best)
            writer.writerow([*keys, *statistics, *counted, best])
    return text.getvalue()


FORMATS: dict[str, Callable[[Summary], str]] = {
    "markdown": _markdown,
    "latex": _latex,
    "csv": _csv,
}
