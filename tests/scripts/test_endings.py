"""How commands end: exit statuses, cures, paths with ~, the status of what they leave behind."""

import json

import pytest

from tests.conftest import xla_flags
from tests.scripts.forked import start_forked

pytestmark = pytest.mark.slow

SMALL = ("--config=configs/digits_mlp.py:dropout,smoke", "--config.model.widths=(8,)")
CURE = "try a lower optimizer.lr, or optimizer.clip_norm=1"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def run(home):
    """Returns a function that runs a script whose user's home is a new folder."""
    haste = xla_flags("--xla_backend_optimization_level=0") | {"HOME": str(home)}
    return lambda name, *args: start_forked(home, name, *args, **haste, MINE=str(home)).ended()


@pytest.fixture(scope="module")
def swept(run, home):
    """Returns how a sweep of three trials ended, one of which diverged."""
    (home / "mine.py").write_text(
        "def get_sweep():\n"
        "    yield {'optimizer.lr': 0.1, 'seed': 0}\n"
        "    yield {'optimizer.lr': 1e30, 'seed': 0}\n"
    )
    options = ("--sweep=$MINE/mine.py", "--executor=local", "--lanes=1", "--workdir=~/sweep")
    return run("sweep", *SMALL, *options)


def test_a_sweep_with_a_trial_that_diverged_ends_with_status_1_and_a_cure(run, swept, home):
    assert swept.returncode == 1
    assert swept.stdout == ""
    line = swept.stderr.splitlines()[-1]
    assert line == f"diverged: 1 of 2, optimizer.lr=1e+30 seed=0; {CURE}"
    assert len(list((home / "sweep" / "trials").iterdir())) == 2
    assert not (home / "~").exists()
    status = run("sweep", "--status", "--workdir=$MINE/sweep")
    assert status.returncode == 0
    assert status.stdout.splitlines()[-1] == line


def test_a_trained_run_ends_with_its_status(run, home):
    for name, rate, code in (("good", 0.1, 0), ("bad", 1e30, 1)):
        flags = (*SMALL, f"--config.optimizer.lr={rate}", f"--workdir=~/{name}")
        process = run("train", *flags)
        assert process.returncode == code, process.stderr
        assert (CURE in process.stderr) == bool(code)
        status = run("sweep", "--status", f"--workdir=~/{name}").stdout
        assert status.startswith("finished: diverged" if code else "finished: ok after 3 epochs, ")
        assert (CURE in status) == bool(code)
        record = json.loads((home / name / "record.json").read_text())
        assert "train_error" in record["history"][0]


def test_seeds_is_short_for_a_range(run):
    listed = run("sweep", *SMALL, "--seeds=3", "--dry_run").stdout.splitlines()
    assert [line.split()[-1] for line in listed[:-1]] == ["seed=0", "seed=1", "seed=2"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--format=word"], "unknown format 'word'. Allowed: csv, latex"),
        (["--rename=dropout"], "--rename=dropout; allowed: --rename=OLD=NEW"),
        (["--label=tab:x"], "--label=tab:x with --format=markdown; allowed: latex"),
        (["--value=test_eror"], "'test_eror'; did you mean 'test_error'"),
        (["--rows=varian"], "'varian'; did you mean 'variant'"),
        (["--where=seed"], "filter 'seed' is not of the form key=value"),
    ],
)
def test_wrong_flags_of_a_table_are_told_in_a_line(run, swept, home, flags, message):
    options = ("--workdir=~/sweep", "--cols=optimizer.lr", "--output=~/table.md")
    process = run("table", *options, *flags)
    assert process.returncode == 2
    assert message in process.stderr
    assert len(process.stderr.splitlines()) == 1
    assert not (home / "table.md").exists()
