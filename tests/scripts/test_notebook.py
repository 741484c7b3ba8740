"""The notebook is its source, and runs from a bare machine to the last figure, cut or not."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import jupytext
import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError

from tests.conftest import TFDS_DATA_DIR

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "scripts" / "colab_tpu_notebook.py"
NOTEBOOK = ROOT / "scripts" / "colab_tpu.ipynb"
UPDATE = "UPDATE_NOTEBOOK=1 python -m pytest tests/scripts/test_notebook.py regenerates it"


def made():
    """Returns the notebook that the source describes, with no outputs."""
    notebook = jupytext.read(SOURCE, fmt="py:percent")
    del notebook.metadata["jupytext"]
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"
    return notebook


def test_it_is_its_source_without_outputs():
    text = nbformat.writes(made())
    if os.environ.get("UPDATE_NOTEBOOK"):
        NOTEBOOK.write_text(text + "\n")
    assert json.loads(NOTEBOOK.read_text()) == json.loads(text), UPDATE


def test_the_first_code_cell_asserts_the_backend():
    first = next(cell.source for cell in made().cells if cell.cell_type == "code")
    assert 'print(f"jax {jax.__version__} on {jax.default_backend()}' in first
    assert "\nassert jax.default_backend() == BACKEND" in first


def run_first_cell(directory, checkout):
    """Runs the first cell in a directory, on a CPU, with code cloned to another."""
    first = next(cell.source for cell in made().cells if cell.cell_type == "code")
    source = first.replace('BACKEND = "tpu"', 'BACKEND = "cpu"')
    source = source.replace("/content/dropout_lab", str(checkout))
    return subprocess.run(
        [sys.executable, "-c", f"{source}\nprint(REPOSITORY)"],
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_address_to_clone_from_is_asked_for(tmp_path):
    """In a repository that is another project's."""
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    subprocess.run(["git", "remote", "add", "origin", "elsewhere"], cwd=tmp_path, check=True)
    process = run_first_cell(tmp_path, tmp_path / "absent")
    assert process.returncode == 1
    message = "AssertionError: REPOSITORY is empty, and this notebook lies in no checkout"
    assert process.stderr.splitlines()[-1].startswith(message)
    again = run_first_cell(tmp_path, tmp_path)  # as if it were cloned already
    assert again.returncode == 0, again.stderr


@pytest.fixture
def repository(tmp_path):
    """Returns a repository with what is checked out here, committed."""
    place = tmp_path / "repository"
    for part in ("dropout_lab", "configs", "scripts"):
        leave = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / part, place / part, ignore=leave)
    for name in ("LICENSE", "README.md", "pyproject.toml", "requirements.txt"):
        shutil.copy(ROOT / name, place)
    (place / "experiments").mkdir()
    shutil.copy(ROOT / "experiments" / "__init__.py", place / "experiments")
    identity = ("-c", "user.name=test", "-c", "user.email=test@localhost")
    for command in (["init", "-q"], ["add", "-A"], [*identity, "commit", "-q", "-m", "all"]):
        subprocess.run(["git", *command], cwd=place, check=True)
    return place


DISCONNECT = """
import os, pathlib, signal, threading, time

def die_after_the_first_record():
    while not [*pathlib.Path(RESULTS).glob("rates/trials/*.json")]:
        time.sleep(0.02)
    os.kill(os.getpid(), signal.SIGKILL)

threading.Thread(target=die_after_the_first_record, daemon=True).start()
"""


@pytest.fixture
def execute(tmp_path, repository, dry_pip):
    """Returns a function that executes the notebook, small, and gives it with its outputs.

    It is opened in a clone, whose remote is the repository.
    """
    opened = tmp_path / "opened"
    subprocess.run(["git", "clone", "--quiet", repository, opened], check=True)
    mnist = TFDS_DATA_DIR and Path(TFDS_DATA_DIR, "mnist").is_dir()
    changes = {
        "BACKEND": "cpu",
        "CHECKOUT": str(tmp_path / "checkout"),
        "RESULTS": str(tmp_path / "results"),
        "DATA": "mnist" if mnist else "digits",
        "IMAGES": 512,
        "WIDTHS": (16,),
        "EPOCHS": 1,
        "RATES": [0.1, 0.5],
        "SEEDS": [0, 1],
        "LANES": 2,
        "PASSES": 3,
    }

    def execute(extra=""):
        notebook = made()
        first = next(cell for cell in notebook.cells if cell.cell_type == "code")
        for name, value in changes.items():
            line = re.compile(rf"^{name} = .*$", re.MULTILINE)
            assert len(line.findall(first.source)) == 1, name
            first.source = line.sub(f"{name} = {value!r}", first.source)
        first.source += extra
        resources = {"metadata": {"path": str(opened / "scripts")}}
        NotebookClient(notebook, timeout=240, kernel_name="python3", resources=resources).execute()
        return notebook

    return execute


def outputs(notebook, kind):
    """Returns all outputs of a MIME type, as text."""
    every = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    return [output.data[kind] for output in every if kind in output.get("data", ())]


@pytest.mark.slow
def test_it_runs_to_its_end_after_a_disconnect(execute, tmp_path):
    with pytest.raises(DeadKernelError):
        execute(DISCONNECT)
    trials = tmp_path / "results" / "rates" / "trials"
    before = {path: path.stat().st_mtime_ns for path in trials.glob("*.json")}
    assert 0 < len(before) < 6
    notebook = execute()
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert len([*trials.iterdir()]) == 10
    printed = [
        output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", ())
    ]
    assert any("Would install dropout_lab" in text for text in printed), printed
    rates, own = outputs(notebook, "text/markdown")
    assert re.search(r"^\| dropout .*\(2\)", rates, re.MULTILINE)
    assert "sign_flip" not in rates
    assert re.search(r"^\| sign_flip .*\(2\)", own, re.MULTILINE)
    assert len(outputs(notebook, "image/png")) == 3
    record = json.loads((tmp_path / "results" / "one" / "record.json").read_text())
    assert record["status"] == "ok"
    assert not record["git_revision"].endswith("+")
