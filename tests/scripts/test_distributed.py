"""Two processes train one run: what one trains, but for rounding, whatever happens to either."""

import json
import signal
import socket
import time

import pytest

pytestmark = pytest.mark.slow

OPTIONS = (
    "--config=configs/digits_mlp.py:dropout",
    "--config.model.widths=(16,)",
    "--config.train.epochs=30",
    "--config.run.checkpoint_seconds=0",
)
PATIENCE = 120  # seconds


@pytest.fixture
def start_both(start_script):
    """Returns a function that starts both processes of a run in a directory."""

    def start(workdir):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        cluster = ("--distributed", f"--coordinator=127.0.0.1:{port}", "--num_processes=2")
        return [
            start_script(
                "train",
                *(*OPTIONS, "--config.mesh.data=2", *cluster, f"--process_id={index}"),
                f"--workdir={workdir}",
            )
            for index in range(2)
        ]

    return start


def saved(workdir):
    """Returns the last epoch that is saved whole."""
    names = [path.name for path in (workdir / "checkpoint").glob("*")]
    return max((int(name) for name in names if name.isdigit()), default=0)


def wait_for(epoch, workdir, processes):
    deadline = time.monotonic() + PATIENCE
    while saved(workdir) < epoch:
        for process in processes:
            assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_stopped_killed_and_resumed_two_processes_train_what_one_does(
    start_both, run_script, tmp_path
):
    workdir = tmp_path / "both"

    processes = start_both(workdir)
    wait_for(2, workdir, processes)
    processes[1].send_signal(signal.SIGTERM)
    for process in processes:
        _, told = process.communicate(timeout=PATIENCE)
        assert process.returncode == 143, told
        assert "interrupted by SIGTERM; what is done is saved" in told

    processes = start_both(workdir)
    wait_for(saved(workdir) + 2, workdir, processes)
    processes[1].kill()
    _, told = processes[0].communicate(timeout=PATIENCE)
    processes[1].communicate()
    assert processes[0].returncode == 1, told
    assert "error: another process of this run no longer answers" in told
    assert 2 < saved(workdir) < 30

    processes = start_both(workdir)
    printed = [process.communicate(timeout=PATIENCE) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], printed
    assert ["record.json" in out for out, _ in printed] == [True, False]
    assert sorted(path.name for path in workdir.iterdir()) == [
        *("config.json", "model", "record.json")
    ]

    alone = run_script("train", *OPTIONS, f"--workdir={tmp_path / 'alone'}")
    assert alone.returncode == 0, alone.stderr
    found, expected = (
        json.loads((tmp_path / name / "record.json").read_text()) for name in ("both", "alone")
    )
    assert found["id"] == expected["id"]
    assert found["device"]["count"] == 2
    assert len(found["history"]) == 30
    for ours, theirs in zip(found["history"], expected["history"], strict=True):
        assert ours["train_loss"] == pytest.approx(theirs["train_loss"], rel=1e-3)
    assert found["metrics"]["test_nll"] == pytest.approx(expected["metrics"]["test_nll"], rel=1e-2)


def test_processes_that_do_not_find_each_other_are_an_error(run_script, tmp_path):
    done = run_script("train", *OPTIONS, "--distributed", f"--workdir={tmp_path}")
    assert done.returncode == 2
    assert done.stderr.startswith("error: coordinator None, num_processes None, process_id None: ")
