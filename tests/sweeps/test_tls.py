"""A Dask sweep's ports: on the loopback interface, and of use only with the run's certificates."""

import socket
import ssl

import pytest

from dropout_lab.errors import InputError
from dropout_lab.sweeps.execution.cluster import Certificates
from dropout_lab.sweeps.execution.runner import Execution
from tests.sweeps.campaign import Sweep
from tests.sweeps.test_dask import until

PAGES = ("/", "/status", "/health", "/metrics", "/info/main/workers.html", "/json/counts.json")


@pytest.fixture
def files(tmp_path):
    paths = {name: tmp_path / f"{name}.pem" for name in ("ca", "cert", "key")}
    for path in paths.values():
        path.touch()
    return {name: str(path) for name, path in paths.items()}


def test_certificates_have_to_exist_and_go_with_a_scheduler_that_takes_them(files):
    certificates = Certificates(**files)
    assert Execution(executor="dask", scheduler="tls://h:1", certificates=certificates)
    for scheduler in (None, "tcp://h:1"):
        with pytest.raises(InputError, match=rf"scheduler={scheduler}; allowed: with .*tls://"):
            Execution(executor="dask", scheduler=scheduler, certificates=certificates)
    with pytest.raises(InputError, match=r"^--tls_key=none\.pem: no such file"):
        Certificates(**files | {"key": "none.pem"})


@pytest.mark.slow
def test_nobody_without_the_certificates_of_a_run_gets_in(tmp_path):
    distributed = pytest.importorskip("distributed", reason="needs the extra dask")
    psutil = pytest.importorskip("psutil")
    sweep = Sweep(tmp_path / "sweep", "dask", 2, epochs=3000)
    sweep.start()
    try:
        until(lambda: [*tmp_path.glob("sweep/progress/*.json")], patience=400)
        main = psutil.Process(sweep.process.pid)
        listening = [
            connection.laddr
            for process in (main, *main.children(recursive=True))
            for connection in process.net_connections("inet")
            if connection.status == psutil.CONN_LISTEN
        ]
        assert len(listening) >= 5  # scheduler, two workers and their nannies
        assert {address.ip for address in listening} == {"127.0.0.1"}
        others = distributed.Security.temporary().get_connection_args("client")["ssl_context"]
        others.check_hostname, others.verify_mode = False, ssl.CERT_NONE
        speaking_tls = [address for address in listening if _refuses(address, others)]
        assert len(speaking_tls) >= 5
        for address in listening:
            assert all(_answer(address, page)[:12] in (b"", b"HTTP/1.1 404") for page in PAGES)
    finally:
        sweep.process.terminate()
        sweep.process.wait()


def _refuses(address, context):
    """Returns whether a port ends a connection with others' certificates; False if not TLS."""
    with socket.create_connection(tuple(address), timeout=10) as plain:
        try:
            connection = context.wrap_socket(plain)
        except (ssl.SSLError, OSError):  # the HTTP server, which answers 404
            return False
        with connection, pytest.raises((ssl.SSLError, ConnectionError), match=r"alert|[Rr]eset"):
            assert not connection.recv(100), "it speaks to a stranger"
        return True


def _answer(address, page):
    """Returns what a port says to a browser."""
    with socket.create_connection(tuple(address), timeout=10) as connection:
        connection.sendall(f"GET {page} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        try:
            return connection.recv(100)
        except ConnectionError:
            return b""
