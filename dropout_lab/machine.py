"""The machine that this process runs on."""

import hashlib
import os
import platform
from pathlib import Path


def threads() -> int:
    """Returns how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def kind() -> str:
    """Returns a short name, equal on machines whose CPUs run the same instructions."""
    info = Path("/proc/cpuinfo")
    names = ("model name", "flags", "Features", "CPU part")
    lines = info.read_text().splitlines() if info.exists() else []
    told = {platform.machine(), platform.processor(), *(x for x in lines if x.startswith(names))}
    return hashlib.sha256("\n".join(sorted(told)).encode()).hexdigest()[:12]
