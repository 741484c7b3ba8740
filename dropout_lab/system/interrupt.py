"""Graceful stopping: SIGINT and SIGTERM ask the training loop to save and exit."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupted(Exception):  # noqa: N818 (not an error: requested)
    """Raised when a run has stopped on request, after saving its state.

    Attributes:
      signum: The signal that requested to stop.
    """

    def __init__(self, signum: int) -> None:
        super().__init__(f"interrupted by {signal.Signals(signum).name}")
        self.signum = signum


class Stop:
    """A request to stop: the signal that was received, if any."""

    def __init__(self) -> None:
        self.signum: int | None = None

    def check(self) -> None:
        """Raises Interrupted if a stop was requested."""
        if self.signum is not None:
            raise Interrupted(self.signum)


@contextmanager
def graceful_stop() -> Iterator[Stop]:
    """Turns the first SIGINT or SIGTERM into a request to stop; a second one acts as usual."""
    stop = Stop()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def request(signum: int, frame: FrameType | None) -> None:
        stop.signum = signum
        for number, handler in before.items():
            signal.signal(number, handler)

    for number in before:
        signal.signal(number, request)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
