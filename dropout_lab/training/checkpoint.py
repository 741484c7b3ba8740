"""Checkpoints of pytrees, with orbax, which is imported only when needed."""

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from dropout_lab.errors import InputError

Arrays = dict[str, np.ndarray]
"""The saved leaves of a pytree, by path."""


class Checkpoints:
    """The latest checkpoint of a run; saving is atomic, so the process may be killed at any time.

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
          InputError: If the disk is full; the previous checkpoint stays.
        """
        import orbax.checkpoint as ocp

        args = ocp.args.Composite(
            # Saved from the host, so that they can be restored on other devices.
            arrays=ocp.args.StandardSave(_named(jax.device_get(arrays))),
            progress=ocp.args.JsonSave(progress),
        )
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            # Orbax cleans up in a thread that only a save waits for. A manager that restores must
            # not clean up, because its thread could delete what a later manager is saving.
            with self._manager(cleanup_tmp_directories=True) as manager:
                latest = manager.latest_step()
                # Orbax silently skips a step that it already has.
                manager.save(step if latest is None else max(step, latest + 1), args=args)
        except Exception as error:
            if _disk_is_full(error):
                raise InputError(f"cannot write {self._directory}: no space left") from error
            raise

    def restore(
        self, read: Callable[[Arrays, dict[str, Any]], Any] = lambda *saved: saved, /
    ) -> Any:
        """Returns the saved checkpoint, None if there is none.

        Args:
          read: Converts the saved arrays, as :func:`refill` takes them, and the progress to the
            value to return; by default a tuple of both.

        Raises:
          InputError: If the checkpoint cannot be read, or ``read`` raises a KeyError, TypeError or
            ValueError.
        """
        if not self._directory.is_dir():
            return None
        import orbax.checkpoint as ocp

        with self._manager() as manager:
            step = manager.latest_step()
            if step is None:
                return None
            args = ocp.args.Composite(
                arrays=ocp.args.StandardRestore(), progress=ocp.args.JsonRestore()
            )
            try:
                restored = manager.restore(step, args=args)
            except Exception as error:
                raise self._unreadable(step, error) from error
        try:
            return read(restored["arrays"], restored["progress"])
        except (KeyError, TypeError, ValueError) as error:
            raise self._unreadable(step, error) from error

    def clear(self) -> None:
        """Deletes the checkpoint."""
        shutil.rmtree(self._directory, ignore_errors=True)

    def _unreadable(self, step: int, error: Exception) -> InputError:
        return InputError(
            f"checkpoint {self._directory / str(step)} is damaged or of other code "
            f"({type(error).__name__}); delete it to start this run again"
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


def _disk_is_full(error: BaseException | None) -> bool:
    full = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    while error is not None:
        if isinstance(error, OSError) and error.errno in full:
            return True
        if any(os.strerror(number) in str(error) for number in full):  # tensorstore's, a ValueError
            return True
        error = error.__cause__ or error.__context__
    return False


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
