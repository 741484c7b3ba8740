"""``--log`` follows a run epoch by epoch and a sweep trial by trial; ``export`` replays both."""

import pytest

from tests.scripts.forked import start_forked

pytestmark = pytest.mark.slow
SMALL = ("--config.model.widths=(8,)", "--config.train.epochs=2", "--config.dropout.rate=0.25")


def lines(folder):
    """Returns the lines of both files of the tracker, in no order."""
    return {name: set((folder / "csv" / name).read_text().splitlines()[1:]) for name in FILES}


FILES = ("history.csv", "trials.csv")


@pytest.mark.parametrize("command", ["train", "sweep"])
def test_what_is_followed_is_what_is_exported(command, tmp_path):
    workdir = tmp_path / "work"
    more = ("--vary=variant=none,dropout", "--lanes=1") if command == "sweep" else ()
    call = ("--config=configs/digits_mlp.py", *SMALL, *more, f"--workdir={workdir}", "--log=csv")
    done = start_forked(tmp_path, command, *call).ended()
    assert done.returncode == 0, done.stderr
    followed = lines(workdir)
    assert {line.split(",")[2] for line in followed["history.csv"]} == {"1", "2"}
    if command == "sweep":
        settings = {tuple(line.split(",")[1:]) for line in followed["trials.csv"]}
        assert {("setting", "variant", "none"), ("setting", "variant", "dropout")} <= settings
    done = start_forked(tmp_path, "export", f"--workdir={workdir}", "--to=csv").ended()
    assert (done.returncode, done.stderr) == (0, "")
    assert lines(workdir) == followed
    # Once more, nothing is trained and nothing added.
    assert start_forked(tmp_path, command, *call).ended().returncode == 0
    assert lines(workdir) == followed
    assert len((workdir / "csv" / "history.csv").read_text().splitlines()) == 1 + len(
        followed["history.csv"]
    )
