"""Two processes train one run: what one trains, but for rounding, whatever happens to either."""

import json
import shutil
import socket
import time

import pytest

from tests.scripts.forked import start_forked

pytestmark = pytest.mark.slow

EPOCHS = 20
OPTIONS = (
    "--config=configs/digits_mlp.py:dropout",
    "--config.model.widths=(16,)",
    f"--config.train.epochs={EPOCHS}",
    "--config.train.batch_size=256",
    "--config.run.checkpoint_seconds=0",
)
PATIENCE = 120  # seconds


@pytest.fixture
def start(tmp_path):
    """Returns a function that starts training in a directory; what runs at the end is killed."""
    started = []

    def start(workdir, *args):
        forked = start_forked(tmp_path, "train", *OPTIONS, *args, f"--workdir={workdir}")
        started.append(forked.process)
        return forked

    yield start
    for process in started:
        process.kill()
        process.join()


@pytest.fixture
def start_both(start):
    """Returns a function that starts both processes of a run, with directories and more flags."""

    def start_both(*workdirs, flags=((), ())):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        cluster = ("--distributed", f"--coordinator=127.0.0.1:{port}", "--num_processes=2")
        return [
            start(
                workdirs[index % len(workdirs)],
                *(*cluster, f"--process_id={index}", "--config.mesh.data=2", *flags[index]),
            )
            for index in range(2)
        ]

    return start_both


def saved(workdir):
    """Returns the last epoch that is saved whole."""
    names = [path.name for path in (workdir / "checkpoint").glob("*")]
    return max((int(name) for name in names if name.isdigit()), default=0)


def train_on(workdir, processes):
    """Waits until two more epochs are saved."""
    before, deadline = saved(workdir), time.monotonic() + PATIENCE
    while saved(workdir) < before + 2:
        for each in processes:
            assert each.process.exitcode is None, each.ended()
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_stopped_killed_and_resumed_two_processes_train_what_one_does(start, start_both, tmp_path):
    workdir, copy = tmp_path / "both", tmp_path / "alone"

    processes = start_both(workdir)
    train_on(workdir, processes)
    processes[1].process.terminate()
    for each in processes:
        ended = each.ended(PATIENCE)
        assert ended.returncode == 143, ended
        assert "interrupted by SIGTERM; what is done is saved" in ended.stderr

    for killed in (1, 0):
        processes = start_both(workdir)
        train_on(workdir, processes)
        processes[killed].process.kill()
        ended = processes[1 - killed].ended(PATIENCE)
        assert ended.returncode not in (0, 2, 143), ended
        errors = ["error: another process of this run no longer answers"]
        if killed == 0:  # JAX may be faster to end the other
            errors.append("This most likely indicates that another task died")
        assert any(error in ended.stderr for error in errors), ended
    begun = saved(workdir)
    assert 5 < begun < EPOCHS

    shutil.copytree(workdir, copy)
    processes = [*start_both(workdir), start(copy)]
    ended = [each.ended(PATIENCE) for each in processes]
    assert [each.returncode for each in ended] == [0, 0, 0], ended
    assert ["record.json" in each.stdout for each in ended] == [True, False, True]
    files = ["config.json", "lock", "model", "record.json"]
    assert sorted(path.name for path in workdir.iterdir()) == files

    found, expected = (
        json.loads((directory / "record.json").read_text()) for directory in (workdir, copy)
    )
    assert found["id"] == expected["id"]
    assert [each["device"]["count"] for each in (found, expected)] == [2, 1]
    assert len(found["history"]) == EPOCHS
    for ours, theirs in zip(found["history"], expected["history"], strict=True):
        assert ours["train_loss"] == pytest.approx(theirs["train_loss"], rel=1e-3)
    assert found["metrics"]["test_nll"] == pytest.approx(expected["metrics"]["test_nll"], rel=1e-2)
    late = slice(begun, None)
    assert found["history"][late] != expected["history"][late]  # sums of two halves


@pytest.mark.parametrize(
    ("directories", "flags", "message"),
    [
        (("one", "other"), ((), ()), "other' of process 1 is not that of process 0; allowed: a"),
        (("one",), ((), ("--config.seed=3",)), "another run: seed is 0 there, 3 here;"),
        (("one",), ((), ("--config.data.name=npz",)), "data.path"),
    ],
)
def test_what_one_of_them_is_given_wrongly_stops_both(
    start_both, tmp_path, directories, flags, message
):
    processes = start_both(*(tmp_path / name for name in directories), flags=flags)
    first, second = (each.ended(PATIENCE) for each in processes)
    assert (first.returncode, second.returncode) == (2, 2), (first, second)
    assert "error: process 1 of this run has stopped: see what it printed" in first.stderr
    assert message in second.stderr


def test_processes_that_do_not_find_each_other_are_an_error(start, tmp_path):
    done = start(tmp_path / "run", "--distributed").ended(PATIENCE)
    assert done.returncode == 2
    assert done.stderr.startswith("error: coordinator None, num_processes None, process_id None: ")
