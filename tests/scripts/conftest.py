"""Scripts as a user starts them: processes of their own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def command(name, *args):
    return [sys.executable, str(ROOT / "scripts" / f"{name}.py"), *map(str, args)]


@pytest.fixture(scope="session")
def run_script():
    """Returns a function that runs a script to its end, with its output as text."""

    def run(name, *args, **environment):
        return subprocess.run(
            command(name, *args),
            cwd=ROOT,
            env=os.environ | environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    return run


@pytest.fixture
def start_script():
    """Returns a function that starts a script; what still runs at the end is killed."""
    started = []

    def start(name, *args):
        process = subprocess.Popen(
            command(name, *args),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        with process:
            process.kill()
