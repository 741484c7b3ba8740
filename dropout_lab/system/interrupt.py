"""Stopping gracefully: SIGINT and SIGTERM ask the loop to save and leave."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupted(Exception):  # noqa: N818 (not an error: the user asked)
    """Raised by the loop once it has saved.

    Attributes:
      signum: The signal that asked.
    """

    def __init__(self, signum: int) -> None:
        super().__init__(f"interrupted by {signal.Signals(signum).name}")
        self.signum = signum


class Stop:
    """Remembers the signal that asked to stop, if any."""

    def __init__(self) -> None:
        self.signum: int | None = None

    def check(self) -> None:
        """Raises Interrupted if a signal has come."""
        if self.signum is not None:
            raise Interrupted(self.signum)


@contextmanager
def graceful_stop() -> Iterator[Stop]:
    """Turns the first SIGINT or SIGTERM into a request; a second one acts as it always does."""
    stop = Stop()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def ask(signum: int, frame: FrameType | None) -> None:
        stop.signum = signum
        for number, handler in before.items():
            signal.signal(number, handler)

    for number in before:
        signal.signal(number, ask)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
