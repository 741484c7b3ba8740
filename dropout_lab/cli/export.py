"""Gives records and histories to a tracker: TensorBoard, Weights & Biases, or CSV files.

dropout-lab export --to=tensorboard --workdir=DIR; tensorboard --logdir=DIR/tensorboard

What an earlier export or --log wrote to DIR/TRACKER is replaced.
"""

from pathlib import Path

from absl import flags

from dropout_lab.cli.path_flag import define_path
from dropout_lab.errors import InputError


class Command:
    """Flags and execution of ``dropout-lab export``."""

    def __init__(self) -> None:
        self._to = flags.DEFINE_string("to", None, "tensorboard, wandb or csv.", required=True)
        self._workdir = define_path("workdir", "Directory of a run or a sweep.", required=True)

    def run(self) -> None:
        """Replays the records, and prints where the tracker's files are."""
        from dropout_lab.sweeps.store import Store
        from dropout_lab.tracking.sink import open_sink, replay, trial_of
        from dropout_lab.training.recorded import read_record
        from dropout_lab.training.run_status import is_run

        directory = Path(self._workdir.value)
        if is_run(directory):
            path = directory / "record.json"
            records, varied = ([read_record(path)] if path.exists() else []), []
        else:
            store = Store(directory)
            records, varied = store.records(), store.varied()
        if not records:
            raise InputError(f"{str(directory)!r} holds no finished trial to export")
        sink = open_sink(self._to.value, directory, fresh=True)
        for record in records:
            replay(sink, trial_of(record, varied), record)
        sink.close()
        print(f"{len(records)} trials: {directory / self._to.value}")
