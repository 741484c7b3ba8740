"""Drawn flags and files for every command: one line of error, or what was asked for.

python -m tests.scripts.drawn --count=3000 --output=FILE.json

Commands run in this process, as starting one takes seconds; none of them trains a network.
"""

import argparse
import collections
import contextlib
import io
import json
import os
import re
import signal
import sys
import tempfile
from pathlib import Path
from unittest import mock

import hypothesis
from absl import app, flags
from hypothesis import strategies as st

from dropout_lab.cli.dispatch import run_subcommand
from dropout_lab.errors import InputError
from dropout_lab.sweeps.store import Store
from dropout_lab.system.machine import cpu
from dropout_lab.training import run
from dropout_lab.training.record import environment
from dropout_lab.tuning import tuning
from tests.scripts.drawing import (
    EVALUATE,
    EXPORT,
    PATHS,
    PLOT,
    SWEEP,
    TABLE,
    TRAIN,
    TUNE,
    changed,
)
from tests.sweeps.running import run_sweep, tiny_config, write_tiny

PATIENCE = 60  # seconds after which a command hangs
CONFIG = """
from tests.sweeps.running import tiny_config


def get_config(variant="dropout"):
    config = tiny_config({path!r})
    config.variant = variant
    return config
"""


_LOOKS = {"plot": PLOT, "report": st.just("--nowatch"), "evaluate": EVALUATE, "export": EXPORT}


class _HangError(BaseException):
    """A command that does not end."""


class Inputs:
    """Commands on drawn input, in a folder with a sweep, ``all``, and a run, ``run``.

    Attributes:
      counts: How often each thing has happened.
      wrong: What must not happen, in words.
    """

    def __init__(self, folder):
        self.folder = folder
        self.counts: collections.Counter[str] = collections.Counter()
        self.wrong: list[str] = []
        app.define_help_flags()  # those of the commands are forgotten after each
        write_tiny(folder / "tiny.npz")
        (folder / "config.py").write_text(CONFIG.format(path=str(folder / "tiny.npz")))
        config = tiny_config(folder / "tiny.npz")
        config.variant = "dropout"
        config.run.save_model = True
        run_sweep(config, {"seed": [0, 1]}, Store(folder / "all"))
        with open(os.devnull, "w") as null, contextlib.redirect_stderr(null):
            run.train(config, folder / "run")
        self._files = sorted(folder.glob("all/**/*.json")) + sorted(folder.glob("run/*.json"))
        self._config = f"--config={folder}/config.py"

    def flags(self, data):
        """Runs a command with drawn flags."""
        kind = data.draw(st.sampled_from(("sweep", "sweep", "table", "train", *_LOOKS, "tune")))
        done = f"--workdir={self.folder / 'all'}"
        if kind == "table":
            drawn = data.draw(st.lists(TABLE, max_size=4))
            self.run(kind, done, *drawn)
        elif kind == "sweep":
            drawn = data.draw(st.lists(SWEEP, max_size=4))
            workdir = data.draw(st.sampled_from(((), (done,))))
            self.run(kind, self._config, "--dry_run", *workdir, *drawn)
        elif kind in _LOOKS:
            drawn = data.draw(st.lists(_LOOKS[kind], max_size=4))
            path = data.draw(st.one_of(st.just("figure.svg"), PATHS))
            output = (f"--output={path}",) if kind in ("plot", "report") else ()
            self.run(kind, done, *output, *drawn)
        else:
            drawn = data.draw(st.lists(TRAIN if kind == "train" else TUNE, max_size=3))
            workdir = data.draw(st.one_of(st.just("run"), PATHS))
            self.run(kind, self._config, *drawn, f"--workdir={workdir}")

    def file(self, data):
        """Runs commands on a file that was changed."""
        path = data.draw(st.sampled_from(self._files))
        before = path.read_bytes()
        text = data.draw(changed(before.decode()))
        path.write_bytes(text.encode(errors="surrogatepass"))
        try:
            where = f"--workdir={path.relative_to(self.folder).parts[0]}"
            if where.endswith("run"):
                self.run("train", self._config, where, what=str(path))
            else:
                self.run("sweep", where, "--status", what=str(path))
                self.run("sweep", self._config, where, "--dry_run", "--seeds=2", what=str(path))
                self.run("table", where, what=str(path))
        finally:
            path.write_bytes(before)

    def run(self, name, *args, what=""):
        """Runs a command, which must succeed, or fail with a line."""
        self.counts[f"commands: {name}"] += 1
        out, err = io.StringIO(), io.StringIO()
        shown = f"{name} {what} {' '.join(map(ascii, args))}"[-400:]
        before = {*flags.FLAGS}
        status = None
        signal.signal(signal.SIGALRM, _hang)
        signal.alarm(PATIENCE)
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                run_subcommand(name, args)
        except SystemExit as end:
            status = end.code or 0
        except _HangError:
            self.wrong.append(f"a hang: {shown}")
            return
        except BaseException as error:  # whatever it is, it is what this looks for
            self.wrong.append(f"{type(error).__name__}: {str(error)[:200]}: {shown}")
            return
        finally:
            signal.alarm(0)
            for flag in {*flags.FLAGS} - before:
                delattr(flags.FLAGS, flag)
            flags.FLAGS.unparse_flags()
        self.counts[f"status {status}"] += 1
        lines = err.getvalue().splitlines()
        errors = [line for line in lines if line.startswith("error: ")]
        if status not in (0, 2) or len(errors) != (status == 2) or "Traceback" in err.getvalue():
            self.wrong.append(f"status {status}, {err.getvalue()[-300:]}: {shown}")
        if status == 2 and lines and not lines[-1].startswith("error: "):
            self.wrong.append(f"several lines, {err.getvalue()[-300:]}: {shown}")
        self._check_listed(shown, args, out.getvalue(), name, status)

    def _check_listed(self, shown, args, out, name, status):
        """What a dry run lists are the seeds that were asked for."""
        asked = [arg for arg in args if re.fullmatch(r"--vary=seed=\d+", arg)]
        if name == "sweep" and status == 0 and asked and f"seed={int(asked[0][12:])}" not in out:
            self.wrong.append(f"another seed: {shown}")


