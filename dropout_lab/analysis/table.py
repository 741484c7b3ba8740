"""A summary as a table in Markdown, LaTeX or CSV."""

import csv
import dataclasses
import io
from collections.abc import Callable, Mapping

from dropout_lab.analysis.markup import (
    Escape,
    escape_latex,
    escape_markdown,
    latex_table,
    markdown_table,
    plain_latex_table,
)
from dropout_lab.analysis.observations import label
from dropout_lab.analysis.summary import Aggregate, Summary, counts, describe
from dropout_lab.errors import unknown


@dataclasses.dataclass(frozen=True)
class Wording:
    """What a table says besides its numbers.

    Attributes:
      caption: Caption in place of the one that tells how the numbers were made.
      label: What LaTeX's references call the table.
      names: Texts by the labels of rows, columns and keys that they replace.
    """

    caption: str | None = None
    label: str | None = None
    names: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def name(self, text: str) -> str:
        """Returns what a label is called."""
        return self.names.get(text, text)


def render(summary: Summary, form: str, wording: Wording | None = None) -> str:
    """Returns the summary as text that ends in a newline.

    Args:
      summary: The statistics.
      form: ``markdown`` or ``latex``: a caption and a table of cells ``mean ± std (n)``, with the
        numbers of diverged and missing trials. Bold marks the lowest mean validation error, ``–``
        a cell without planned trials. ``latex_plain``: the table alone, without packages. ``csv``:
        a line per cell.
      wording: Caption, label and names.

    Raises:
      InputError: If the format is unknown.
    """
    if form not in FORMATS:
        raise unknown("format", form, FORMATS)
    wording = wording or Wording()
    labels = {label(value) for value in (*summary.row_values, *summary.col_values)}
    for name in wording.names:
        if name not in labels | {summary.rows, summary.cols}:
            raise unknown("label to rename", name, labels)
    return FORMATS[form](summary, wording)


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


def _layout(
    summary: Summary, wording: Wording, escape: Escape, bold: str
) -> tuple[list[str], list[list[str]]]:
    """Returns the header and the rows as escaped text; ``bold`` is a format string."""
    title, decimals = describe(summary.value)
    name = wording.name
    corner = " / ".join(name(key) for key in (summary.rows, summary.cols) if key)
    header = [corner, *(name(label(col)) if summary.cols else title for col in summary.col_values)]
    body = []
    for row in summary.row_values:
        line = [escape(name(label(row)) if summary.rows else "all")]
        for col in summary.col_values:
            text = escape(cell_text(summary.cells.get((row, col)), decimals))
            line.append(bold.format(text) if (row, col) in summary.best else text)
        body.append(line)
    return [escape(text) for text in header], body


def _markdown(summary: Summary, wording: Wording) -> str:
    header, body = _layout(summary, wording, escape_markdown, "**{}**")
    return markdown_table(escape_markdown(wording.caption or caption(summary)), header, body)


def _latex(summary: Summary, wording: Wording) -> str:
    header, body = _layout(summary, wording, escape_latex, r"\textbf{{{}}}")
    text = escape_latex(caption(summary)) if wording.caption is None else wording.caption
    return latex_table(text, header, body, wording.label)


def _latex_plain(summary: Summary, wording: Wording) -> str:
    return plain_latex_table(*_layout(summary, wording, escape_latex, r"\textbf{{{}}}"))


def _csv(summary: Summary, wording: Wording) -> str:
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
            keys = [
                wording.name(label(value)) if key else ""
                for key, value in ((summary.rows, row), (summary.cols, col))
            ]
            statistics = [number(cell.mean), number(cell.std)]
            counted = [getattr(cell, tally) for tally in tallies]
            best = int((row, col) in summary.best)
            writer.writerow([*keys, *statistics, *counted, best])
    return text.getvalue()


FORMATS: dict[str, Callable[[Summary, Wording], str]] = {
    "markdown": _markdown,
    "latex": _latex,
    "latex_plain": _latex_plain,
    "csv": _csv,
}
