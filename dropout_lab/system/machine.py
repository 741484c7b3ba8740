"""The machine that this process runs on."""

import hashlib
import os
import platform
import socket
import time
from pathlib import Path

_SILENT = 600.0  # seconds without a report after which another machine's process counts as dead


def threads() -> int:
    """Returns the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpu() -> str:
    """Returns the processor's name."""
    names = [line.partition(":")[2].strip() for line in _cpuinfo("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def kind() -> str:
    """Returns a hash that is equal on machines whose CPUs have the same instructions."""
    lines = _cpuinfo("model name", "flags", "Features", "CPU part")
    properties = {platform.machine(), platform.processor(), *lines}
    return hashlib.sha256("\n".join(sorted(properties)).encode()).hexdigest()[:12]


def _cpuinfo(*names: str) -> list[str]:
    """Returns the lines of /proc/cpuinfo that start with these names."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return [line for line in lines if line.startswith(names)]


WITHOUT_BACKEND = (
    "unset XLA_FLAGS and JAX_PLATFORMS, end other processes that hold the accelerator, look at its "
    "driver; JAX_PLATFORMS=cpu computes without it"
)
"""What to do where JAX cannot use the devices."""

SINGLE_THREADED = "--xla_cpu_multi_thread_eigen=false"
"""XLA flag that disables the thread pool."""


def single_threaded() -> dict[str, str]:
    """Returns environment variables for a process without XLA's thread pool."""
    return {"XLA_FLAGS": f"{os.environ.get('XLA_FLAGS', '')} {SINGLE_THREADED}".strip()}


def pin(core: int) -> None:
    """Pins this process to one core, if the system allows; call it before JAX first computes."""
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[core % len(cores)]})


def is_alive(host: str, pid: int, written: float) -> bool:
    """Returns whether a process runs; on another machine, whether it has reported recently."""
    if host != socket.gethostname():
        return time.time() - written < _SILENT
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
