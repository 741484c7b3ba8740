"""Joining a cluster that JAX cannot read; processes that do join are in tests/scripts."""

import jax
import pytest

from dropout_lab.errors import InputError
from dropout_lab.training.processes import join


@pytest.mark.parametrize("error", [ValueError, RuntimeError, KeyError])
def test_a_cluster_that_jax_cannot_read_is_an_error(monkeypatch, capsys, error):
    """Each kind of cluster raises its own."""

    def initialize(*args, **options):
        raise error("what it says")

    monkeypatch.setattr(jax.config, "update", lambda name, value: None)
    monkeypatch.setattr(jax.distributed, "initialize", initialize)
    with pytest.raises(InputError, match=r"num_processes 2, .*: '?what it says'?; allowed"):
        join("host:1234", 2, 0)
    assert capsys.readouterr().err == "process 0 waits for 2 at host:1234, 5 minutes at most\n"


def test_the_first_process_listens_where_the_coordinator_is_said_to_be(monkeypatch):
    found = {}
    monkeypatch.setattr(jax.config, "update", lambda name, value: None)
    monkeypatch.setattr(
        jax.distributed, "initialize", lambda *args, **options: found.update(options)
    )
    join("127.0.0.1:1234", 2, 0)
    assert found["coordinator_bind_address"] == "127.0.0.1:1234"
