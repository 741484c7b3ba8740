"""Faults of the system and damaged files, drawn, in sweeps that then go on: nothing may change.

python -m tests.sweeps.faults --failures=500 --damages=200 --output=tests/sweeps/faults.json

Every failure makes one call on a file of a running sweep fail as the system would; every damage
flips a bit or cuts the end of a file that such a sweep has left. Whatever happens must be told in
one line, be blamed on no trial, and leave a directory in which the same command ends with the same
records, after what is called damaged was moved away.
"""

import argparse
import collections
import contextlib
import errno
import json
import os
import random
import re
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np

from dropout_lab.errors import InputError
from dropout_lab.sweeps.store import Store
from dropout_lab.training.checkpoint import Checkpoints, DamagedCheckpointError
from tests.sweeps.running import run_sweep, tiny_config, without_time, write_tiny

ERRNOS = ("EIO", "ENOSPC", "EACCES", "ESTALE", "EROFS", "EMFILE")
SEEDS = {"seed": [0, 1, 2, 3]}
_CALLS = {"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.listdir", "os.scandir"}
_armed: list["_Failing"] = []


class _Failing:
    """Counts the calls on files of a folder, and makes one of them fail."""

    def __init__(self, folder, number, error):
        self.folder, self.number, self.error = str(folder), number, error
        self.calls = 0

    def __call__(self, event, args):
        if event not in _CALLS or not isinstance(args[0], str | bytes | os.PathLike):
            return
        path = os.fsdecode(args[0])
        if path.startswith(self.folder):
            self.calls += 1
            if self.calls == self.number:
                raise OSError(self.error, os.strerror(self.error), path)


def _audit(event, args):
    if _armed:
        _armed[0](event, args)


@contextlib.contextmanager
def failing(folder, number=0, error=errno.EIO):
    """Makes the call of a number, counted from 1, on a file of a folder fail; yields the count."""
    if _audit not in _hooked:
        sys.addaudithook(_audit)  # stays, as Python can remove none
        _hooked.append(_audit)
    counter = _Failing(folder, number, error)
    _armed.append(counter)
    try:
        yield counter
    finally:
        _armed.clear()


_hooked: list[object] = []


class Campaign:
    """Sweeps of one configuration in a folder, compared with an undisturbed one.

    Attributes:
      counts: How often each thing has happened.
      wrong: What must not happen, in words.
    """

    def __init__(self, folder, config, seed=0):
        self.folder, self.config = Path(folder), config
        self.random = random.Random(seed)
        self.counts: collections.Counter[str] = collections.Counter()
        self.wrong: list[str] = []
        with failing(self.folder / "whole") as counter:
            self.expected = self._records(self._run(self.folder / "whole"))
        self.calls = counter.calls

    def fail(self):
        """Runs a sweep with a failing call, then to its end."""
        name = self.random.choice(ERRNOS)
        number = self.random.randint(1, self.calls)
        self._fail(name, number)
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
        with failing(workdir, number, getattr(errno, name)):
            self._tried(what, workdir)
        self.counts[f"failed calls: {name}"] += 1
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
        if self._records(Store(workdir)) != self.expected:
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
                self.wrong.append(f"{what}: several lines: {error}")
            named = re.match(r"(.*) is damaged \(", str(error))
            return named and named[1]
        except Exception as error:  # whatever it is, it is what this looks for
            self.wrong.append(f"{what}: {type(error).__name__}: {str(error)[:200]}")
        return None

    def _run(self, workdir):
        store = Store(workdir)
        with open(os.devnull, "w") as null, contextlib.redirect_stderr(null):
            run_sweep(self.config, SEEDS, store, lanes=2)
        return store

    def _records(self, store):
        return [without_time(record) for record in store.records()]


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--failures", type=int, default=500)
    parser.add_argument("--damages", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        write_tiny(Path(folder) / "tiny.npz")
        config = tiny_config(Path(folder) / "tiny.npz")
        config.run.save_model = True
        campaign = Campaign(Path(folder) / "sweeps", config, args.seed)
        for _ in range(args.failures):
            campaign.fail()
        for _ in range(args.damages):
            campaign.damage()
    counts = dict(sorted(campaign.counts.items()))
    content = {"failures": args.failures, "damages": args.damages, "seed": args.seed}
    content |= {"counts": counts, "wrong": campaign.wrong}
    args.output.write_text(json.dumps(content, indent=1) + "\n")
    print(f"{args.failures} failures, {args.damages} damages, {len(campaign.wrong)} wrong")
    print("\n".join(campaign.wrong[:20]))
    return 1 if campaign.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
