"""The command ``dropout-lab plot``: a figure of each kind, from committed records."""

import json
import shutil

import pytest

from dropout_lab.cli.plot import KINDS
from tests.scripts.forked import ROOT, run_forked

RESULTS = ROOT / "experiments" / "results"
DIGITS = f"--workdir={RESULTS / 'digits_mlp'}"
RATES = "--cols=dropout.rate"
FIGURES = {
    "lines": (DIGITS, RATES, "--value=gap_error"),
    "curves": (DIGITS, "--rows=dropout.rate", "--where=variant=dropout"),
    "heatmap": (DIGITS, RATES),
    "pairs": (DIGITS, RATES, "--against=variant=none"),
    "masks": (),
}


def test_every_kind_has_a_figure_here_or_in_features():
    assert {*FIGURES, "features"} == set(KINDS)


@pytest.mark.slow
@pytest.mark.parametrize("kind", FIGURES)
def test_a_figure_of_each_kind(kind, tmp_path):
    form = {"lines": "pdf", "curves": "svg"}.get(kind, "png")
    path = tmp_path / f"figure.{form}"
    done = run_forked("plot", f"--kind={kind}", *FIGURES[kind], f"--output={path}")
    assert (done.returncode, done.stderr) == (0, "")
    start = {"pdf": b"%PDF", "svg": b"<?xml", "png": b"\x89PNG"}[form]
    assert path.read_bytes().startswith(start)
    assert ("p (Holm)" in done.stdout) == (kind == "pairs")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--kind=pie"], "unknown kind of figure 'pie'"),
        (["--kind=curves"], "--kind=curves needs --workdir=DIR"),
        ([DIGITS, "--against=variant=none"], "--against with --kind=lines; allowed: --kind=pairs"),
        ([DIGITS, "--where=variant=none"], "a figure needs a column key"),
    ],
)
def test_what_cannot_be_drawn_is_one_line_and_leaves_no_file(flags, message, tmp_path):
    done = run_forked("plot", *flags, f"--output={tmp_path / 'a.svg'}")
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_sweeps_of_several_directories_are_compared(tmp_path):
    """The same trials, an error point worse: each directory is a setting."""
    for name in ("before", "after"):
        shutil.copytree(RESULTS / "digits_mlp", tmp_path / name)
    for path in (tmp_path / "after" / "trials").iterdir():
        record = json.loads(path.read_text())
        record["metrics"]["test_error"] += 1 + record["seed"] / 10
        path.write_text(json.dumps(record))
    done = run_forked(
        "plot",
        "--kind=pairs",
        *(f"--workdir={tmp_path / name}" for name in ("before", "after")),
        "--rows=sweep",
        "--where=variant=none",
        f"--against=sweep={tmp_path / 'before'}",
        f"--output={tmp_path / 'a.svg'}",
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "+1.450" in done.stdout  # 1 and the mean of ten seeds' tenths


@pytest.mark.slow
def test_a_report_is_written(tmp_path):
    done = run_forked("report", DIGITS, f"--output={tmp_path / 'report.html'}")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{tmp_path / 'report.html'}\n"
    text = (tmp_path / "report.html").read_text()
    assert "<noscript><svg" in text


def test_a_report_of_no_sweep_is_one_line(tmp_path):
    done = run_forked("report", f"--workdir={tmp_path}")
    assert done.returncode == 2
    assert "holds no sweep" in done.stderr
    assert not list(tmp_path.iterdir())
