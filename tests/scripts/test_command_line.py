"""From flags to files: train, sweep, table, as the README says but for what makes them small."""

import csv
import io
import json
import shlex

import pytest

from configs import mnist_mlp
from dropout_lab.config import resolve, trial_id
from tests.conftest import xla_flags
from tests.scripts.forked import run_forked, start_forked

pytestmark = pytest.mark.slow

TRAIN = (
    "python scripts/train.py --config=configs/mnist_mlp.py:dropout --config.seed=1 "
    "--workdir=results/one"
)
SWEEP = (
    "python scripts/sweep.py --config=configs/mnist_mlp.py --vary=variant=none,dropout "
    "--vary=seed=0,1,2 --workdir=results/mnist_mlp"
)
STATUS = "python scripts/sweep.py --status --workdir=DIR"
TABLE = "python scripts/table.py --workdir=results/mnist_mlp"
IMAGES = (
    "python scripts/sweep.py --config=configs/cifar10_cnn.py "
    "--vary=variant=dropout,none,spatial_dropout --workdir=results/cifar10_cnn"
)
CHANGES = {
    "data.name": "digits",
    "model.widths": (16,),
    "train.batch_size": 32,
    "train.epochs": 3,
    "train.refit": False,
}
SMALL = tuple(f"--config.{key}={value}" for key, value in CHANGES.items())
RATES = "--vary=dropout.rate=0.1,0.5"


def flags_of(command):
    """Returns the flags of a command; of two for one thing the last counts, so more may follow."""
    _, _, *flags = shlex.split(command)
    return flags


def succeed(process):
    assert process.returncode == 0, process.stderr
    return process.stdout


@pytest.fixture(scope="module")
def trained(run_script, tmp_path_factory):
    """Returns the directory of a run and what its script printed."""
    workdir = tmp_path_factory.mktemp("train") / "run"
    return workdir, succeed(run_script("train", *training(workdir)))


def training(workdir):
    return *flags_of(TRAIN), *SMALL, "--config.dropout.rate=0.25", f"--workdir={workdir}"


@pytest.fixture(scope="module")
def swept(run_script, tmp_path_factory):
    """Returns the directory of a sweep and the finished process."""
    workdir = tmp_path_factory.mktemp("sweep")
    return workdir, run_script("sweep", *flags_of(SWEEP), *SMALL, RATES, f"--workdir={workdir}")


def test_training_writes_a_record(trained):
    workdir, printed = trained
    record = json.loads((workdir / "record.json").read_text())
    assert record["status"] == "ok"
    assert record["seed"] == record["config"]["seed"] == 1
    assert record["config"]["dropout"]["rate"] == 0.25
    assert record["config"]["model"]["widths"] == [16]
    assert [row["epoch"] for row in record["history"]] == [1, 2, 3]
    assert 0 < record["metrics"]["val_error"] < 60
    assert 0 < record["metrics"]["test_error"] < 60
    assert record["wall_seconds"] > 0
    assert record["versions"].keys() >= {"python", "jax", "flax", "optax", "numpy"}
    assert record["device"]["platform"]
    assert "git_revision" in record
    assert record["id"] == trial_id(resolve(config_of(seed=1, rate=0.25)))
    assert printed == (
        f"{workdir}/record.json: ok "
        + " ".join(f"{name}={value:.4g}" for name, value in sorted(record["metrics"].items()))
        + "\n"
    )


def config_of(seed, rate):
    config = mnist_mlp.get_config("dropout")
    config.update_from_flattened_dict({**CHANGES, "seed": seed, "dropout.rate": rate})
    return config


def test_a_finished_run_is_not_run_again(trained):
    workdir, printed = trained
    before = (workdir / "record.json").stat().st_mtime_ns
    assert succeed(run_forked("train", *training(workdir))) == printed
    assert (workdir / "record.json").stat().st_mtime_ns == before


def test_a_sweep_writes_a_record_per_trial(swept):
    workdir, process = swept
    succeed(process)
    records = [json.loads(path.read_text()) for path in (workdir / "trials").iterdir()]
    settings = {(record["config"]["dropout"]["rate"], record["seed"]) for record in records}
    assert settings == {(rate, seed) for rate in (0, 0.1, 0.5) for seed in (0, 1, 2)}
    assert len(records) == 9
    assert all(path.stem == json.loads(path.read_text())["id"] for path in workdir.glob("trials/*"))
    lines = process.stderr.splitlines()
    assert lines[:2] == ["9 trials, 0 of them recorded before", "executor: local"]
    assert lines[2].startswith("variant=none seed=0")
    assert ": validation error " in lines[2]
    assert len(lines) == 11


