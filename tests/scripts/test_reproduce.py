"""From flags to results of an experiment."""

import pytest

import experiments

pytestmark = pytest.mark.slow


def test_it_lists_every_experiment(run_script):
    process = run_script("reproduce", "--list")
    assert process.returncode == 0, process.stderr
    heads = [part.partition(":")[0] for part in process.stdout.split("\n\n")]
    assert heads == list(experiments.NAMES)
    assert process.stdout.count("  short: ") == len(heads)


def test_an_experiment_runs(run_script, real_tfds, tmp_path):
    process = run_script(
        "reproduce",
        "--experiment=srivastava2014_fig11",
        "--protocol=smoke",
        f"--workdir={tmp_path / 'run'}",
        TFDS_DATA_DIR=real_tfds("mnist"),
    )
    assert process.returncode == 0, process.stderr
    assert "weight scaling" in process.stdout
    assert (tmp_path / "run" / "table.tex").is_file()


def test_published_results_are_checked(run_script):
    process = run_script("reproduce", "--check")
    assert process.returncode == 0, process.stderr
    count = len(experiments.published())
    assert process.stdout == f"{count} results: every file is what its records say\n"


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--workdir=x",), "--experiment=None --workdir=x; allowed: both, or --list or --check"),
        (("--experiment=wan", "--workdir=x"), "unknown experiment 'wan'"),
    ],
)
def test_wrong_flags_are_one_line(run_script, flags, message):
    process = run_script("reproduce", *flags)
    assert process.returncode == 2
    assert process.stderr.startswith(f"error: {message}")
    assert process.stderr.count("\n") == 1
