"""Checkpoints of pytrees, with orbax, which is imported only when needed."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from dropout_lab.errors import InputError
from dropout_lab.system.faults import fault, unlogged

Arrays = dict[str, np.ndarray]
"""The saved leaves of a pytree, by path."""


class DamagedCheckpointError(InputError):
    """A checkpoint that does not hold what was saved."""


class Checkpoints:
    """The latest checkpoint of a run; saving is atomic, so the process may be killed at any time.

    A digest of all that is saved is saved with it, since the format has no checksums of its own: a
    flipped bit would be restored as another number.

    Args:
      directory: Directory of the checkpoint; created by the first save.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory.absolute()

    def save(self, arrays: Any, progress: dict[str, Any], step: int) -> None:
        """Saves arrays and a JSON-like description, and deletes the previous checkpoint.

        Args:
          arrays: A pytree.
          progress: Everything else that resuming needs.
          step: A number that grows with every save; raised above that of the previous checkpoint.

        Raises:
          InputError: If it cannot be written; the previous checkpoint stays.
        """
        import orbax.checkpoint as ocp

        # From the host, so that they can be restored on other devices.
        named = _named(jax.device_get(arrays))
        sealed = {"progress": progress, "sha256": _digest(named, progress)}
        args = ocp.args.Composite(
            arrays=ocp.args.StandardSave(named), progress=ocp.args.JsonSave(sealed)
        )
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            # Orbax cleans up in a thread that only a save waits for. A manager that restores must
            # not clean up, because its thread could delete what a later manager is saving.
            with unlogged(), self._manager(cleanup_tmp_directories=True) as manager:
                latest = manager.latest_step()
                # Orbax silently skips a step that it already has.
                manager.save(step if latest is None else max(step, latest + 1), args=args)
        except Exception as error:
            reason = fault(error)
            if reason:
                raise InputError(f"cannot write {self._directory}: {reason}") from error
            raise

    def restore(
        self, read: Callable[[Arrays, dict[str, Any]], Any] = lambda *saved: saved, /
    ) -> Any:
        """Returns the saved checkpoint, None if there is none.

        Args:
          read: Converts the saved arrays, as :func:`refill` takes them, and the progress to the
            value to return; by default a tuple of both.

        Raises:
          DamagedCheckpointError: If the checkpoint is not what was saved, or ``read`` raises a
            KeyError, TypeError or ValueError.
          InputError: If the checkpoint cannot be read.
        """
        if not self._directory.is_dir():
            return None
        import orbax.checkpoint as ocp

        step = None
        args = ocp.args.Composite(
            arrays=ocp.args.StandardRestore(), progress=ocp.args.JsonRestore()
        )
        try:
            with unlogged(), self._manager() as manager:
                step = manager.latest_step()
                if step is None:
                    return None
                restored = manager.restore(step, args=args)
            arrays, progress = restored["arrays"], restored["progress"]["progress"]
            intact = restored["progress"]["sha256"] == _digest(arrays, progress)
        except Exception as error:  # of any type, as any byte may be another
            reason = fault(error)
            if reason:
                raise InputError(f"cannot read {self._directory}: {reason}") from error
            raise self._damaged(step, type(error).__name__) from error
        if not intact:
            raise self._damaged(step, "not what was saved")
        try:
            return read(arrays, progress)
        except (KeyError, TypeError, ValueError) as error:
            raise self._damaged(step, type(error).__name__) from error

    def clear(self) -> None:
        """Deletes the checkpoint."""
        shutil.rmtree(self._directory, ignore_errors=True)

    def _damaged(self, step: int | None, reason: str) -> DamagedCheckpointError:
        place = self._directory if step is None else self._directory / str(step)
        return DamagedCheckpointError(
            f"checkpoint {place} is damaged or of other code ({reason}); delete it to start this "
            "run again"
        )

    def _manager(self, **options: bool) -> Any:
        import orbax.checkpoint as ocp

        # No synchronisation: of several processes one saves, and each has all arrays.
        index = jax.process_index()
        alone = ocp.options.MultiprocessingOptions(
            primary_host=index, active_processes={index}, barrier_sync_key_prefix=f"process{index}"
        )
        return ocp.CheckpointManager(
            self._directory,
            options=ocp.CheckpointManagerOptions(
                max_to_keep=1,
                enable_async_checkpointing=False,
                create=False,
                multiprocessing_options=alone,
                **options,
            ),
        )


def refill(template: Any, arrays: Arrays) -> Any:
    """Returns a tree like ``template`` with the saved arrays in its leaves."""
    leaves, structure = jax.tree.flatten(template)
    filled = [
        jnp.asarray(arrays[name], leaf.dtype)
        for name, leaf in zip(_named(template), leaves, strict=True)
    ]
    return jax.tree.unflatten(structure, filled)


def _digest(arrays: Any, progress: Any) -> str:
    """Returns a hash of everything in a checkpoint: names, types, shapes, bytes, progress."""
    digest = hashlib.sha256(json.dumps(progress, sort_keys=True).encode())
    for name, value in sorted(arrays.items()):
        array = np.asarray(value)
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _named(tree: Any) -> dict[str, Any]:
    """Returns the leaves by path; without dots and brackets, which are special in file names."""
    flat, _ = jax.tree_util.tree_flatten_with_path(tree)
    names = ["-".join(_part(entry) for entry in path) for path, _ in flat]
    return dict(zip(names, (leaf for _, leaf in flat), strict=True))


def _part(entry: Any) -> str:
    for attribute in ("name", "key", "idx"):
        if hasattr(entry, attribute):
            return str(getattr(entry, attribute))
    raise TypeError(f"no name for {entry!r}")
