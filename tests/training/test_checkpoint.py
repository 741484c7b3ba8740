import errno
import threading
from typing import Any, NamedTuple

import hypothesis
import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint
import pytest

from dropout_lab.errors import InputError
from dropout_lab.training.checkpoint import Checkpoints, DamagedCheckpointError, refill
from tests.damage import copied, damages


class Pair(NamedTuple):
    weights: Any
    step: Any


def tree(shift=0):
    """Returns every kind of node and type that a run's state has."""
    kernel = jnp.arange(6, dtype=jnp.float32).reshape(2, 3) + shift
    layers = {0: {"kernel": kernel, "bias": jnp.zeros(3)}, 1: {"rate": jnp.float32(0.25)}}
    return Pair(layers, jnp.int32(7 + shift)), (jnp.full((), -0.0), ())


def assert_same(actual, expected):
    def same(one, other):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)

    jax.tree.map(same, actual, expected)


@pytest.fixture
def checkpoints(tmp_path):
    return Checkpoints(tmp_path / "run" / "checkpoint")


def test_what_is_saved_comes_back(checkpoints):
    progress = {"best": float("inf"), "history": [{"epoch": 1, "val_error": 12.5, "loss": None}]}
    checkpoints.save(tree(), progress, step=1)
    arrays, restored = checkpoints.restore()
    assert restored == progress
    assert_same(refill(jax.tree.map(jnp.zeros_like, tree()), arrays), tree())


def test_the_latest_save_counts_and_is_the_only_one_kept(checkpoints, tmp_path):
    for step in (1, 2, 3):
        checkpoints.save(tree(shift=step), {"step": step}, step=step)
    arrays, progress = checkpoints.restore()
    assert progress == {"step": 3}
    assert_same(refill(tree(), arrays), tree(shift=3))
    assert [path.name for path in (tmp_path / "run" / "checkpoint").iterdir()] == ["3"]


@pytest.mark.parametrize("step", [0, 4, 5])
def test_a_save_replaces_one_that_is_there(checkpoints, step):
    checkpoints.save(tree(), {}, step=4)
    checkpoints.save(tree(shift=1), {}, step=step)
    arrays, _ = checkpoints.restore()
    assert_same(refill(tree(), arrays), tree(shift=1))


def test_nothing_saved_is_none_and_makes_nothing(checkpoints, tmp_path):
    assert checkpoints.restore() is None
    assert list(tmp_path.iterdir()) == []


def test_an_unfinished_save_is_nothing_and_goes_with_the_next_save_only(tmp_path):
    """A restore that cleaned up would do so in a thread of its own, beside the next save."""
    (tmp_path / "3.orbax-checkpoint-tmp").mkdir()
    before = threading.enumerate()
    assert Checkpoints(tmp_path).restore() is None
    for thread in set(threading.enumerate()) - set(before):
        thread.join(timeout=1)
    assert [path.name for path in tmp_path.iterdir()] == ["3.orbax-checkpoint-tmp"]
    Checkpoints(tmp_path).save(tree(), {}, step=4)
    assert [path.name for path in tmp_path.iterdir()] == ["4"]


def test_clearing_forgets(checkpoints):
    checkpoints.clear()
    checkpoints.save(tree(), {}, step=1)
    checkpoints.clear()
    assert checkpoints.restore() is None


@pytest.mark.parametrize("pattern", ["progress/*", "arrays/**/*"])
def test_a_damaged_save_is_one_line_that_says_what_to_do(checkpoints, tmp_path, pattern):
    checkpoints.save(tree(), {"epochs": 4}, step=4)
    folder = tmp_path / "run" / "checkpoint" / "4"
    for path in folder.glob(pattern):
        if path.is_file():
            path.write_bytes(path.read_bytes()[:3])
    with pytest.raises(InputError, match=r"checkpoint .*/4 is damaged .*delete it") as error:
        checkpoints.restore()
    assert "\n" not in str(error.value)


def test_a_save_without_room_is_one_line_and_leaves_the_latest(checkpoints, no_large_files):
    checkpoints.save(tree(), {"step": 1}, step=1)
    with (
        no_large_files(),
        pytest.raises(InputError, match=r"cannot write .*: File too large"),
    ):
        checkpoints.save(tree(), {"step": 2}, step=2)
    assert checkpoints.restore()[1] == {"step": 1}
    checkpoints.save(tree(), {"step": 2}, step=2)
    assert checkpoints.restore()[1] == {"step": 2}


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ESTALE, "Stale file handle"),
        ValueError("FAILED_PRECONDITION: Error writing file [OS error 116: ESTALE]"),
        ValueError("UNKNOWN: Failed to write 9 bytes: Stale file handle"),
    ],
)
def test_a_fault_of_the_system_is_one_line_however_orbax_reports_it(
    checkpoints, monkeypatch, error
):
    """It says nothing about the checkpoint, which is not called damaged."""

    def fail(*args, **options):
        raise RuntimeError("a thread failed") from error

    checkpoints.save(tree(), {"step": 1}, step=1)
    with monkeypatch.context() as patch:
        patch.setattr(orbax.checkpoint.CheckpointManager, "save", fail)
        patch.setattr(orbax.checkpoint.CheckpointManager, "restore", fail)
        with pytest.raises(InputError, match=r"cannot write .*/checkpoint: Stale file handle"):
            checkpoints.save(tree(), {}, step=2)
        with pytest.raises(InputError, match=r"cannot read .*/checkpoint: Stale file handle"):
            checkpoints.restore()
    assert checkpoints.restore()[1] == {"step": 1}


def test_no_flipped_bit_and_no_cut_is_restored_as_something_else(tmp_path):
    """An exception of any other type fails the test, too."""
    whole, damaged = tmp_path / "whole", tmp_path / "damaged"
    progress = {"best": 12.5, "history": [{"epoch": 1, "loss": None}]}
    weights = np.random.default_rng(0).normal(size=(40, 100)).astype(np.float32)
    Checkpoints(whole).save({"weights": weights}, progress, step=1)
    found = []

    @hypothesis.settings(derandomize=True, deadline=None, max_examples=25, database=None)
    @hypothesis.given(damage=damages())
    def try_one(damage):
        damage(copied(whole, damaged))
        try:
            restored = Checkpoints(damaged).restore()
        except DamagedCheckpointError as error:
            found.append(str(error))
            return
        if restored is not None:  # of a part that is not read, such as the time it was saved
            assert restored[1] == progress
            np.testing.assert_array_equal(restored[0]["weights"], weights)

    try_one()
    assert any("not what was saved" in message for message in found)


def test_refilling_needs_every_array(checkpoints):
    checkpoints.save(tree(), {}, step=1)
    arrays, _ = checkpoints.restore()
    del arrays["0-step"]
    with pytest.raises(KeyError, match="0-step"):
        refill(tree(), arrays)
