"""Execution of a chunk: trials side by side, with a record each and one checkpoint."""

import functools
import os
import socket
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ml_collections import FrozenConfigDict

from dropout_lab.errors import InputError
from dropout_lab.sweeps.execution import plan
from dropout_lab.sweeps.execution.plan import Chunk
from dropout_lab.sweeps.store import Store
from dropout_lab.sweeps.trials import Group
from dropout_lab.system.files import write_json
from dropout_lab.system.interrupt import Interrupted, Stop
from dropout_lab.training import trainer
from dropout_lab.training.checkpoint import Checkpoints, DamagedCheckpointError
from dropout_lab.training.pauses import Pauses
from dropout_lab.training.preparation import load_data, prepare
from dropout_lab.training.progress import Epoch
from dropout_lab.training.record import make_record
from dropout_lab.training.trained import save_network
from dropout_lab.training.vmapped import VmappedProgram


@functools.lru_cache(maxsize=2)
def prepared(config: FrozenConfigDict, lanes: int) -> VmappedProgram:
    """Returns a group's program; the last two are kept, so that they are compiled once.

    Args:
      config: Configuration of the group's first trial.
      lanes: Number of trials that the program runs side by side.
    """
    program, _ = prepare(config, lanes)
    return program


def run_chunk(
    store: Store,
    group: Group,
    chunk: Chunk,
    *,
    stop: Stop,
    on_epoch: Callable[[], None] = lambda: None,
    wait: bool = False,
) -> bool:
    """Runs the pending trials of a chunk and writes their records.

    An exception in training is recorded as the failure of the trial and not raised, unless it is
    the operating system's: then the trial is not to blame. Trials side by side get chunks of their
    own instead, since one of them may have failed the others; or two chunks of half the width, if
    memory does not suffice for this many lanes.

    Args:
      store: The sweep.
      group: The chunk's group.
      chunk: The chunk to run.
      stop: Checked after every epoch: whether to save and stop.
      on_epoch: Called after every epoch.
      wait: Whether to wait if another process runs the chunk.

    Returns:
      Whether the chunk is finished; False only if another process runs it.

    Raises:
      InputError, OSError: If a file cannot be read or written; the checkpoint stays.
      Interrupted: If asked to stop; finished work is saved.
    """
    with store.lock(chunk.id, wait=wait) as acquired:
        if not acquired:
            return False
        planned = plan.read_plan(store, group.id)
        if planned and chunk in planned.chunk_set and chunk.pending(store):
            _run(store, group, chunk, stop, on_epoch)
    return True


def _run(
    store: Store, group: Group, chunk: Chunk, stop: Stop, on_epoch: Callable[[], None]
) -> None:
    checkpoints = _Checkpoints(store.checkpoint(chunk.id), store)
    progress = _ProgressFile(store, chunk, on_epoch)
    try:
        program = prepared(group.trials[0].config, chunk.lanes)
        members = store.configs(chunk.trials)
        dataset = load_data(members[0])
        results = trainer.Trainer(
            program,
            members,
            dataset,
            checkpoints=checkpoints,
            on_epoch=progress,
            stop=stop,
            pauses=Pauses(store.pauses, store.lock),
        ).run()
        for trial, config, result in zip(chunk.trials, members, results, strict=True):
            if not store.has(trial):
                if config.run.save_model:
                    save_network(store.network(trial), result)
                else:  # a network saved there earlier is not the one of this record
                    Checkpoints(store.network(trial)).clear()
                store.add(make_record(config, dataset, result))
    except (InputError, OSError, Interrupted):
        raise
    except Exception as error:
        if progress.reporting:  # the report failed, not the trials
            raise
        if "RESOURCE_EXHAUSTED" in str(error) and chunk.lanes > 1:
            plan.split(store, group.id, chunk)
        elif len(chunk.trials) > 1:  # one of them may be at fault: each gets its own chunk
            plan.separate(store, group.id, chunk)
        else:
            reason = "".join(traceback.format_exception_only(error)).splitlines()[0]
            for trial in chunk.pending(store):
                store.add_failure(trial, reason, traceback.format_exc())
            return  # the checkpoint stays for --retry: it may hold a complete training
    finally:
        progress.clear()
    checkpoints.clear()


class _Checkpoints(Checkpoints):
    """Checkpoints that are moved away if damaged, so that the chunk starts again."""

    def __init__(self, directory: Path, store: Store) -> None:
        super().__init__(directory)
        self._store = store

    def restore(self, *args: Any) -> Any:
        try:
            return super().restore(*args)
        except DamagedCheckpointError:
            self._store.quarantine(self._directory)
            return None


class _ProgressFile:
    """A file that reports the progress of a chunk to other processes.

    Attributes:
      reporting: Whether a report is being made; stays True after an error in it.
    """

    def __init__(self, store: Store, chunk: Chunk, on_epoch: Callable[[], None]) -> None:
        self.reporting = False
        self._on_epoch = on_epoch
        self._path = store.file("progress", chunk.id)
        self._written = 0.0
        self._content = {
            "trials": list(chunk.trials),
            "host": socket.gethostname(),
            "pid": os.getpid(),
        }

    def __call__(self, epoch: Epoch) -> None:
        """Reports an epoch; writes the file at most once a second."""
        self.reporting = True
        if time.monotonic() - self._written >= 1:
            newest = {"fraction": epoch.fraction, "summary": epoch.summary()}
            write_json(self._path, self._content | newest)
            self._written = time.monotonic()
        self._on_epoch()
        self.reporting = False

    def clear(self) -> None:
        """Deletes the file, as the chunk is no longer running."""
        self._path.unlink(missing_ok=True)
