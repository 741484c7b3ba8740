"""Compiled programs, kept in a per-user folder: only the first start compiles."""

import os

import jax

from dropout_lab import machine
from dropout_lab.files import user_cache


def keep_programs() -> None:
    """Keeps what this process compiles from now on, and takes what earlier ones kept.

    JAX's own environment variables have the last word: JAX_COMPILATION_CACHE_DIR says where, and
    JAX_ENABLE_COMPILATION_CACHE=false that nothing is kept. A folder that cannot be written means
    only that nothing is kept.
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
        jax.config.update("jax_compilation_cache_dir", str(folder))
