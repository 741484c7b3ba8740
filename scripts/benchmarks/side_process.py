"""Processes that run the sides of a case, one each, seen from the process that asks them."""

import dataclasses
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from dropout_lab.errors import InputError, unknown
from scripts.benchmarks.facts import Fact
from scripts.benchmarks.problems import Sizes
from scripts.benchmarks.worker import sizes_argument

ROOT = Path(__file__).parents[2]


@dataclasses.dataclass(frozen=True)
class Peer:
    """What is measured beside ours, in a process of its own.

    Attributes:
      module: Name of a module with ``works(sizes)``.
      side: The side of that module that is measured; None for all.
      setting: Environment variables of the process.
    """

    module: str
    side: str | None = None
    setting: Mapping[str, str] = dataclasses.field(default_factory=dict)


_FLAX = "scripts.benchmarks.peers.flax"
_DETERMINISTIC = f"{os.environ.get('XLA_FLAGS', '')} --xla_gpu_deterministic_ops=true"
NAIVE = Peer("scripts.benchmarks.peers.naive")
PEERS = {
    "flax": Peer(_FLAX),
    "torch": Peer("scripts.benchmarks.peers.torch"),
    "rbg": Peer(_FLAX, "flax", {"JAX_DEFAULT_PRNG_IMPL": "rbg"}),
    "deterministic": Peer("scripts.benchmarks.ours.train", "ours", {"XLA_FLAGS": _DETERMINISTIC}),
}
"""By name: other frameworks, Flax with keys of ``rbg``, and our steps with bits that repeat."""

# A peer that allocates its outputs anew gets its memory back from the heap, not from the system:
# otherwise page faults would be what is measured.
_RECYCLE = {"MALLOC_MMAP_THRESHOLD_": str(2**25), "MALLOC_TRIM_THRESHOLD_": str(2**34)}


def check_peers(names: list[str]) -> list[str]:
    """Returns the names of peers, checked.

    Raises:
      InputError: If there is no such peer, or it is not installed.
    """
    for name in names:
        if name not in PEERS:
            raise unknown("peer", name, PEERS)
        if name == "torch" and importlib.util.find_spec(name) is None:
            raise InputError(
                f"peer {name!r} is not installed: pip install -e '.[peers]' "
                "--extra-index-url https://download.pytorch.org/whl/cpu"
            )
    return names


class SideProcess:
    """A process that measures one module's work; a context manager.

    Args:
      peer: What it measures.
      sizes: Sizes of the problems.
      name: What the peer's ``side`` is called here.
    """

    def __init__(self, peer: Peer, sizes: Sizes, name: str = "") -> None:
        self._module, self._side, self._name = peer.module, peer.side, name
        worker = [sys.executable, "-m", "scripts.benchmarks.worker"]
        command = [*worker, peer.module, sizes_argument(sizes)]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,  # which Python then imports from
            env={**_RECYCLE, **os.environ, **peer.setting},
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
        found = [(case, side) for case, side in self._ask("list", "", "")]
        if self._side is None:
            return found
        return [(case, self._name) for case, side in found if side == self._side]

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

    def _ask(self, verb: str, case: str, side: str) -> Any:
        request = (verb, case, self._side or side)
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
