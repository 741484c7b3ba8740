"""The suite for GPUs, and the script that runs it, tried without one."""

import os
import subprocess
from pathlib import Path

import pytest

from scripts.benchmarks.ours import accelerator
from scripts.benchmarks.problems import NETS, TINY, Sizes, bfloat16_case, lanes_case, training_case

ROOT = Path(__file__).parents[2]
PYTHON = """#!/bin/sh
if [ "$1" = -c ]; then echo "$PLATFORM"; else echo "$XLA_PYTHON_CLIENT_PREALLOCATE $*"; fi
"""


@pytest.fixture
def check(tmp_path):
    """Returns a function that runs the script with a python that only tells what it is asked."""
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.write_text(PYTHON)
    python.chmod(0o755)

    def run(platform, *args):
        path = f"{python.parent}:{os.environ['PATH']}"
        return subprocess.run(
            ["bash", ROOT / "scripts" / "gpu_check.sh", *args],
            env=os.environ | {"PATH": path, "PLATFORM": platform},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_a_gpu_is_asked_for_the_suite_and_its_table_is_kept(check, tmp_path):
    process = check("gpu", tmp_path / "new", "--repeats=3")
    asked = (
        "false scripts/benchmark.py --suite=accelerator --peers=flax,rbg,deterministic --repeats=7 "
        f"--output={tmp_path}/new/benchmark.json --repeats=3\n"
    )
    assert process.returncode == 0, process.stderr
    assert process.stdout == asked == (tmp_path / "new" / "table.md").read_text()


def test_a_cpu_is_refused_unless_it_is_a_try(check, tmp_path):
    process = check("cpu", tmp_path / "new")
    assert process.returncode == 2
    assert process.stderr.startswith("gpu_check: jax sees a CPU only")
    assert check("cpu", tmp_path / "new", "--tiny").returncode == 0


def test_every_network_has_its_steps_in_both_formats_and_lanes_go_to_256():
    cases = {case for case, _ in accelerator.works(Sizes())}
    assert {training_case(net, noisy) for net in NETS for noisy in (True, False)} <= cases
    assert {bfloat16_case(name) for name in ("mlp", "cnn", "rnn", "transformer")} <= cases
    assert {lanes_case(lanes) for lanes in (1, 4, 16, 64, 256)} <= cases


@pytest.mark.slow
@pytest.mark.parametrize("case", [bfloat16_case("mlp"), *map(lanes_case, TINY.lanes)])
def test_a_case_of_this_suite_alone_is_measured(case, quick_compile):
    work = accelerator.works(TINY)[case, "ours"]()
    assert 0 < work.take_repeat() < 1  # seconds of a step, of a tiny network
