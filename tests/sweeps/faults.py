"""Faults of the system, damaged files and kills, drawn, in sweeps that then go on.

python -m tests.sweeps.faults --failures=500 --damages=200 --kills=100 --output=FILE.json

Every failure makes one call on a file of a running sweep fail as the system would, in whichever
process makes it; every damage flips a bit or cuts the end of a file that such a sweep has left;
every kill ends a process of a sweep by SIGKILL. Whatever happens must be told in one line, be
blamed on no trial, and leave a directory in which the same command ends with the same records,
after what is called damaged was moved away. The executors take turns.
"""

import argparse
import collections
import contextlib
import errno
import json
import math
import os
import random
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import jax
import numpy as np

from dropout_lab.errors import InputError
from dropout_lab.sweeps.store import Store
from dropout_lab.system.machine import cpu
from dropout_lab.training.checkpoint import Checkpoints, DamagedCheckpointError
from dropout_lab.training.record import environment
from tests.sweeps.campaign import campaign, compare, undisturbed
from tests.sweeps.injection import failing
from tests.sweeps.reused import executors
from tests.sweeps.running import run_sweep, tiny_config, without_time, write_tiny

ERRNOS = ("EIO", "ENOSPC", "EACCES", "ESTALE", "EROFS", "EMFILE")
SEEDS = {"seed": [0, 1, 2, 3]}
EXECUTORS = ("local", "processes", "dask")
WORKERS = 2
KILLS = 10  # in a sweep


