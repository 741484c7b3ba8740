"""The flag of trackers that follow a run or a sweep."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from absl import flags

if TYPE_CHECKING:
    from dropout_lab.tracking.sink import Sink

flags.disclaim_key_flags()  # --help shows it as the subcommand's own


class LogFlag:
    """Defines ``--log``; make only one."""

    def __init__(self, what: str) -> None:
        self._log = flags.DEFINE_multi_string(
            "log", [], f"tensorboard, wandb or csv: gets {what}, in WORKDIR/NAME; repeatable."
        )

    @contextmanager
    def sinks(self, workdir: str) -> Iterator[list[Sink]]:
        """Opens the trackers, whose errors are warnings, and closes them at the end.

        Raises:
          InputError: If there is no such tracker, or its package is not installed.
        """
        from dropout_lab.tracking.sink import Guarded, open_sink

        opened: list[Sink] = [
            Guarded(open_sink(name, workdir, fresh=False), name)
            for name in dict.fromkeys(self._log.value)
        ]
        try:
            yield opened
        finally:
            for sink in opened:
                sink.close()
