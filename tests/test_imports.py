"""The shape of the code: imports point one way, ops stand alone, no file is a god-file."""

import ast
import graphlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dropout_lab.variants import VARIANTS

ROOT = Path(__file__).parents[1]
FOLDERS = ("dropout_lab", "configs", "experiments", "scripts", "tests")

# Each room may import from itself and from lower floors, never from a neighbour on its own floor.
FLOORS = [
    {"scripts", "dropout_lab.__main__"},
    {"dropout_lab.cli"},
    {"dropout_lab.doctor", "experiments"},
    {"configs"},
    {"dropout_lab.reproduce"},
    {"dropout_lab.tuning", "dropout_lab.report", "dropout_lab.tracking"},
    {"dropout_lab.sweeps", "dropout_lab.analysis", "dropout_lab"},
    {"dropout_lab.training"},
    {"dropout_lab.config"},
    {"dropout_lab.models", "dropout_lab.data", "dropout_lab.schedules"},
    {"dropout_lab.variants"},
    {"dropout_lab.nn"},
    {"dropout_lab.ops"},
    {"dropout_lab.system"},
    {"dropout_lab.errors", "dropout_lab.version"},
]
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}


def module_name(path):
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    return name.removesuffix(".__init__")


MODULES = {
    module_name(path): ast.parse(path.read_text())
    for folder in FOLDERS[:-1]
    for path in sorted((ROOT / folder).rglob("*.py"))
}


def imported(tree):
    """Yields the dotted names that a module imports, at its top or inside a function."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                yield name if name in MODULES else node.module


def room(module):
    """Returns the part of the house that a module of ours lies in."""
    parts = module.split(".")
    return ".".join(parts[:2]) if parts[0] == "dropout_lab" else parts[0]


def own_imports(module):
    return {name for name in imported(MODULES[module]) if name.split(".")[0] in FOLDERS} - {module}


def test_every_room_has_a_floor():
    assert {room(module) for module in MODULES} <= set(FLOOR)


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_down(module):
    here = room(module)
    up = {
        name
        for name in own_imports(module)
        if room(name) != here and FLOOR.get(room(name), -1) <= FLOOR[here]
    }
    assert up == set(), f"{module} imports from above or beside itself"


def test_no_import_cycles():
    graph = {module: own_imports(module) for module in MODULES}
    graphlib.TopologicalSorter(graph).prepare()


def test_what_is_run_is_not_imported_by_its_package():
    """Python would warn, and hold it twice: as the package's and as the main module."""
    for module in MODULES:
        if "__main__" in ast.dump(MODULES[module]):
            package = module.rpartition(".")[0]
            assert module not in reached(package), module


def reached(start):
    """Returns the modules that importing one imports, at once or in the end."""
    found, left = set(), {start} & MODULES.keys()
    while left:
        found |= left
        left = {name for each in left for name in own_imports(each)} & MODULES.keys() - found
    return found


def test_ops_import_jax_and_numpy_only():
    allowed = {"jax", "numpy", "jaxtyping", *sys.stdlib_module_names}
    for module in MODULES:
        if room(module) == "dropout_lab.ops":
            others = {name for name in imported(MODULES[module]) if room(name) != room(module)}
            assert {name.split(".")[0] for name in others} <= allowed, module


def test_nothing_else_imports_a_peers_side():
    peers = {module for module in MODULES if module.startswith("scripts.benchmarks.peers.")}
    assert peers > PYTORCH
    for module in MODULES.keys() - peers:
        assert not own_imports(module) & peers, module


def test_models_name_no_variant():
    for module, tree in MODULES.items():
        if room(module) == "dropout_lab.models":
            words = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
            assert not words & VARIANTS.keys(), module


# Imported in a process of their own, and only when a benchmark asks for them.
PYTORCH = {"scripts.benchmarks.peers.torch", "scripts.benchmarks.peers.torch_sweep"}


def test_nothing_imports_tensorflow_or_torch():
    for module, tree in MODULES.items():
        if module in PYTORCH:
            continue
        packages = {name.split(".")[0] for name in imported(tree)}
        assert not packages & {"tensorflow", "torch", "keras", "clu"}, module


# Each takes as long to import as a small network to train.
HEAVY = {
    *("PIL", "array_record", "distributed", "matplotlib", "orbax", "pandas", "sklearn"),
    "tensorflow_datasets",
}
TRAIN = """
import json
import sys
from dropout_lab.config import default_config
from dropout_lab.training.run import train

config = default_config()
config.data.name, config.data.path = "npz", sys.argv[1]
config.train.batch_size, config.train.epochs, config.run.save_model = 2, 1, False
train(config, sys.argv[2])
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


@pytest.mark.slow
def test_training_imports_nothing_heavy(tmp_path):
    arrays: dict[str, Any] = {
        f"{name}_{part}": np.zeros(shape, np.uint8)
        for part in ("train", "test")
        for name, shape in (("x", (6, 2)), ("y", 6))
    }
    np.savez(tmp_path / "data.npz", **arrays)
    process = subprocess.run(
        [sys.executable, "-c", TRAIN, str(tmp_path / "data.npz"), str(tmp_path / "run")],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    imported = set(json.loads(process.stdout))
    assert "jax" in imported
    assert imported & HEAVY == set()


def test_no_file_is_long():
    lines = {
        str(path.relative_to(ROOT)): len(path.read_text().splitlines())
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".py", ".sh"}
    }
    assert {path: count for path, count in lines.items() if count > 320} == {}
