"""From flags to results of an experiment."""

import dataclasses
import functools
import json
import os
import shutil
import signal
import subprocess
import sys

import pytest

import experiments
from dropout_lab.config import default_config
from dropout_lab.reproduce.commitment import make_commitment
from dropout_lab.reproduce.design import make_design
from tests.scripts.conftest import ROOT
from tests.scripts.forked import run_forked

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick_compile")]


def test_it_lists_every_experiment():
    process = run_forked("reproduce", "--list")
    assert process.returncode == 0, process.stderr
    parts = process.stdout.split("\n\n")
    assert [part.partition(":")[0] for part in parts] == list(experiments.NAMES)
    for name, part in zip(experiments.NAMES, parts, strict=True):
        assert all(f"\n  {protocol}: " in part for protocol in experiments.load(name).protocols)


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


def test_a_part_goes_to_its_folder(real_tfds, tmp_path):
    """Without a workdir, records go where git tracks them."""
    code = (
        "import experiments, pathlib, runpy; "
        f"experiments.UNFINISHED = pathlib.Path({str(tmp_path)!r}); "
        "runpy.run_path('scripts/reproduce.py', run_name='__main__')"
    )
    flags = ("--experiment=molchanov2017_lenet", "--protocol=smoke", "--cells=LeNet-300-100, o*")
    process = subprocess.run(
        [sys.executable, "-c", code, *flags],
        cwd=ROOT,
        env={**os.environ, "TFDS_DATA_DIR": real_tfds("mnist")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    place = tmp_path / "molchanov2017_lenet" / "smoke"
    assert len(list((place / "final" / "trials").iterdir())) == 2
    assert "Not run yet: LeNet-300-100, sparse VD; " in (place / "README.md").read_text()


def test_published_results_are_checked():
    process = run_forked("reproduce", "--check")
    assert process.returncode == 0, process.stderr
    count = len(experiments.published())
    assert process.stdout == f"{count} results: every file is what its records say\n"


@pytest.fixture
def on_copies(tmp_path):
    """Returns a function that runs the script with results in a folder, and that folder."""
    results = tmp_path / "results"
    script = tmp_path / "reproduce.py"
    script.write_text(
        "import experiments, pathlib, runpy\n"
        f"experiments.RESULTS = pathlib.Path({str(results)!r})\n"
        "runpy.run_path('scripts/reproduce.py', run_name='__main__')\n"
    )
    return functools.partial(run_forked, str(script.with_suffix(""))), results


def test_what_differs_is_rewritten(on_copies):
    run, results = on_copies
    place = results / "srivastava2014_fig11" / "short"
    shutil.copytree(experiments.RESULTS / "srivastava2014_fig11" / "short", place)
    before = {path: path.read_text() for path in sorted(place.glob("*.*"))}
    (place / "table.csv").write_text("edited by hand")
    process = run("--check")
    assert process.returncode == 1
    assert process.stderr.strip().endswith("table.csv is not what its records say")
    process = run("--rewrite")
    assert process.returncode == 0, process.stderr
    assert process.stdout.startswith(f"{place}: rewritten\n")
    after = {path: path.read_text() for path in sorted(place.glob("*.*"))}
    del before[place / "figure.svg"], after[place / "figure.svg"]  # differs with the version
    assert after == before


@pytest.fixture
def changed_since(on_copies):
    """Returns a function that runs the script where an experiment is no longer what was run."""
    run, results = on_copies
    place = results / "srivastava2014_fig11" / "short"
    place.mkdir(parents=True)
    begun = {"experiment": "srivastava2014_fig11", "protocol": "short", "seconds": 1.0}
    (place / "run.json").write_text(json.dumps(begun))
    asked = {"schema": 1, "asked": {"optimizer.lr": 0.3}, "problems": {}}
    (place / "tuned.json").write_text(json.dumps(asked))
    return run


def test_a_claim_that_was_edited_after_a_run_fails_the_check(on_copies):
    run, results = on_copies
    place = results / "srivastava2014_fig11" / "short"
    shutil.copytree(experiments.RESULTS / "srivastava2014_fig11" / "short", place)
    name = "srivastava2014_fig11"
    design = make_design(name, experiments.load(name), "short", default_config())
    old = json.loads((place / "run.json").read_text())
    began = {"began": {"git_revision": "abc"}, "commitment": make_commitment(design)}
    (place / "run.json").write_text(json.dumps({**old, **began}))
    process = run("--rewrite")  # the page says when claims were fixed
    assert process.returncode == 0, process.stderr
    assert run("--check").returncode == 0
    edited = dataclasses.replace(design, claims=design.claims[1:])
    began["commitment"] = make_commitment(edited)
    (place / "run.json").write_text(json.dumps({**old, **began}))
    process = run("--check")
    assert process.returncode == 1
    assert "was added since its run began; allowed: what it began with, or an" in process.stderr
    assert process.stderr.count("\n") == 1


def test_results_of_an_experiment_that_changed_are_told(changed_since):
    process = changed_since("--check")
    assert process.returncode == 1
    assert (
        "srivastava2014_fig11/short' was tuned with another value of optimizer.lr (0.3, not 0."
        in process.stderr
    )
    assert process.stderr.count("\n") == 1


def test_an_experiment_that_changed_is_listed(changed_since):
    process = changed_since("--list")
    assert process.returncode == 0, process.stderr
    assert "srivastava2014_fig11: " in process.stdout
    assert "was run:" not in process.stdout


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--workdir=x",), "no --experiment; allowed: --experiment, --list, --check or --rewrite"),
        (("--experiment=wan", "--workdir=x"), "unknown experiment 'wan'"),
        (
            ("--experiment=wan2013_table2", "--workdir=x", "--protocol=shrt"),
            "unknown protocol 'shrt'; did you mean 'short'?",
        ),
        (
            ("--check", "--experiment=wan2013_table2"),
            "--check --experiment; allowed: --check alone",
        ),
        (("--list", "--rewrite"), "--list --rewrite; allowed: --list alone"),
        (
            ("--experiment=wan2013_table2", "--workdir=x", "--protocol=smoke", "--publish"),
            "--publish --protocol=smoke; allowed: --protocol=paper, full or short",
        ),
    ],
)
def test_wrong_flags_are_one_line(flags, message):
    process = run_forked("reproduce", *flags)
    assert process.returncode == 2
    assert process.stderr.startswith(f"error: {message}")
    assert process.stderr.count("\n") == 1


def test_output_that_nobody_reads_ends_it_quietly(start_script):
    sweep = experiments.RESULTS / "digits_mlp"
    process = start_script("table", f"--workdir={sweep}", "--cols=dropout.rate")
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(timeout=300) == 128 + signal.SIGPIPE
