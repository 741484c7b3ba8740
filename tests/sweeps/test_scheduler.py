"""Running schedulers: one that dies, and one that speaks TLS."""

import json
import os
import subprocess
import sys
import time

import pytest

from dropout_lab.errors import InputError
from dropout_lab.sweeps.execution import cluster, connection
from dropout_lab.sweeps.execution.connection import Certificates, connected
from dropout_lab.sweeps.store import Store
from tests.sweeps.campaign import ROOT
from tests.sweeps.running import run_sweep

pytestmark = pytest.mark.slow


def written(file):
    """Returns the address in a scheduler's file; None while it is absent or half written."""
    try:
        return json.loads(file.read_text())["address"]
    except (FileNotFoundError, json.JSONDecodeError):
        return None


@pytest.fixture
def start(tmp_path):
    """Returns a function that starts a scheduler with flags: process and address."""
    pytest.importorskip("distributed", reason="needs the extra dask")
    file = tmp_path / "scheduler.json"
    started = []

    def begin(*flags):
        command = [sys.executable, "-m", "dask", "scheduler", "--no-dashboard", "--port=0"]
        process = subprocess.Popen(
            [*command, "--host=127.0.0.1", f"--scheduler-file={file}", *flags],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stderr=subprocess.DEVNULL,
        )
        started.append(process)
        deadline = time.monotonic() + 120
        while (address := written(file)) is None:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        return process, address

    yield begin
    for process in started:
        process.kill()
        process.wait()


def test_a_sweep_outlives_its_scheduler(start, config, tmp_path, monkeypatch, capsys):
    scheduler, address = start()
    wait = cluster._wait

    def killing(*args):
        scheduler.kill()
        scheduler.wait()
        wait(*args)

    monkeypatch.setattr(cluster, "_wait", killing)
    store = Store(tmp_path / "sweep")
    message = rf"^the Dask scheduler {address} has gone; what is done is saved: .* to go on$"
    with pytest.raises(InputError, match=message):
        run_sweep(config, {"seed": [0, 1]}, store, executor="dask", scheduler=address)
    told = capsys.readouterr().err
    assert f"waiting: {address} has no workers yet" in told
    assert "Traceback" not in told
    assert "ERROR" not in told
    assert not any(store.directory.glob("failures/*"))
    assert run_sweep(config, {"seed": [0, 1]}, store) == {}
    assert [record["seed"] for record in store.records()] == [0, 1]


@pytest.fixture
def certificates(tmp_path):
    """Returns a function that makes an authority of a name and one certificate that it signed."""
    distributed = pytest.importorskip("distributed", reason="needs the extra dask")

    def make(name):
        # Signed by itself, so that it is its own authority.
        security = distributed.Security.temporary()
        contents = {
            "ca": security.tls_ca_file,
            "cert": security.tls_client_cert,
            "key": security.tls_client_key,
        }
        paths = {part: tmp_path / f"{name}-{part}.pem" for part in contents}
        for part, path in paths.items():
            path.write_text(contents[part])
        return Certificates(**{part: str(path) for part, path in paths.items()})

    return make


def test_a_scheduler_with_tls_lets_in_who_has_its_authority_s_certificate(
    start, certificates, monkeypatch
):
    ours, others = certificates("ours"), certificates("others")
    tls = (f"--tls-ca-file={ours.ca}", f"--tls-cert={ours.cert}", f"--tls-key={ours.key}")
    _, address = start("--protocol=tls", *tls)
    assert address.startswith("tls://127.0.0.1:")
    with connected(1, address, ours) as client:
        assert client.ncores() == {}
    monkeypatch.setattr(connection, "_PATIENCE", 1)
    for wrong in (others, None, Certificates(ours.ca, ours.cert, others.key)):
        with (
            pytest.raises(InputError, match=rf"^--scheduler={address} does not answer \(.*\); "),
            connected(1, address, wrong),
        ):
            pass
    with (
        pytest.raises(InputError, match=r"does not answer"),
        connected(1, address.replace("tls://", "tcp://"), None),
    ):
        pass
