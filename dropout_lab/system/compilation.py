"""Compiled programs, kept in a per-user folder: only the first start compiles."""

import contextlib
import os
from pathlib import Path

import jax

from dropout_lab.system import machine
from dropout_lab.system.files import user_cache

MOST = 2**30
"""Bytes of programs to keep, over all kinds of machines."""


def keep_programs() -> None:
    """Keeps what this process compiles from now on, and reuses what earlier ones kept.

    JAX's own environment variables have the last word: JAX_COMPILATION_CACHE_DIR says where, and
    JAX_ENABLE_COMPILATION_CACHE=false that nothing is kept. If the folder cannot be written to,
    nothing is kept either. If a kill leaves an entry half written, JAX warns and compiles that
    program at every start until the entry is deleted, because JAX overwrites no entry.
    """
    if "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS" not in os.environ:
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    enabled = jax.config.jax_enable_compilation_cache  # type: ignore[attr-defined]
    if "JAX_COMPILATION_CACHE_DIR" in os.environ or not enabled:
        return
    # JAX does not tell apart programs for one thread and for many: the next process to have all
    # cores would use but one. Nor should a home on a network offer a machine what it cannot run.
    folder = user_cache() / "xla" / f"{machine.kind()}-{machine.threads()}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return
    if os.access(folder, os.W_OK | os.X_OK):
        _prune(folder.parent, MOST)
        jax.config.update("jax_compilation_cache_dir", str(folder))


def _prune(root: Path, most: int) -> None:
    """Deletes the least recently read entries of all folders until the rest is small enough.

    JAX would do so itself (jax_compilation_cache_max_size), but it looks at every entry whenever it
    adds one, while other processes wait.
    """
    with contextlib.suppress(OSError):  # another process deletes, or all are not ours to look at
        folders = [folder for folder in os.scandir(root) if folder.is_dir()]
        kept = [file for folder in folders for file in os.scandir(folder)]
        for file in sorted(kept, key=lambda file: file.stat().st_atime, reverse=True):
            most -= file.stat().st_size
            if most < 0:
                os.unlink(file)
