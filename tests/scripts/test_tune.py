"""From flags to a tuned setting."""

import json

import pytest

from tests.scripts.forked import run_forked

pytestmark = pytest.mark.slow

OPTIONS = (
    "--config=configs/digits_mlp.py:dropout,smoke",
    "--config.model.widths=(16,)",
    "--vary=dropout.rate=0.1,0.9",
    "--vary=seed=1,0",
    "--executor=local",
    "--lanes=2",
)


def test_halving_of_drawn_settings_tells_each_ones_epochs(run_script, tmp_path):
    options = [option for option in OPTIONS if not option.startswith("--vary=dropout")]
    options += ["--vary=dropout.rate=uniform(0.1,0.9)", "--trials=4", "--draws=sobol"]
    options += ["--search=halving", "--factor=2", "--config.train.epochs=2"]
    process = run_script("tune", *options, f"--workdir={tmp_path}")
    assert process.returncode == 0, process.stderr
    rows = [line.split() for line in process.stdout.splitlines()[2:6]]
    assert sorted(row[1] for row in rows) == ["1", "1", "2", "2"]
    assert [row[1] for row in rows if row[-1] == "chosen"] == ["2"]


def test_tuning_prints_all_errors_and_is_done_once(run_script, tmp_path):
    options = (*OPTIONS, f"--workdir={tmp_path}")
    process = run_script("tune", *options)
    assert process.returncode == 0, process.stderr
    header, _, low, high, _, tested = process.stdout.splitlines()
    assert header.split("  ")[0] == "setting"
    assert (low.split()[0], low.split()[-1]) == ("dropout.rate=0.1", "chosen")
    assert high.startswith("dropout.rate=0.9 ")
    assert tested.startswith("test error (%) of dropout.rate=0.1: ")
    told = json.loads((tmp_path / "tuned.json").read_text())["problems"]["all"]
    assert told["chosen"] == 0
    for part, runs in (("search", told["tried"]), ("final", [told["final"]])):
        ids = {run["id"] for setting in runs for run in setting["runs"]}
        assert ids == {path.stem for path in (tmp_path / part / "trials").iterdir()}
    again = run_forked("tune", *options)
    assert (again.returncode, again.stdout, again.stderr) == (0, process.stdout, "")
    other = run_forked("tune", *options, "--folds=3")
    assert other.returncode == 2
    assert (
        "was tuned with another value of folds (None, not 3), and its test set has been evaluated"
        in other.stderr
    )
