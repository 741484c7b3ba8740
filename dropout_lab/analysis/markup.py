"""Captioned tables of text in Markdown and LaTeX."""

import re
from collections.abc import Callable, Sequence

import tabulate

Escape = Callable[[str], str]

_LATEX = str.maketrans(
    {
        **{char: rf"\{char}" for char in "&%$#_{}"},
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "|": r"\textbar{}",
        "±": r"$\pm$",
        "−": "$-$",
        "×": r"$\times$",
        "–": "--",
    }
)


def escape_markdown(text: str) -> str:
    """Returns text escaped so that Markdown shows it literally."""
    return re.sub(r"([\\|*`<])", r"\\\1", text)


def escape_latex(text: str) -> str:
    """Returns text escaped so that LaTeX shows it literally."""
    return text.translate(_LATEX)


def markdown_table(caption: str, header: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    """Returns a caption and a table; all arguments must already be escaped Markdown."""
    # If tabulate parsed numbers, a row label 1048576 beside 0.5 would become 1.04858e+06.
    lines = tabulate.tabulate(body, header, tablefmt="pipe", disable_numparse=True)
    return f"{caption}\n\n{lines}\n"


def latex_table(
    caption: str, header: Sequence[str], body: Sequence[Sequence[str]], name: str | None = None
) -> str:
    r"""Returns a floating booktabs table; all other arguments must already be escaped LaTeX.

    Args:
      caption: Caption.
      header: Cells of the first line.
      body: Cells of the other lines.
      name: What ``\ref`` calls the table; not escaped.
    """
    head, *lines = [_latex_line(" & ".join(cells)) for cells in (header, *body)]
    return "\n".join(
        [
            r"% needs \usepackage{booktabs}",
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{caption}}}",
            *([] if name is None else [rf"\label{{{name}}}"]),
            rf"\begin{{tabular}}{{{'l' * len(header)}}}",
            r"\toprule",
            head,
            r"\midrule",
            *lines,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def plain_latex_table(header: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    """Returns a table alone, which needs no package; all arguments must already be escaped."""
    head, *lines = [_latex_line(" & ".join(cells)) for cells in (header, *body)]
    columns = "l" * len(header)
    return "\n".join(
        [
            rf"\begin{{tabular}}{{{columns}}}",
            r"\hline",
            head,
            r"\hline",
            *lines,
            r"\hline",
            r"\end{tabular}",
            "",
        ]
    )


def _latex_line(line: str) -> str:
    r"""Returns a table line whose start LaTeX does not take for an option of the line before.

    >>> _latex_line("[a] & 1"), _latex_line("a & 1")
    ('{}[a] & 1 \\\\', 'a & 1 \\\\')
    """
    # After `\\` or `\midrule`, LaTeX reads a bracket or a star as an option.
    return f"{'{}' if line.startswith(('[', '*')) else ''}{line} " + r"\\"
