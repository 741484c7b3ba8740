import contextlib
import errno
import os
import pwd
import stat
import tempfile
from pathlib import Path

import filelock
import pytest

from dropout_lab.data import tfds_source
from dropout_lab.errors import InputError
from dropout_lab.system.files import lock, make_private, user_cache, write_bytes


def test_a_user_without_a_home_has_a_cache_all_the_same(monkeypatch):
    def nobody(uid):
        raise KeyError(uid)

    for name in ("HOME", "XDG_CACHE_HOME", "TFDS_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", nobody)
    assert user_cache() == Path(tempfile.gettempdir(), f"dropout_lab-{os.getuid()}")
    assert tfds_source.find("mnist", None) is None


def test_writing_makes_folders_and_replaces(tmp_path):
    path = tmp_path / "new" / "table.md"
    write_bytes(path, b"old")
    write_bytes(path, b"table")
    assert path.read_bytes() == b"table"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(("number", "fails"), [(errno.EINVAL, False), (errno.EIO, True)])
def test_a_file_system_that_cannot_flush_directories_is_written_to(
    monkeypatch, tmp_path, number, fails
):
    flush = os.fsync

    def only_files(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(number, os.strerror(number))
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", only_files)
    with pytest.raises(InputError) if fails else contextlib.nullcontext():
        write_bytes(tmp_path / "table.md", b"table")
    assert (tmp_path / "table.md").read_bytes() == b"table"


def test_an_open_reader_keeps_the_whole_old_file(tmp_path):
    path = tmp_path / "table.md"
    write_bytes(path, b"old")
    with path.open("rb") as reader:
        write_bytes(path, b"table")
        assert reader.read() == b"old"


def test_a_file_as_parent_is_an_error_that_keeps_it(tmp_path):
    parent = tmp_path / "file"
    parent.write_bytes(b"kept")
    with pytest.raises(InputError, match=r"cannot write .*table\.md: "):
        write_bytes(parent / "table.md", b"table")
    assert parent.read_bytes() == b"kept"


def test_a_folder_in_the_way_is_an_error_that_leaves_nothing_behind(tmp_path):
    (tmp_path / "table.md").mkdir()
    with pytest.raises(InputError, match="cannot write"):
        write_bytes(tmp_path / "table.md", b"table")
    assert [path.name for path in tmp_path.iterdir()] == ["table.md"]


@pytest.fixture
def cache(monkeypatch, tmp_path):
    """Returns the cache's folder of compiled programs, which is this user's alone."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "new"))
    folder = user_cache("xla")
    make_private(folder)
    for path in (folder, folder.parent, folder.parents[1]):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert user_cache("xla") == folder == tmp_path / "new" / "dropout_lab" / "xla"
    return folder


@pytest.mark.parametrize("mode", [0o720, 0o702, 0o777])
@pytest.mark.parametrize("level", [0, 1])
def test_a_cache_that_others_can_write_is_refused(cache, mode, level):
    folder = (cache, cache.parent)[level]
    folder.chmod(mode)
    with pytest.raises(InputError, match=rf"^cache {folder} can be written .* \(mode {mode:o}\); "):
        user_cache("xla")
    folder.chmod(0o755)  # others may read
    assert user_cache("xla") == cache


@pytest.mark.parametrize("seen", ["lstat", "stat"])  # of a link, and of what it points to
def test_a_cache_of_somebody_else_is_refused(cache, monkeypatch, seen):
    look = getattr(os, seen)

    def foreign(path, **options):
        found = look(path, **options)
        fields = [*found]
        fields[4] = os.geteuid() + 1
        return os.stat_result(fields) if Path(path) == cache else found

    monkeypatch.setattr(os, seen, foreign)
    with pytest.raises(InputError, match=rf"^cache {cache} belongs to user \d+, not to user \d+; "):
        user_cache("xla")


def test_a_lock_that_outlives_its_holder_is_told_of(monkeypatch, tmp_path):
    """Without flock a lock is a file, which stays when another host's process has died."""

    def missing(descriptor):
        raise OSError(errno.ENOSYS, "Function not implemented")

    if not hasattr(filelock._unix, "lock_fd_nonblocking"):
        pytest.skip("this filelock has no fallback without flock")
    monkeypatch.setattr(filelock._unix, "lock_fd_nonblocking", missing)
    path = tmp_path / "a.lock"
    path.write_text("4711\nelsewhere\n")
    with pytest.warns() as told, lock(path, wait=False) as acquired:
        assert not acquired
    [message] = [str(warning.message) for warning in told if "waiting" in str(warning.message)]
    assert message.startswith(f"waiting for {path}, held by 4711 elsewhere (process, host)")
    assert "delete the file" in message
