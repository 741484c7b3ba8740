"""A progress bar with an estimate of the time left; plain lines without a terminal."""

import contextlib
import math
import time
from collections.abc import Iterator
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

_INTERVAL = 60.0  # seconds between two lines


class Display:
    """Progress display of a run or a sweep; silent once its terminal is gone.

    Args:
      trials: Total number of trials.
      shown: Whether to draw the bar.
      lines: Whether updates are printed without a terminal, one a minute at most.
    """

    def __init__(self, trials: int, *, shown: bool = True, lines: bool = False) -> None:
        self._console = Console(stderr=True)
        self._live = shown and self._console.is_terminal
        self._lines = lines and shown and not self._live
        self._said = -math.inf
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
        )
        self._task = self._bar.add_task("", total=trials)

    def __enter__(self) -> Self:
        """Starts the bar."""
        with self._while_it_lasts():
            if self._live:
                self._bar.start()
        return self

    def __exit__(self, *exception: object) -> None:
        """Stops the bar."""
        with self._while_it_lasts():
            if self._live:
                self._bar.stop()

    def say(self, line: str) -> None:
        """Prints a permanent line."""
        with self._while_it_lasts():
            self._console.print(line, highlight=False, markup=False, soft_wrap=True)

    def update(self, completed: float, text: str) -> None:
        """Shows the number of completed trials, which may have a fraction, and a text."""
        if self._lines and time.monotonic() - self._said >= _INTERVAL:
            self.say(text)
            self._said = time.monotonic()
        with self._while_it_lasts():
            self._bar.update(self._task, completed=completed, description=text)

    @contextlib.contextmanager
    def _while_it_lasts(self) -> Iterator[None]:
        """A terminal that is closed, or a reader that has ended, must not end the work."""
        try:
            yield
        except OSError:
            self._live = False
            self._console.quiet = True
