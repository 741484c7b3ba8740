"""A sweep over tiny networks on a file of random images."""

import pytest

from dropout_lab.config import static_key
from dropout_lab.sweeps.execution import chunk
from dropout_lab.training import preparation
from dropout_lab.training.program import Program
from dropout_lab.training.vmapped import VmappedProgram
from tests.sweeps.running import tiny_config, write_tiny


@pytest.fixture(scope="module", autouse=True)
def sweeps_compile_quickly(quick_compile):
    """Compiles with few optimizations, as the networks train for an epoch or two only."""


@pytest.fixture(scope="session")
def tiny_file(tmp_path_factory):
    """Returns the path of a tiny data set."""
    path = tmp_path_factory.mktemp("data") / "tiny.npz"
    write_tiny(path)
    return str(path)


@pytest.fixture
def config(tiny_file):
    return tiny_config(tiny_file)


@pytest.fixture(scope="session")
def programs():
    return {}


@pytest.fixture(autouse=True)
def shared_programs(monkeypatch, programs):
    """Shares compiled programs between tests."""

    def program(config, *data):
        return programs.setdefault(static_key(config), Program(config, *data))

    def vmapped_program(program, lanes):
        return programs.setdefault((id(program), lanes), VmappedProgram(program, lanes))

    monkeypatch.setattr(preparation, "Program", program)
    monkeypatch.setattr(preparation, "VmappedProgram", vmapped_program)
    chunk.prepared.cache_clear()
