"""The command ``dropout-lab``: its subcommands, their help, and where they work."""

import subprocess
import sys

import pytest

from dropout_lab.analysis import table
from dropout_lab.cli import checkout, dispatch
from dropout_lab.cli.dispatch import SUBCOMMANDS
from dropout_lab.cli.plot import KINDS
from dropout_lab.errors import InputError
from dropout_lab.reproduce.design import PROTOCOLS
from dropout_lab.sweeps.execution.options import EXECUTORS
from scripts.benchmarks.runner import SUITES
from tests.scripts.conftest import ROOT

LIGHT = """
import sys
from dropout_lab.cli.dispatch import main
try:
    main(sys.argv[1:])
finally:
    assert not {"jax", "flax", "numpy"} & sys.modules.keys()
"""


def print_help(*args):
    """Returns what ``--help`` prints, in a process that must not import what computes."""
    process = subprocess.run(
        [sys.executable, "-c", LIGHT, *args, "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.stderr == ""
    assert process.returncode == 0
    return process.stdout


def test_help_lists_every_subcommand():
    lines = [line.split() for line in print_help().splitlines() if line.startswith("  ")]
    assert [name for name, *_ in lines] == list(SUBCOMMANDS)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("train", ("--config", "--workdir", "--distributed")),
        ("sweep", ("--vary", "--sweep", "--lanes", "status", *EXECUTORS)),
        ("tune", ("--folds", "--vary", *EXECUTORS)),
        ("table", ("--rows", "--where", *table.FORMATS)),
        ("plot", ("--against", *KINDS)),
        ("reproduce", ("--experiment", "check", *PROTOCOLS)),
        ("doctor", ("--workdir", "--data_dir")),
        ("benchmark", ("--suite", "--peers", *SUITES)),
    ],
)
def test_the_help_of_a_subcommand_has_its_flags_and_their_values(name, words):
    text = print_help(name)
    assert [word for word in words if word not in text] == []


def test_every_subcommand_has_a_script():
    scripts = {path.stem for path in (ROOT / "scripts").glob("*.py")}
    others = {"__init__", "colab_tpu_notebook", "prepare_sequences", "search_cost", "uncertainty"}
    assert scripts - others == SUBCOMMANDS.keys()


def test_an_unknown_subcommand_is_one_line(capsys):
    with pytest.raises(SystemExit) as raised:
        dispatch.main(["swep"])
    assert raised.value.code == 2
    message = "error: unknown command 'swep'; did you mean 'sweep'? Allowed: benchmark, data, "
    _, stderr = capsys.readouterr()
    assert stderr.startswith(message)
    assert stderr.count("\n") == 1


@pytest.mark.parametrize("name", ["reproduce", "benchmark"])
def test_what_only_a_checkout_has_is_one_line_elsewhere(name, monkeypatch, capsys):
    monkeypatch.setattr(checkout, "locate", lambda: None)
    with pytest.raises(SystemExit) as raised:
        dispatch.main([name])
    assert raised.value.code == 2
    _, stderr = capsys.readouterr()
    assert stderr.startswith(f"error: dropout-lab {name} needs files that only a checkout of")
    assert stderr.count("\n") == 1


def test_a_checkout_is_found_from_any_path_in_it(tmp_path):
    assert checkout.enclosing(ROOT / "configs" / "digits_mlp.py") == ROOT
    assert checkout.enclosing(ROOT) == ROOT
    assert checkout.enclosing(tmp_path / "mine.py") is None


def test_the_checkout_is_that_of_the_code_else_of_the_working_directory(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert checkout.locate() == ROOT
    monkeypatch.setattr(checkout, "__file__", str(tmp_path / "dropout_lab" / "cli" / "checkout.py"))
    with pytest.raises(InputError, match="run it in a checkout"):
        checkout.require("benchmark")
    monkeypatch.chdir(ROOT / "configs")
    assert checkout.require("benchmark") == ROOT
