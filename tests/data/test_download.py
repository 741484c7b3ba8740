import hashlib
import http.server
import re
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from dropout_lab.data import download
from dropout_lab.data.catalog import OriginalFile
from dropout_lab.errors import InputError

CONTENT = hashlib.shake_128(b"a published file").digest(1_000_000)


class Server(http.server.ThreadingHTTPServer):
    """Serves one file, with the faults a test asks for."""

    content = CONTENT
    ranges = True
    drops = ()  # for each request in turn: bytes after which the connection is closed
    statuses = ()  # for each request in turn: an error to answer with

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests = []

    def handle_error(self, request, client_address):
        """A client that has seen enough hangs up, which is no error here."""

    def file(self, name="file.bin"):
        url = f"http://127.0.0.1:{self.server_port}/{name}"
        return OriginalFile(url, len(CONTENT), hashlib.sha256(CONTENT).hexdigest())


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self):
        turn = len(self.server.requests)
        self.server.requests.append(self.headers["Range"])
        if turn < len(self.server.statuses):
            self.send_error(self.server.statuses[turn])
            return
        start = int(self.headers["Range"].removeprefix("bytes=").removesuffix("-"))
        if not self.server.ranges:
            start = 0
        body = self.server.content[start:]
        if start and not body:
            self.send_error(416)
            return
        self.send_response(206 if self.server.ranges else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        drops = self.server.drops
        self.wfile.write(body[: drops[turn]] if turn < len(drops) else body)

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(download, "_BACKOFF_S", 0.001)
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_file_arrives_whole_with_nothing_left_over(server, tmp_path):
    path = download.fetch(server.file(), tmp_path / "new" / "folder")
    assert path.read_bytes() == CONTENT
    assert not list(path.parent.glob("*.part"))


def test_a_file_that_is_there_is_not_asked_for(server, tmp_path):
    (tmp_path / "file.bin").write_bytes(b"anything")
    download.fetch(server.file(), tmp_path)
    assert server.requests == []


def test_a_partial_file_is_resumed(server, tmp_path):
    (tmp_path / "file.bin.part").write_bytes(CONTENT[:300_000])
    assert download.fetch(server.file(), tmp_path).read_bytes() == CONTENT
    assert server.requests == ["bytes=300000-"]


def test_a_server_without_ranges_sends_it_all_again(server, tmp_path):
    server.ranges = False
    (tmp_path / "file.bin.part").write_bytes(CONTENT[:300_000])
    assert download.fetch(server.file(), tmp_path).read_bytes() == CONTENT
    assert len(server.requests) == 1


def test_a_whole_partial_file_needs_no_server(server, tmp_path):
    (tmp_path / "file.bin.part").write_bytes(CONTENT)
    assert download.fetch(server.file(), tmp_path).read_bytes() == CONTENT
    assert server.requests == []


def test_a_dropped_connection_is_resumed(server, tmp_path):
    server.drops = (300_000, 200_000)
    assert download.fetch(server.file(), tmp_path).read_bytes() == CONTENT
    assert server.requests == ["bytes=0-", "bytes=300000-", "bytes=500000-"]


def test_a_busy_server_is_asked_again(server, tmp_path):
    server.statuses = (503, 500)
    assert download.fetch(server.file(), tmp_path).read_bytes() == CONTENT


def test_a_connection_that_keeps_dropping_is_given_up_and_kept(server, tmp_path):
    server.drops = (100, 100, 100, 100)
    with pytest.raises(download.UnreachableError, match="connection closed after 400 bytes"):
        download.fetch(server.file(), tmp_path)
    assert (tmp_path / "file.bin.part").read_bytes() == CONTENT[:400]


def test_a_file_that_is_gone_is_not_asked_for_again(server, tmp_path):
    server.statuses = (404,)
    with pytest.raises(download.UnreachableError, match=r"file\.bin: HTTP Error 404"):
        download.fetch(server.file(), tmp_path)
    assert len(server.requests) == 1


@pytest.mark.parametrize("content", [CONTENT[:-1] + b"?", CONTENT + b"more"], ids=["bad", "long"])
def test_corrupted_content_is_an_error_naming_both_checksums(server, tmp_path, content):
    server.content = content
    with pytest.raises(InputError) as caught:
        download.fetch(server.file(), tmp_path)
    for part in ("file.bin", hashlib.sha256(content).hexdigest(), server.file().sha256):
        assert part in str(caught.value)
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["file.bin.lock"]


def test_a_server_that_does_not_stop_is_cut_off(server, tmp_path):
    server.content = CONTENT * 5
    with pytest.raises(InputError) as caught:
        download.fetch(server.file(), tmp_path)
    (received,) = re.findall(r"\((\d+) bytes\) but", str(caught.value))
    assert int(received) <= len(CONTENT) + download._CHUNK


@pytest.mark.parametrize("size", [300_000, 1_000_000, 2_000_000])
def test_a_bad_partial_file_is_thrown_away_once(server, tmp_path, size):
    (tmp_path / "file.bin.part").write_bytes(bytes(size))
    assert download.fetch(server.file(), tmp_path).read_bytes() == CONTENT
    assert server.requests[-1] == "bytes=0-"


def test_a_part_beyond_the_servers_file_is_thrown_away(server, tmp_path):
    server.content = CONTENT[:500]
    (tmp_path / "file.bin.part").write_bytes(CONTENT[:600])
    with pytest.raises(download.UnreachableError, match=r"closed after 500|416"):
        download.fetch(server.file(), tmp_path)
    assert server.requests[:2] == ["bytes=600-", "bytes=0-"]


def test_no_server_is_unreachable(tmp_path, monkeypatch):
    monkeypatch.setattr(download, "_BACKOFF_S", 0.001)
    with pytest.raises(download.UnreachableError, match=r"http://127\.0\.0\.1:9/x.*refused"):
        download.fetch(OriginalFile("http://127.0.0.1:9/x", 3, ""), tmp_path)


def test_an_unwritable_folder_is_unreachable(server, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(download.UnreachableError, match=r"to .*/file/mnist: .*Not a directory"):
        download.fetch(server.file(), tmp_path / "file" / "mnist")


def test_starting_together_downloads_once(server, tmp_path):
    with ThreadPoolExecutor(4) as pool:
        paths = list(pool.map(lambda _: download.fetch(server.file(), tmp_path), range(4)))
    assert {path.read_bytes() for path in paths} == {CONTENT}
    assert len(server.requests) == 1