def _hang(signum, frame):
    raise _HangError


def drawn(folder, count, seed=0):
    """Runs commands on drawn input; returns counts, and what must not happen.

    Args:
      folder: An empty folder.
      count: Number of drawn lists of flags, and of drawn files, together.
      seed: Seed of all that is drawn.
    """
    inputs = Inputs(folder)
    with (
        contextlib.chdir(folder),
        mock.patch.object(run, "_run", _not_trained),
        mock.patch.object(tuning, "run_sweep", _not_trained),
    ):
        for share, kind in ((count * 2 // 3, inputs.flags), (count - count * 2 // 3, inputs.file)):
            _given(kind, share, seed)
            inputs.counts[f"drawn: {kind.__name__}"] = share
    return dict(sorted(inputs.counts.items())), inputs.wrong


def _given(kind, count, seed):
    @hypothesis.settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.seed(seed)
    @hypothesis.given(st.data())
    def draw(data):
        kind(data)

    draw()


def _not_trained(*args):
    raise InputError("it would train now")


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        counts, wrong = drawn(Path(folder), args.count, args.seed)
    runs = json.loads(args.output.read_text()) if args.output.exists() else []
    found = {
        "seed": args.seed,
        "revision": environment()["git_revision"],
        "machine": environment()["device"] | {"cpu": cpu()},
        "counts": counts,
        "wrong": wrong,
    }
    args.output.write_text(json.dumps([*runs, found], indent=1) + "\n")
    print("\n".join([*wrong[:40], f"{len(wrong)} wrong"]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
