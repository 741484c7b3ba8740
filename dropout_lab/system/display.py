"""A progress bar with an estimate of the time left; plain lines where there is no terminal."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)


class Display:
    """Shows how far a run or a sweep is.

    Args:
      trials: Trials in all.
      shown: Whether to draw at all.
    """

    def __init__(self, trials: int, *, shown: bool = True) -> None:
        self._console = Console(stderr=True)
        self._live = shown and self._console.is_terminal
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
        """Starts drawing."""
        if self._live:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stops drawing."""
        if self._live:
            self._bar.stop()

    def say(self, line: str) -> None:
        """Prints a line that stays."""
        self._console.print(line, highlight=False, markup=False, soft_wrap=True)

    def update(self, completed: float, text: str) -> None:
        """Shows that so many trials are done (a part of one counts), and what is under way."""
        self._bar.update(self._task, completed=completed, description=text)
