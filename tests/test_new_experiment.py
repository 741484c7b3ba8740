"""The step for adding an experiment, with a toy: a table of two cells."""

import json
import shutil

import pytest

from tests.source_copy import ROOT, SourceCopy

EXPERIMENT = '''"""A table of two cells on digits."""

from dropout_lab.reproduce import Better, Cell, CellMetric, Experiment, Protocol, Published

EXPERIMENT = Experiment(
    title="Dropout on digits",
    citation="A. Nobody, *Nothing*, 2099",
    source="Table 1, made up",
    base={"data.name": "digits", "model.widths": (16,), "train.epochs": 2},
    cells={
        "none": Cell({"variant": "none"}, {}, {"test_error": Published(4.0)}),
        "dropout": Cell(
            {"variant": "dropout"}, {"dropout.rate": (0.1, 0.3)}, {"test_error": Published(3.0)}
        ),
    },
    headline=CellMetric("dropout"),
    claims=(Better("dropout", than="none"),),
    protocols={
        "paper": Protocol(seeds=(0, 1, 2), cost="a minute"),
        "short": Protocol(seeds=(0, 1), cost="seconds", base={"train.epochs": 1}),
    },
)
'''


@pytest.mark.slow
@pytest.mark.usefixtures("quick_compile")
def test_a_file_adds_it(tmp_path):
    """In a copy: it is listed, it runs, and its claims are fixed and decided."""
    copy = SourceCopy(tmp_path)
    (tmp_path / "experiments").mkdir()
    shutil.copy(ROOT / "experiments" / "__init__.py", tmp_path / "experiments")
    copy.write("experiments/nobody2099_table1.py", EXPERIMENT)
    script = "scripts/reproduce.py"
    assert "Dropout on digits" in copy.run(script, "--list")
    workdir = tmp_path / "run"
    flags = ("--protocol=short", f"--workdir={workdir}", "--executor=local", "--lanes=1")
    table = copy.run(script, "--experiment=nobody2099_table1", *flags)
    assert "dropout" in table
    [verdict] = json.loads((workdir / "claims.json").read_text())
    assert verdict["verdict"] in ("reproduced", "contradicted", "inconclusive")
    assert (workdir / "README.md").exists()
    assert copy.edited == {"experiments/nobody2099_table1.py"}
