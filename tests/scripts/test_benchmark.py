"""Bad flags of the benchmark are one line and status 2, before anything is measured."""

import importlib.util

import pytest

from tests.scripts.forked import run_forked

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (
            ["--suite=opps"],
            "unknown suite 'opps'; did you mean 'ops'? Allowed: accelerator, all, attention, ",
        ),
        (["--peers=keras"], "unknown peer 'keras'"),
        (["--output=report.txt"], "--output is 'report.txt'; allowed: a name that ends in .json"),
        (["--repeats=0"], "repeats"),
    ],
)
def test_a_bad_flag_is_one_line(flags, message):
    process = run_forked("benchmark", *flags)
    assert process.returncode == 2
    assert process.stdout == ""
    assert process.stderr.startswith("error: ")
    assert message in process.stderr
    assert len(process.stderr.splitlines()) == 1


@pytest.mark.skipif(importlib.util.find_spec("torch") is not None, reason="PyTorch is installed")
def test_a_missing_peer_is_one_line():
    process = run_forked("benchmark", "--peers=torch")
    assert process.returncode == 2
    assert process.stderr.startswith("error: peer 'torch' is not installed: pip install")


def test_memory_is_reported_in_all_forms(run_script, tmp_path):
    process = run_script("benchmark", "--suite=memory", f"--output={tmp_path}/new/report.json")
    assert process.returncode == 0, process.stderr
    assert "drop_connect per example, temporary memory" in process.stdout
    assert {path.name for path in (tmp_path / "new").iterdir()} == {"report.json", "report.svg"}
