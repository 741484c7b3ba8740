import csv
import os
import re
from pathlib import Path

import pytest

from dropout_lab.analysis import table
from dropout_lab.analysis.summary import summarise
from dropout_lab.analysis.table import render
from dropout_lab.errors import InputError

GOLDEN = Path(__file__).parent / "golden"
SUFFIX = {"markdown": "md", "latex": "tex", "csv": "csv"}


@pytest.mark.parametrize("form", SUFFIX)
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("error_by_rate", {"cols": "dropout.rate"}),
        ("nll_of_two", {"value": "test_nll", "where": ["dropout.rate=0", "dropout.rate=0.25"]}),
    ],
)
def test_tables_equal_the_golden_files(small_sweep, name, arguments, form):
    text = render(summarise(small_sweep.records, small_sweep.planned, **arguments), form)
    golden = GOLDEN / f"{name}.{SUFFIX[form]}"
    if "UPDATE_GOLDEN" in os.environ:
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8"), (
        f"The {form} table changed. If that was the intention - new wording, layout or statistics "
        "- run UPDATE_GOLDEN=1 pytest tests/analysis/test_table.py, read the diff and commit it. "
        "If not, the numbers that people read have changed: find out why."
    )


def test_an_unknown_format_is_an_error_with_the_nearest(small_sweep):
    summary = summarise(small_sweep.records, small_sweep.planned, cols="dropout.rate")
    with pytest.raises(InputError, match="unknown format 'markdwn'; did you mean 'markdown'"):
        render(summary, "markdwn")


def test_csv_agrees_with_the_cells(small_sweep):
    summary = summarise(small_sweep.records, small_sweep.planned, cols="dropout.rate")
    lines = list(csv.DictReader(render(summary, "csv").splitlines()))
    assert len(lines) == len(summary.cells)
    for line in lines:
        at = line["row"], float(line["col"])
        cell = summary.cells[at]
        assert (line["mean"] == "") == (cell.mean is None)
        assert float(line["mean"] or 0) == pytest.approx(cell.mean or 0)
        assert float(line["std"] or 0) == pytest.approx(cell.std or 0)
        assert int(line["n"]) + int(line["diverged"]) + int(line["missing"]) == cell.planned
        assert int(line["planned"]) == cell.planned
        assert bool(int(line["best_val"])) == (at in summary.best)


def test_special_characters_do_not_break_the_layout(new_sweep):
    nasty = r"a|b_c&d%e\f*g"
    sweep = new_sweep().add(nasty, test=[1.0]).add("plain", test=[2.0])
    summary = summarise(sweep.records, sweep.planned)
    latex = next(line for line in render(summary, "latex").splitlines() if line.startswith("a"))
    assert latex == (r"a\textbar{}b\_c\&d\%e\textbackslash{}f*g & \textbf{1.00 (1)} \\")
    markdown = render(summary, "markdown").splitlines()[-2]
    assert len(re.findall(r"(?<!\\)\|", markdown)) == 3
    assert r"a\|b_c&d%e\\f\*g" in markdown
    read = list(csv.reader(render(summary, "csv").splitlines()))
    assert read[1][0] == nasty


def test_row_labels_are_shown_in_full(new_sweep):
    sweep = new_sweep().add(test=[1.0], width=1048576).add(test=[2.0], width=0.5)
    text = render(summarise(sweep.records, sweep.planned, rows="width"), "markdown")
    assert [line.split()[1] for line in text.splitlines()[-2:]] == ["0.5", "1048576"]


def test_a_single_row_is_called_all(new_sweep):
    sweep = new_sweep().add(test=[1.0, 2.0])
    text = render(summarise(sweep.records, sweep.planned, rows=None), "markdown")
    assert "| all | **1.50 ± 0.71 (2)** |" in text


def test_caption_label_and_names_can_be_ones_own(small_sweep):
    summary = summarise(small_sweep.records, small_sweep.planned, cols="dropout.rate")
    names = {"drop_connect": "DropConnect", "0.25": "a quarter", "dropout.rate": "$p$"}
    wording = table.Wording("Errors in \\%.", "tab:errors", names)
    text = table.render(summary, "latex", wording)
    assert "\\caption{Errors in \\%.}\n\\label{tab:errors}\n" in text
    assert "\nDropConnect & " in text
    assert "a quarter" in text
    plain = table.render(summary, "latex_plain", wording)
    assert plain.startswith("\\begin{tabular}{lllll}\n\\hline\n")
    assert plain.endswith("\\hline\n\\end{tabular}\n")
    assert "toprule" not in plain
    assert "caption" not in plain
    assert table.render(summary, "markdown", wording).startswith("Errors in \\\\%.\n\n")
    assert "\nDropConnect,a quarter," in table.render(summary, "csv", wording)
    with pytest.raises(InputError, match=r"unknown label to rename 'dropuot'; did you mean"):
        table.render(summary, "markdown", table.Wording(names={"dropuot": "x"}))
