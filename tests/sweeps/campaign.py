"""Kills processes of a running sweep at random and compares its records with undisturbed ones.

python -m tests.sweeps.campaign --executor=processes --kills=50 --trials=600 --workdir=DIR

With --executor=local the main process is killed; with processes and dask, the main process and
workers are killed in turn. Fifty kills take about six minutes.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from dropout_lab.sweeps.store import Store

ROOT = Path(__file__).parents[2]
PATIENCE = 1800  # seconds that an undisturbed sweep may take
# Parts of the command lines of our workers and of Dask's.
_WORKERS = ("dropout_lab.sweeps.execution.worker", "spawn_main")


class Sweep:
    """A sweep of small networks in processes of its own, with its messages in ``DIR.log``.

    The compilation cache is the folder ``cache`` beside the directory.
    """

    def __init__(self, workdir, executor, trials, *flags, epochs=150):
        seeds = ",".join(map(str, range(trials)))
        self.workdir = workdir
        self._command = [
            *(sys.executable, str(ROOT / "scripts" / "sweep.py")),
            *("--config=configs/digits_mlp.py:dropout", "--config.model.widths=(16,)"),
            *(f"--config.train.epochs={epochs}", "--config.run.checkpoint_seconds=0.2"),
            *(f"--vary=seed={seeds}", "--lanes=2"),
            *(() if executor == "local" else ("--workers=2",)),
            *(f"--executor={executor}", f"--workdir={workdir}", *flags),
        ]
        self.environment = os.environ | {"XDG_CACHE_HOME": str(workdir.with_name("cache"))}
        self.environment.pop("JAX_COMPILATION_CACHE_DIR", None)
        self.process: Any = None

    @property
    def log(self):
        return self.workdir.with_name(f"{self.workdir.name}.log")

    def start(self):
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                self._command,
                cwd=ROOT,
                stderr=log,
                env=self.environment,
                start_new_session=True,  # so that a test can send Ctrl-C to the whole group
            )

    def ended(self):
        return self.process.poll() is not None

    def wait_for_changes(self, count):
        """Waits until files have come or gone this many times, or the sweep has ended."""
        before = self._files()
        while count and not self.ended():
            time.sleep(0.05)
            now = self._files()
            count -= now != before
            before = now

    def _files(self):
        kinds = ("trials/*.json", "plans/*.json", "progress/*.json", "checkpoints/*/*")
        return {path for kind in kinds for path in self.workdir.glob(kind)}

    def finish(self):
        """Waits for the sweep to succeed."""
        assert self.process.wait(PATIENCE) == 0, self.log.read_text()

    def kill_one(self, victim, randomness):
        """Kills the main process or a worker; returns ``victim``, or None if there is none."""
        pids = [self.process.pid] if victim == "main" else _workers(self.process.pid)
        if self.ended() or not pids:
            return None
        os.kill(randomness.choice(pids), signal.SIGKILL)
        if victim == "main":
            self.process.wait()
        return victim


def _workers(parent):
    """Returns the ids of the worker processes that a process has started."""
    workers = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            ppid = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            command = (folder / "cmdline").read_text()
        except (OSError, ValueError):
            continue  # has ended
        if ppid == parent and any(name in command for name in _WORKERS):
            workers.append(int(folder.name))
    return workers


def campaign(workdir, executor, *, kills, trials, victims=None, seed=0):
    """Kills processes at random moments, then lets the sweep finish.

    Args:
      workdir: The sweep's directory.
      executor: The sweep's executor.
      kills: Number of kills; fewer if the sweep finishes before.
      trials: Number of trials.
      victims: The kinds of processes to kill in turn: "main", "worker".
      seed: Seed of moments and workers.

    Returns:
      The kinds of processes killed, and the sweep.
    """
    victims = victims or (("main",) if executor == "local" else ("main", "worker"))
    randomness = random.Random(seed)
    sweep = Sweep(Path(workdir), executor, trials)
    sweep.start()
    killed: list[str] = []
    while len(killed) < kills:
        sweep.wait_for_changes(randomness.randint(0, 6))
        time.sleep(randomness.uniform(0, 0.5))
        victim = sweep.kill_one(victims[len(killed) % len(victims)], randomness)
        killed += [victim] if victim else []
        if sweep.ended():
            if victim is None:
                break
            sweep.start()
    sweep.finish()
    return killed, sweep


def undisturbed(workdir, executor, trials):
    """Runs a sweep with the plans of ``workdir``, beside it and without kills; returns its path."""
    sweep = Sweep(Path(workdir).with_name("whole"), executor, trials)
    for path in Path(workdir).glob("plans/*.json"):
        copy = Store(sweep.workdir).file("plans", path.stem)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(path.read_text())
    sweep.start()
    sweep.finish()
    return sweep.workdir


def compare(cut, whole):
    """Returns the trials of a sweep without a record, or with another one than in ``whole``."""
    records, expected = (
        {record["id"]: _timeless(record) for record in Store(workdir).records()}
        for workdir in (cut, whole)
    )
    return [
        trial
        for trial in Store(cut).trials()
        if trial not in records or records[trial] != expected.get(trial)
    ]


def _timeless(record):
    # The checkout may change while a long campaign runs.
    dropped = ("wall_seconds", "git_revision")
    return json.dumps({key: value for key, value in record.items() if key not in dropped})


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--executor", default="processes")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--trials", type=int, default=600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workdir", required=True)
    args = parser.parse_args()
    workdir = Path(args.workdir) / "cut"
    workdir.parent.mkdir(parents=True, exist_ok=True)
    killed, _ = campaign(
        workdir, args.executor, kills=args.kills, trials=args.trials, seed=args.seed
    )
    different = compare(workdir, undisturbed(workdir, args.executor, args.trials))
    print(f"killed {killed.count('main')} main processes and {killed.count('worker')} workers")
    print(f"{args.trials} trials, {len(different)} differ {different[:5]}")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
