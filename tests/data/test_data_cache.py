import os
import subprocess
import sys

import numpy as np
import pytest

from dropout_lab.data import cache


@pytest.fixture
def build(make_train_test):
    """Returns a build function that counts its calls."""

    class Build:
        calls = 0

        def __call__(self):
            self.calls += 1
            return make_train_test("mnist")

    return Build()


def _assert_same(one, other):
    for part in ("train", "test"):
        for name in ("images", "labels"):
            a, b = (getattr(getattr(train_test, part), name) for train_test in (one, other))
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a, b)


def test_second_load_reads_the_same_arrays_without_building(build):
    first = cache.load_or_build("mnist", "here", ["state"], build)
    second = cache.load_or_build("mnist", "here", ["state"], build)
    assert build.calls == 1
    _assert_same(first, second)


@pytest.mark.parametrize(
    ("place", "state"), [("here", ["other"]), ("there", ["state"])], ids=["state", "place"]
)
def test_another_state_or_place_is_built(build, place, state):
    cache.load_or_build("mnist", "here", ["state"], build)
    cache.load_or_build("mnist", place, state, build)
    assert build.calls == 2


def _cut(path):
    os.truncate(path, path.stat().st_size - 1)


def _flip(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def _empty(path):
    path.write_bytes(b"")


@pytest.mark.parametrize("damage", [_cut, _flip, _empty, os.unlink])
@pytest.mark.parametrize("name", [*cache._FILES, cache._MANIFEST])
def test_a_damaged_entry_is_rebuilt_and_replaced(own_cache, build, name, damage):
    first = cache.load_or_build("mnist", "here", ["state"], build)
    (path,) = own_cache.glob(f"arrays/*/{name}")
    damage(path)
    _assert_same(cache.load_or_build("mnist", "here", ["state"], build), first)
    _assert_same(cache.load_or_build("mnist", "here", ["state"], build), first)
    assert build.calls == 2


def test_an_unwritable_folder_only_means_no_cache(own_cache, build):
    own_cache.parent.mkdir(parents=True)
    own_cache.write_text("a file where the folder should be")
    for calls in (1, 2):
        cache.load_or_build("mnist", "here", ["state"], build)
        assert build.calls == calls


def test_a_failed_write_leaves_nothing_behind(own_cache, build, monkeypatch):
    def full(file, array, **_):
        file.write(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(np, "save", full)
    cache.load_or_build("mnist", "here", ["state"], build)
    assert [path for path in own_cache.rglob("*") if path.is_file()] == []


@pytest.mark.slow
def test_processes_that_start_together_agree(own_cache):
    command = (
        "import numpy as np\n"
        "from dropout_lab.data import cache\n"
        "from dropout_lab.data.dataset import TrainTest, Split\n"
        "def build():\n"
        "    images = np.arange(4_000_000, dtype=np.uint8).reshape(-1, 20, 20, 1)\n"
        "    split = Split(images, np.arange(len(images), dtype=np.int32))\n"
        "    return TrainTest(split, split)\n"
        "for turn in range(20):\n"
        "    train = cache.load_or_build('mnist', 'here', [turn], build).train\n"
        "    assert (train.images == build().train.images).all()\n"
    )
    running = [subprocess.Popen([sys.executable, "-c", command]) for _ in range(4)]
    assert [process.wait() for process in running] == [0, 0, 0, 0]
    (folder,) = own_cache.glob("arrays/*")
    files = sorted(path.name for path in folder.iterdir())
    assert files == sorted([*cache._FILES, cache._MANIFEST])
