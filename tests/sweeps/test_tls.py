"""A Dask sweep's ports: on the loopback interface, and of use only with the run's certificates."""

import os
import socket
import ssl
import subprocess
import sys

import pytest

from dropout_lab.errors import InputError
from dropout_lab.sweeps.execution.connection import Certificates
from dropout_lab.sweeps.execution.options import Execution
from tests.sweeps.campaign import ROOT

PAGES = ("/", "/status", "/health", "/metrics", "/info/main/workers.html", "/json/counts.json")

CLUSTER = """
from dropout_lab.sweeps.execution.connection import connected

if __name__ == "__main__":
    with connected(1, None, None) as client:
        print(client.submit(sum, [1, 1]).result(), flush=True)
        input()
"""


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


@pytest.fixture
def ports(tmp_path):
    """Yields the addresses on which the processes of a cluster with one worker listen."""
    pytest.importorskip("distributed", reason="needs the extra dask")
    psutil = pytest.importorskip("psutil")
    script = tmp_path / "script.py"
    script.write_text(CLUSTER)
    with subprocess.Popen(
        [sys.executable, script],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == b"2\n"
        main = psutil.Process(process.pid)
        yield [
            connection.laddr
            for each in (main, *main.children(recursive=True))
            for connection in each.net_connections("inet")
            if connection.status == psutil.CONN_LISTEN
        ]
        process.communicate(b"\n")


@pytest.mark.slow
def test_nobody_without_the_certificates_of_a_run_gets_in(ports):
    import distributed

    assert {address.ip for address in ports} == {"127.0.0.1"}
    others = distributed.Security.temporary().get_connection_args("client")["ssl_context"]
    others.check_hostname, others.verify_mode = False, ssl.CERT_NONE
    refusing = [address for address in ports if _refuses(address, others)]
    assert len(refusing) >= 3  # scheduler, worker, and the worker's nanny
    for address in ports:
        answers = {_answer(address, page)[:12] for page in PAGES}
        assert answers == ({b""} if address in refusing else {b"HTTP/1.1 404"})


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
