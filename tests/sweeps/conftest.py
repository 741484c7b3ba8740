"""A sweep over tiny networks on a file of random images."""

from typing import Any

import numpy as np
import pytest

from dropout_lab.config import default_config, static_key
from dropout_lab.sweeps.execution import chunk
from dropout_lab.training import preparation
from dropout_lab.training.program import Program
from dropout_lab.training.vmapped import VmappedProgram


@pytest.fixture(scope="module", autouse=True)
def sweeps_compile_quickly(quick_compile):
    """Compiles with few optimizations, as the networks train for an epoch or two only."""


@pytest.fixture(scope="session")
def tiny_file(tmp_path_factory):
    """Returns the path of 48 training and 24 test images of three classes."""
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("data") / "tiny.npz"
    arrays: dict[str, Any] = {}
    for part, n in (("train", 48), ("test", 24)):
        arrays[f"x_{part}"] = rng.integers(0, 256, (n, 4, 4, 1), np.uint8)
        arrays[f"y_{part}"] = np.arange(n) % 3
    np.savez(path, **arrays)
    return str(path)


@pytest.fixture
def config(tiny_file):
    config = default_config()
    config.data.name, config.data.path, config.data.val_size = "npz", tiny_file, 24
    config.model.widths = (8,)
    config.train.batch_size = 8
    config.train.epochs = 2
    config.run.checkpoint_seconds = 0
    return config


@pytest.fixture(scope="session")
def programs():
    return {}


@pytest.fixture(autouse=True)
def shared_programs(monkeypatch, programs):
    """Shares compiled programs between tests."""

    def program(config, shape, classes):
        return programs.setdefault(static_key(config), Program(config, shape, classes))

    def vmapped_program(program, lanes):
        return programs.setdefault((id(program), lanes), VmappedProgram(program, lanes))

    monkeypatch.setattr(preparation, "Program", program)
    monkeypatch.setattr(preparation, "VmappedProgram", vmapped_program)
    chunk.prepared.cache_clear()
