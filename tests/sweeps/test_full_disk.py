"""A disk that fills up at any file: a clear error, no partial file, and the sweep can resume."""

import contextlib
import os
import shutil
import subprocess
import sys

import pytest

from dropout_lab.errors import InputError
from dropout_lab.sweeps.store import Store
from dropout_lab.training.checkpoint import Checkpoints
from tests.sweeps.running import run_sweep

SEEDS = {"seed": [0, 1, 2]}
PAGE = 4096  # bytes; a small disk counts in these


@pytest.fixture
def small_disk(tmp_path):
    """Returns a folder with room for half a megabyte."""
    if sys.platform != "linux" or os.geteuid() != 0 or not shutil.which("mount"):
        pytest.skip("needs root, to mount a small disk")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", tmp_path], capture_output=True
    )
    if mounted.returncode:
        pytest.skip(f"cannot mount a small disk: {mounted.stderr.decode().strip()}")
    yield tmp_path
    subprocess.run(["umount", tmp_path], check=True)


@contextlib.contextmanager
def filled_but_for(folder, pages):
    """Fills a disk but for this many pages."""
    filler = folder / "filler"
    free = shutil.disk_usage(folder).free
    filler.write_bytes(bytes(max(free - pages * PAGE, 0)))
    yield
    filler.unlink()


@pytest.mark.slow
# Orbax's other writers also raise, after the error has been handled.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_full_disk_is_an_error_and_leaves_no_partial_file(config, small_disk):
    store = Store(small_disk / "sweep")
    run_sweep(config, {"seed": [0]}, store)
    messages = []
    for pages in (0, 1, 3, 5, 8, 12, 20):
        with filled_but_for(small_disk, pages):
            try:
                run_sweep(config, SEEDS, store)
            except InputError as error:
                messages.append(str(error))
        assert [record["seed"] for record in store.records()][:1] == [0]
        assert not (store.directory / "failures").exists()
        assert not any(store.directory.glob("*/.*.json.*")), "a partial file is left"
    assert len(messages) > 2
    assert all("no space left" in message.lower() for message in messages), messages
    run_sweep(config, SEEDS, store)
    assert [record["seed"] for record in store.records()] == [0, 1, 2]


def test_a_checkpoint_that_does_not_fit_is_an_error(config, tmp_path, monkeypatch, no_large_files):
    store = Store(tmp_path / "sweep")
    save = Checkpoints.save

    def limited(self, *args, **options):
        with no_large_files():
            save(self, *args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoints, "save", limited)
        with pytest.raises(InputError, match=r"cannot write .*/checkpoints/.*: File too large"):
            run_sweep(config, SEEDS, store)
    assert store.records() == []
    assert not (store.directory / "failures").exists()
    run_sweep(config, SEEDS, store)
    assert [record["seed"] for record in store.records()] == [0, 1, 2]
