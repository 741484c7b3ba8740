"""Compiled programs are cached for the next process, unless the user disables it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import jax
import pytest

from dropout_lab.errors import InputError
from dropout_lab.system import compilation, machine
from dropout_lab.system.compilation import keep_programs

FOLDER = "jax_compilation_cache_dir"
SHORTEST = "jax_persistent_cache_min_compile_time_secs"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """Returns the user's cache folder; JAX's settings are put back."""
    before = {name: jax.config.values[name] for name in (FOLDER, SHORTEST)}
    for name in (FOLDER, SHORTEST, "jax_enable_compilation_cache"):
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    yield tmp_path
    for name, value in before.items():
        jax.config.update(name, value)


def test_programs_are_kept_in_the_users_cache_whatever_they_took(home):
    keep_programs()
    folder = Path(jax.config.values[FOLDER])
    assert folder.is_dir()
    assert folder.parent == home / "dropout_lab" / "xla"
    assert jax.config.values[SHORTEST] == 0


def test_kinds_of_machines_and_numbers_of_threads_have_folders_of_their_own(monkeypatch):
    folders = set()
    for kind, threads in (("a", 1), ("a", 2), ("b", 2)):
        monkeypatch.setattr(machine, "kind", lambda kind=kind: kind)
        monkeypatch.setattr(machine, "threads", lambda threads=threads: threads)
        keep_programs()
        folders.add(jax.config.values[FOLDER])
    assert len(folders) == 3


@pytest.mark.parametrize("folder", ["elsewhere", ""])
def test_a_folder_of_the_users_choice_is_left_alone(home, monkeypatch, folder):
    before = jax.config.values[FOLDER]
    monkeypatch.setenv(FOLDER.upper(), folder)
    keep_programs()
    assert jax.config.values[FOLDER] == before
    assert list(home.iterdir()) == []


def test_the_cache_can_be_switched_off(home):
    jax.config.update("jax_enable_compilation_cache", False)
    try:
        keep_programs()
    finally:
        jax.config.update("jax_enable_compilation_cache", True)
    assert list(home.iterdir()) == []


def test_a_folder_that_cannot_be_made_means_no_cache(home, monkeypatch):
    (home / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "file"))
    before = jax.config.values[FOLDER]
    keep_programs()
    assert jax.config.values[FOLDER] == before


def test_least_recently_read_entries_are_evicted(home, monkeypatch):
    monkeypatch.setattr(compilation, "MAX_BYTES", 10)
    root = home / "dropout_lab" / "xla"
    root.mkdir(parents=True)
    (root / ".stray").touch()  # as file managers and network disks leave
    for read, (name, size) in enumerate([("a/1", 2), ("b/2", 4), ("a/3", 4), ("b/4", 5)]):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(bytes(size))
        os.utime(root / name, (read, 0))
    keep_programs()
    assert {path.name for path in root.glob("[ab]/*")} == {"3", "4"}


PROGRAM = """
import collections
import json
import jax
from dropout_lab.system.compilation import keep_programs

events = collections.Counter()
jax.monitoring.register_event_listener(lambda name, **_: events.update([name.split("/")[-1]]))
keep_programs()
noise = jax.jit(lambda key: jax.random.normal(key, (100,)))
drawn = jax.device_get(noise(jax.random.key(0))).tobytes().hex()
print(json.dumps([events["cache_hits"], events["cache_misses"], drawn]))
"""


@pytest.mark.slow
def test_a_second_process_compiles_nothing_and_computes_the_same(home):
    def start():
        process = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
            capture_output=True,
            check=True,
        )
        return json.loads(process.stdout)

    _, compiled, first = start()
    assert compiled > 0
    assert start() == [compiled, 0, first]


def test_no_program_is_read_from_where_others_can_write(home):
    before = jax.config.values[FOLDER]
    root = home / "dropout_lab" / "xla"
    root.mkdir(parents=True)
    root.chmod(0o777)
    with pytest.raises(InputError, match=r"^cache .*xla can be written by others"):
        keep_programs()
    assert jax.config.values[FOLDER] == before