class Campaign:
    """Sweeps of one configuration in a folder, compared with an undisturbed one.

    Args:
      folder: The folder; it has a file ``shared`` for ``injection``.
      config: The configuration.
      executor: How the sweeps run.
      seed: Seed of all that is drawn.
      settle: Waits until no process is at work.

    Attributes:
      counts: How often each thing has happened.
      wrong: What must not happen, in words.
    """

    def __init__(self, folder, config, executor="local", seed=0, settle=lambda: None):
        self.folder, self.config, self.executor = Path(folder), config, executor
        self.random = random.Random(f"{executor} {seed}")
        self.counts: collections.Counter[str] = collections.Counter()
        self.wrong: list[str] = []
        self._settle = settle
        self.folder.mkdir(exist_ok=True)
        with self._failing(self.folder / "whole") as calls:
            self.expected = self._records(self._run(self.folder / "whole"))
        self.calls = calls.count

    def fail(self):
        """Runs a sweep with a failing call, then to its end."""
        name = self.random.choice(ERRNOS)
        number = self.random.randint(1, self.calls)
        self._fail(name, number)
        self.counts["drawn failures"] += 1
        self._finish(f"call {number} {name}")

    def damage(self):
        """Runs a sweep with a failing call, damages a file that it left, and runs it to its end."""
        number = self.random.randint(self.calls // 4, self.calls)
        workdir = self._fail("EIO", number)
        kinds = collections.defaultdict(list)
        for path in sorted(workdir.rglob("*")):
            if path.is_file() and path.stat().st_size:
                kinds[path.relative_to(workdir).parts[0]].append(path)
        path = self.random.choice(kinds[self.random.choice(sorted(kinds))])
        content = bytearray(path.read_bytes())
        place = self.random.randrange(len(content))
        if self.random.random() < 0.5:
            content[place] ^= 1 << self.random.randrange(8)
            kind = "flips"
        else:
            del content[place:]
            kind = "cuts"
        path.write_bytes(content)
        self.counts[kind] += 1
        self.counts[f"{kind} in {path.relative_to(workdir).parts[0]}"] += 1
        what = f"{kind[:-1]} of {path.relative_to(workdir)} at {place}"
        self._finish(what)
        if path.relative_to(workdir).parts[0] == "networks":
            self._load(what, path.relative_to(workdir).parts[1])

    def _fail(self, name, number):
        workdir = self.folder / "disturbed"
        shutil.rmtree(workdir, ignore_errors=True)
        what = f"call {number} {name}"
        with self._failing(workdir, number, getattr(errno, name)) as calls:
            self._tried(what, workdir)
            self._settle()
        self.counts[f"failed calls: {name}"] += calls.failed
        if not calls.failed:  # the first sweep, in which processes started, had more calls
            self.calls = max(calls.count, 4)
        for path in workdir.glob("failures/*.json"):
            self.wrong.append(f"{what}: a trial was blamed: {path.read_text()[:300]}")
        return workdir

    def _finish(self, what):
        workdir = self.folder / "disturbed"
        for _ in range(5):
            damaged = self._tried(what, workdir)
            if damaged is None:
                break
            self.counts["damaged files named"] += 1
            os.rename(damaged, self.folder / "moved away")
        else:
            self.wrong.append(f"{what}: does not end")
            return
        if list(workdir.glob("failures/*.json")):
            self.wrong.append(f"{what}: a trial was blamed")
        found = self._records(Store(workdir))
        self.counts["records of another width"] += sum(map(_another_width, found, self.expected))
        if not same(found, self.expected):
            self.wrong.append(f"{what}: other records")

    def _load(self, what, trial):
        """Loads a network that is damaged: it must say so or be the same."""
        expected = Checkpoints(self.folder / "whole" / "networks" / trial).restore()
        try:
            found = Checkpoints(self.folder / "disturbed" / "networks" / trial).restore()
        except DamagedCheckpointError:
            self.counts["damaged networks named"] += 1
            return
        if found and not all(
            np.array_equal(found[0][name], expected[0][name]) for name in found[0]
        ):
            self.wrong.append(f"{what}: another network")

    def _tried(self, what, workdir):
        """Runs a sweep; returns the file that it calls damaged, if any."""
        try:
            self._run(workdir)
        except (InputError, OSError) as error:
            self.counts["told in one line"] += 1
            if len(str(error).splitlines()) > 1:
                self.wrong.append(f"{what}: several lines: {str(error)[:300]}")
            named = re.match(r"(.*) is damaged \(", str(error))
            return named and named[1]
        except Exception as error:  # whatever it is, it is what this looks for
            self.wrong.append(f"{what}: {type(error).__name__}: {str(error)[:200]}")
        return None

    def _run(self, workdir):
        store = Store(workdir)
        with open(os.devnull, "w") as null, contextlib.redirect_stderr(null):
            workers = None if self.executor == "local" else WORKERS
            run_sweep(
                self.config,
                SEEDS,
                store,
                lanes=2,
                executor=self.executor,
                workers=workers,
                retry=True,
            )
        return store

    def _failing(self, *args):
        return failing(self.folder.parent / "shared", *args)

    def _records(self, store):
        return [without_time(record) for record in store.records()]


def same(found, expected):
    """Returns whether records are equal, up to rounding where they ran at another width.

    They do after a plan was lost, and in a chunk that ran apart to find the trial at fault.
    """
    return len(found) == len(expected) and all(map(_same_record, found, expected))


def _same_record(found, expected):
    if not _another_width(found, expected):
        return found == expected
    leaves, expected_leaves = (
        {
            jax.tree_util.keystr(path): leaf
            for path, leaf in jax.tree_util.tree_leaves_with_path({**record, "lanes": None})
        }
        for record in (found, expected)
    )
    return leaves.keys() == expected_leaves.keys() and all(
        math.isclose(leaf, expected_leaves[path], rel_tol=1e-3)
        if isinstance(leaf, float)
        else leaf == expected_leaves[path]
        for path, leaf in leaves.items()
    )


def _another_width(found, expected):
    return found["lanes"] != expected["lanes"]


class Kills:
    """Sweeps in processes of their own, of which some are killed.

    Args:
      folder: Where they are.
      executor: How they run.
      seed: Seed of all that is drawn.

    Attributes:
      counts: How often each thing has happened.
      wrong: What must not happen, in words.
    """

    def __init__(self, folder, executor, seed):
        self.folder, self.executor, self.seed = folder / f"kills-{executor}", executor, seed
        self.counts: collections.Counter[str] = collections.Counter()
        self.wrong: list[str] = []
        self.folder.mkdir()

    def kill(self):
        """Kills some processes of a sweep, and lets it end."""
        trials = 2 * KILLS
        whole = self.folder / "whole"
        if not whole.exists():
            undisturbed(self.folder / "no other", self.executor, trials)
        self.seed += 1
        cut = self.folder / f"cut-{self.seed}"
        victims, sweep = campaign(cut, self.executor, kills=KILLS, trials=trials, seed=self.seed)
        self.counts.update(f"kills: {victim}" for victim in victims)
        wrong = [f"trial {trial} differs" for trial in compare(cut, whole)]
        wrong += [f"{path.stem} is blamed" for path in cut.glob("failures/*")]
        if "Traceback" in sweep.log.read_text():
            wrong.append(f"a traceback: {sweep.log.read_text()[-300:]}")
        self.wrong += [f"{cut.name}, {self.executor}: {what}" for what in wrong]


def in_turns(folder, names, work, seed):
    """Does each kind of work in the executors in turns.

    Args:
      folder: Where to put everything.
      names: Executors.
      work: Kinds, in order: "fail", "damage", "kill".
      seed: Seed of all that is drawn.

    Yields:
      The executor, and the :class:`Campaign` or :class:`Kills` that has done its work.
    """
    write_tiny(folder / "tiny.npz")
    config = tiny_config(folder / "tiny.npz")
    config.run.save_model = True
    with executors(names, WORKERS, folder / "shared") as settle:
        made: dict[Any, Any] = {}
        turns: collections.Counter[str] = collections.Counter()
        for kind in work:
            name = names[turns[kind] % len(names)]
            turns[kind] += 1
            key = name, kind == "kill"
            if key not in made:
                made[key] = (
                    Kills(folder, name, seed)
                    if kind == "kill"
                    else Campaign(folder / name, config, name, seed, settle)
                )
            getattr(made[key], kind)()
            yield name, made[key]


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--failures", type=int, default=500)
    parser.add_argument("--damages", type=int, default=200)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--executors", default=",".join(EXECUTORS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    work = [
        *("fail",) * args.failures,
        *("damage",) * args.damages,
        *("kill",) * (args.kills // KILLS),
    ]
    random.Random(args.seed).shuffle(work)
    wrong: list[str] = []
    runs = json.loads(args.output.read_text()) if args.output.exists() else []
    found: dict[str, Any] = {
        "asked": {**vars(args), "output": args.output.name},
        "revision": environment()["git_revision"],
        "machine": environment()["device"] | {"cpu": cpu()},
        "counts": {},
        "wrong": wrong,
    }
    with tempfile.TemporaryDirectory() as folder:
        for name, each in in_turns(Path(folder), args.executors.split(","), work, args.seed):
            found["counts"].setdefault(name, {}).update(sorted(each.counts.items()))
            wrong += [line for line in each.wrong if line not in wrong]
            # Now, as it may be ended before it is done.
            args.output.write_text(json.dumps([*runs, found], indent=1) + "\n")
    print("\n".join([*wrong[:20], f"{len(wrong)} wrong"]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
