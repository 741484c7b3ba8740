"""A run cut at any moment and started again leaves the record of one that was not cut."""

import json
import random
import signal
import time

import pytest

pytestmark = pytest.mark.slow

OPTIONS = (
    "--config=configs/digits_mlp.py:dropout",
    "--config.model.widths=(16,)",
    "--config.train.epochs=40",
    "--config.train.select=best_val",
    "--config.train.refit=True",
    "--config.run.checkpoint_seconds=0",
)
PATIENCE = 120  # seconds


@pytest.fixture(scope="module")
def whole(run_script, tmp_path_factory):
    """The record of a run that nothing cut."""
    workdir = tmp_path_factory.mktemp("whole")
    process = run_script("train", *OPTIONS, f"--workdir={workdir}")
    assert process.returncode == 0, process.stderr
    return without_time(workdir)


def without_time(workdir):
    record = json.loads((workdir / "record.json").read_text())
    assert record.pop("wall_seconds") > 0
    return record


def saved(workdir):
    """Returns the last epoch that is saved whole."""
    names = [path.name for path in (workdir / "checkpoint").glob("*")]
    return max((int(name) for name in names if name.isdigit()), default=0)


def saving(workdir):
    return any("tmp" in path.name for path in (workdir / "checkpoint").glob("*"))


def wait(process, happened):
    """Waits until something has happened, while the process still runs."""
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.0005)


def test_killed_at_any_moment(start_script, run_script, whole, tmp_path):
    """While it starts, while it saves, anywhere after some epochs, while the network is kept."""
    moments = random.Random(0)
    for kill_at in ("import", "saving", "any", "saving", "model"):
        process = start_script("train", *OPTIONS, f"--workdir={tmp_path}")
        before = saved(tmp_path)
        if kill_at == "import":
            time.sleep(moments.uniform(0, 2))
        elif kill_at == "model":
            wait(process, lambda: any((tmp_path / "model").glob("*")))
        else:
            epochs = moments.randint(1, 6)
            wait(process, lambda goal=before + epochs: saved(tmp_path) >= goal)
            time.sleep(moments.uniform(0, 0.05))
        if kill_at == "saving":
            wait(process, lambda: saving(tmp_path))
        process.kill()
        assert process.wait() == -signal.SIGKILL, kill_at
    process = run_script("train", *OPTIONS, f"--workdir={tmp_path}")
    assert process.returncode == 0, process.stderr
    assert without_time(tmp_path) == whole
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "config.json",
        "lock",
        "model",
        "record.json",
    ]


def test_asked_to_stop(start_script, run_script, whole, tmp_path):
    for signum, status in ((signal.SIGTERM, 143), (signal.SIGINT, 130)):
        process = start_script("train", *OPTIONS, f"--workdir={tmp_path}")
        before = saved(tmp_path)
        wait(process, lambda before=before: saved(tmp_path) > before + 2)
        process.send_signal(signum)
        _, told = process.communicate(timeout=PATIENCE)
        assert process.returncode == status
        assert told.endswith(
            f"interrupted by {signum.name}; what is done is saved: run the same command again to "
            "go on\n"
        )
    process = run_script("train", *OPTIONS, f"--workdir={tmp_path}")
    assert process.returncode == 0, process.stderr
    assert without_time(tmp_path) == whole