def test_a_finished_sweep_runs_nothing(swept):
    workdir, _ = swept
    before = {path: path.stat().st_mtime_ns for path in workdir.glob("trials/*")}
    process = run_forked("sweep", *flags_of(SWEEP), *SMALL, RATES, f"--workdir={workdir}")
    succeed(process)
    assert process.stderr == "9 trials, 9 of them recorded before\n"
    assert {path: path.stat().st_mtime_ns for path in workdir.glob("trials/*")} == before


def test_a_dry_run_lists_trials_and_writes_nothing(swept, tmp_path):
    workdir, _ = swept
    config, *_ = flags_of(SWEEP)
    more = (*SMALL, "--vary=seed=2,3", "--vary=variant=none,dropout", "--dry_run")
    elsewhere = succeed(run_forked("sweep", config, *more))
    assert list(tmp_path.iterdir()) == []
    *trials, estimate = elsewhere.splitlines()
    assert estimate == "4 trials in 2 groups; 2 to compile"
    assert [line.split()[:2] + line.split()[3:] for line in trials] == [
        ["group", "1", "to", "run", "seed=2", "variant=none"],
        ["group", "1", "to", "run", "seed=3", "variant=none"],
        ["group", "2", "to", "run", "seed=2", "variant=dropout"],
        ["group", "2", "to", "run", "seed=3", "variant=dropout"],
    ]
    here = succeed(run_forked("sweep", config, *more, f"--workdir={workdir}"))
    recorded = [" recorded " in line for line in here.splitlines()[:-1]]
    assert recorded == [True, False, True, False]


def test_a_file_gives_a_sweep_and_its_status(run_script, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("def get_sweep():\n    yield {'dropout.rate': 0.3}\n")
    workdir = tmp_path / "run"
    options = (f"--sweep={path}", "--vary=seed=4,5", "--executor=local", f"--workdir={workdir}")
    config, *_ = flags_of(TRAIN)
    process = run_script("sweep", config, *SMALL, *options, "--checkpoint_minutes=0", "--lanes=2")
    succeed(process)
    assert [line.partition(":")[0] for line in process.stderr.splitlines()[1:]] == [
        "dropout.rate=0.3 seed=4",
        "dropout.rate=0.3 seed=5",
    ]
    status = succeed(run_forked("sweep", *flags_of(STATUS), f"--workdir={workdir}"))
    assert status.startswith("2 trials: 2 done, 0 failed, 0 running, 0 waiting\nbest so far: ")


def test_a_sweep_over_networks_of_images(tmp_path):
    """With a compiler in haste."""
    small = (*SMALL, "--config.model.stages=(4,)", "--config.train.epochs=1", "--lanes=1")
    haste = xla_flags("--xla_backend_optimization_level=0")
    options = (*flags_of(IMAGES), *small, f"--workdir={tmp_path / 'run'}")
    succeed(start_forked(tmp_path, "sweep", *options, **haste).ended())
    assert len([*tmp_path.glob("run/trials/*")]) == 3


def table(workdir, *options):
    arguments = (f"--workdir={workdir}", "--rows=variant", "--cols=dropout.rate", *options)
    return succeed(run_forked("table", *arguments))


def mean_error(workdir, rate):
    records = [json.loads(path.read_text()) for path in workdir.glob("trials/*")]
    errors = [
        record["metrics"]["test_error"]
        for record in records
        if record["config"]["dropout"]["rate"] == rate
    ]
    return sum(errors) / len(errors)


def test_tables_come_in_three_formats(swept):
    workdir, _ = swept
    written = (*flags_of(TABLE), "--where=dropout.rate=0.1", f"--workdir={workdir}")
    assert "| dropout" in succeed(run_forked("table", *written))
    means = [f"{mean_error(workdir, rate):.2f}" for rate in (0.1, 0.5)]
    markdown = table(workdir, "--format=markdown")
    latex = table(workdir, "--format=latex", "--value=test_error")
    for text in (markdown, latex):
        assert all(mean in text for mean in means)
    assert "| dropout" in markdown
    assert r"\begin{tabular}" in latex
    rows = list(csv.DictReader(io.StringIO(table(workdir, "--format=csv"))))
    assert len(rows) == 3


def test_a_table_goes_to_a_file(swept, tmp_path):
    workdir, _ = swept
    path = tmp_path / "new" / "table.md"
    assert table(workdir, f"--output={path}") == ""
    assert "| dropout" in path.read_text()
