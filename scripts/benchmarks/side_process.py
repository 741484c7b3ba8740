"""Processes that run the sides of a case, one each, seen from the process that asks them."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from dropout_lab.errors import InputError, unknown
from scripts.benchmarks.facts import Fact
from scripts.benchmarks.problems import Sizes
from scripts.benchmarks.worker import sizes_argument

ROOT = Path(__file__).parents[2]

NAIVE = "scripts.benchmarks.peers.naive"
PEERS = {name: f"scripts.benchmarks.peers.{name}" for name in ("flax", "torch")}

# A peer that allocates its outputs anew gets its memory back from the heap, not from the system:
# otherwise page faults would be what is measured.
_RECYCLE = {"MALLOC_MMAP_THRESHOLD_": str(2**25), "MALLOC_TRIM_THRESHOLD_": str(2**34)}


def check_peers(names: list[str]) -> list[str]:
    """Returns the names of other frameworks, checked.

    Raises:
      InputError: If there is no such peer, or it is not installed.
    """
    for name in names:
        if name not in PEERS:
            raise unknown("peer", name, PEERS)
        if importlib.util.find_spec(name) is None:
            raise InputError(
                f"peer {name!r} is not installed: pip install -e '.[peers]' "
                "--extra-index-url https://download.pytorch.org/whl/cpu"
            )
    return names


class SideProcess:
    """A process that measures one module's work; a context manager.

    Args:
      module: Name of a module with ``works(sizes)``.
      sizes: Sizes of the problems.
    """

    def __init__(self, module: str, sizes: Sizes) -> None:
        command = [sys.executable, "-m", "scripts.benchmarks.worker", module, sizes_argument(sizes)]
        self._module = module
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,  # which Python then imports from
            env={**_RECYCLE, **os.environ},
        )

    def __enter__(self) -> Self:
        """Returns the process."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Ends the process."""
        if error is not None:
            self._process.kill()
        self._process.__exit__(kind, error, trace)

    def works(self) -> list[tuple[str, str]]:
        """Returns the cases and sides that it can measure."""
        return [(case, side) for case, side in self._ask("list", "", "")]

    def prepare(self, case: str, side: str) -> None:
        """Compiles and warms up."""
        self._ask("prepare", case, side)

    def facts(self, case: str, side: str) -> dict[str, Fact]:
        """Returns the facts about what was computed."""
        return {name: Fact(*fact) for name, fact in self._ask("facts", case, side).items()}

    def take_repeat(self, case: str, side: str) -> float:
        """Returns one repeat's measurement."""
        return float(self._ask("repeat", case, side))

    def forget(self, case: str, side: str) -> None:
        """Frees the memory."""
        self._ask("forget", case, side)

    def _ask(self, *request: str) -> Any:
        assert self._process.stdin
        assert self._process.stdout
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            raise RuntimeError(f"{self._module} died on {request}; its output is above")
        return json.loads(answer)
