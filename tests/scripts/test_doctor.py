"""The doctor on machines that are well, and on ones that are not."""

import os
import re
import subprocess
import sys

import pytest

from dropout_lab.data.catalog import IMAGE_SETS
from tests.scripts.conftest import ROOT, command


@pytest.mark.slow
def test_a_machine_that_is_well(run_script, tmp_path):
    process = run_script("doctor", f"--workdir={tmp_path}", TFDS_DATA_DIR="")
    assert process.returncode == 0, process.stdout + process.stderr
    *lines, last = process.stdout.splitlines()
    assert last == "nothing is broken"
    assert any(re.match(r"ok      jax \S+; tested from 0\.7\.2 to ", line) for line in lines)
    assert "ok      random masks have the expected values" in lines
    assert any(re.match(r"ok      an epoch on digits in .* s: validation", line) for line in lines)
    assert list(tmp_path.iterdir()) == []


# Takes from a process that is root what lets it write anywhere: prctl(2), capabilities(7).
OBEY_PERMISSIONS = """
import ctypes, os, sys
PR_CAPBSET_DROP, CAP_DAC_OVERRIDE = 24, 1
ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, 0, 0, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


def test_a_machine_with_everything_wrong(tmp_path):
    """A jaxlib that is not jax's, no data, nowhere to write."""
    fake = tmp_path / "fake" / "jaxlib"
    fake.mkdir(parents=True)
    (fake / "__init__.py").touch()
    (fake / "version.py").write_text("__version__ = '0.5.0'\n")
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o555)
    environment = {
        "HOME": str(closed),
        "XDG_CACHE_HOME": str(closed / "cache"),
        "TFDS_DATA_DIR": str(tmp_path / "nothing"),
        "PYTHONPATH": os.pathsep.join([str(fake.parent), str(ROOT)]),
    }
    process = subprocess.run(
        [sys.executable, "-c", OBEY_PERMISSIONS, *command("doctor", f"--workdir={closed / 'run'}")],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert process.returncode == 1, process.stdout + process.stderr
    assert process.stderr == ""
    lines = process.stdout.splitlines()
    broken = [
        (line.removeprefix("broken  "), lines[number + 1].removeprefix("        cure: "))
        for number, line in enumerate(lines)
        if line.startswith("broken  ")
    ]
    jax, data, results, cache = broken
    assert jax[0].startswith("cannot import jax: RuntimeError: jaxlib is version 0.5.0, but")
    assert re.search(r"pip install --force-reinstall jax==\S+ jaxlib$", jax[1])
    named = environment["TFDS_DATA_DIR"]
    assert data[0] == f"TFDS_DATA_DIR is {named}, which has none of {', '.join(IMAGE_SETS)}"
    assert results[0] == f"results: cannot write in {closed}: Permission denied"
    assert results[1].startswith("use another --workdir")
    assert cache[0] == f"the cache: cannot write in {closed}: Permission denied"
    assert cache[1].startswith("point XDG_CACHE_HOME elsewhere")
    assert lines[-1] == "4 broken"


def test_a_python_that_is_too_old():
    """Nothing that newer ones brought is needed to say so."""
    script = str(ROOT / "scripts" / "doctor.py")
    old = f"import runpy, sys; sys.version_info = (3, 10, 4); sys.argv = [{script!r}]; "
    run = "sys.modules['dropout_lab.doctor'] = None; "
    run += f"runpy.run_path({script!r}, run_name='__main__')"
    process = subprocess.run(
        [sys.executable, "-S", "-c", old + run], capture_output=True, text=True, check=False
    )
    assert process.returncode == 1
    assert process.stdout.splitlines() == [
        "broken  Python 3.10 is too old; tested from 3.11",
        f"        cure: DROPOUT_LAB_PYTHON=python3.11 {ROOT}/scripts/setup.sh",
    ]


def test_a_machine_without_packages():
    """A bare Python, where nothing was installed."""
    process = subprocess.run(
        [sys.executable, "-S", ROOT / "scripts" / "doctor.py"],
        env=os.environ | {"PYTHONPATH": ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert process.returncode == 1, process.stderr
    assert process.stdout.startswith("broken  No module named 'packaging'\n        cure: ")
    assert process.stdout.endswith(f"-m pip install --editable {ROOT}\n")
