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
    """Returns text that Markdown shows as it is."""
    return re.sub(r"([\\|*`<])", r"\\\1", text)


def escape_latex(text: str) -> str:
    """Returns text that LaTeX shows as it is."""
    return text.translate(_LATEX)


def markdown_table(caption: str, header: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    """Returns a caption and a table; everything given is markup already."""
    # Numbers arrive as text: parsed again, a row label 1048576 beside 0.5 would be 1.04858e+06.
    lines = tabulate.tabulate(body, header, tablefmt="pipe", disable_numparse=True)
    return f"{caption}\n\n{lines}\n"


def latex_table(caption: str, header: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    """Returns a floating booktabs table; everything given is markup already."""
    head, *lines = [_latex_line(" & ".join(cells)) for cells in (header, *body)]
    return "\n".join(
        [
            r"% needs \usepackage{booktabs}",
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{caption}}}",
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


def _latex_line(line: str) -> str:
    r"""Returns a line of a table that the command before it reads nothing of.

    >>> _latex_line("[a] & 1"), _latex_line("a & 1")
    ('{}[a] & 1 \\\\', 'a & 1 \\\\')
    """
    # A bracket or a star after the end of a line, or after a rule, would be its option.
    return f"{'{}' if line.startswith(('[', '*')) else ''}{line} " + r"\\"
