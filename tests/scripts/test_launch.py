"""Scripts that start work elsewhere: on a TPU that is a folder here, under a Slurm that is not."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dropout_lab.sweeps import Store

ROOT = Path(__file__).parents[2]
TPU = "scripts/tpu_vm.sh"

# ssh and scp to a machine that is the folder $MACHINE, all but $BROKEN; else it is written down.
GCLOUD = r"""#!/usr/bin/env bash
printf '%s\n' "$*" >>"$MACHINE/log"
verb=$4; shift 4
[[ $verb != "${BROKEN:-}" ]] || exit 1
case $verb in
  ssh) cd "$MACHINE" && exec env HOME="$MACHINE" bash -c "${2#--command=}" ;;
  scp)
    [[ $1 != --recurse ]] || shift
    cp -r "${1/#mine:/$MACHINE/}" "${2/#mine:/$MACHINE/}" ;;
esac
"""
PYTHON3 = '#!/bin/sh\necho "python3 $*" >>"$MACHINE/log"\n'


@pytest.fixture
def machine(tmp_path):
    place = tmp_path / "machine"
    place.mkdir()
    return place


@pytest.fixture
def tpu(tmp_path, machine):
    """Returns a function that runs the script, in a repository of its own."""
    checkout, tools = tmp_path / "checkout", tmp_path / "tools"
    (checkout / "scripts").mkdir(parents=True)
    shutil.copy(ROOT / TPU, checkout / TPU)
    (checkout / "scripts" / "doctor.py").touch()
    identity = ("-c", "user.name=test", "-c", "user.email=test@localhost")
    for command in (["init", "-q"], ["add", "-A"], [*identity, "commit", "-q", "-m", "all"]):
        subprocess.run(["git", *command], cwd=checkout, check=True)
    tools.mkdir()
    for name, text in (("gcloud", GCLOUD), ("python3", PYTHON3)):
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)
    environment = {"PATH": f"{tools}:{os.environ['PATH']}", "MACHINE": str(machine)}

    def tpu(*args, **more):
        return subprocess.run(
            [checkout / TPU, *args],
            cwd=checkout,
            env=os.environ | environment | more,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    return tpu


def test_a_dry_run_prints_and_does_nothing(tpu, machine):
    printed = [
        tpu("--dry_run", *args, TPU_FLAGS="--spot --project=mine")
        for args in (
            ["create", "mine"],
            ["run", "mine", "ls", "a file", "it's"],
            ["delete", "mine"],
        )
    ]
    assert [process.returncode for process in printed] == [0, 0, 0]
    create, run, delete = (process.stdout.splitlines() for process in printed)
    assert create[0] == (
        "gcloud compute tpus tpu-vm create mine --accelerator-type=v5litepod-1 "
        "--version=v2-alpha-tpuv5-lite --spot --project=mine --zone=us-west4-a"
    )
    assert "\\" not in "".join(create).replace("'\\''", ""), "quotes are plainer"
    typed = [shlex.split(line) for line in (create[-2], run[-1])]
    assert all(words[4:6] == ["ssh", "mine"] for words in typed)
    assert typed[0][6].endswith("--editable=. 'jax[tpu]'")
    assert typed[1][6].startswith(
        "--command=cd dropout_lab && export PATH=$PWD/.venv/bin:$PATH && "
    )
    assert typed[1][6].endswith(" && ls 'a file' 'it'\\''s'")
    assert delete == ["gcloud compute tpus tpu-vm delete mine --quiet --zone=us-west4-a"]
    assert [*machine.iterdir()] == []


def test_from_creation_to_end(tpu, machine, tmp_path):
    """The commit gets there, what is asked runs in it, and results come back."""
    (machine / "dropout_lab" / ".venv" / "bin").mkdir(parents=True)
    (machine / "dropout_lab" / ".venv" / "bin" / "python").symlink_to(sys.executable)
    subprocess.run(["git", "init", "-q", machine / "dropout_lab"], check=True)
    created = tpu("create", "mine", TPU_ZONE="somewhere")
    assert created.returncode == 0, created.stderr
    assert (machine / "dropout_lab" / TPU).exists()
    log = (machine / "log").read_text()
    assert log.count("--zone=somewhere") == 8
    assert "python3 -m uv pip install --quiet --python=.venv/bin/python --constraint=" in log
    assert log.count("jax[tpu]") == 2

    code = "import os, sys; os.makedirs(sys.argv[1]); open(sys.argv[2], 'w').write('it is')"
    ran = tpu("run", "mine", "python", "-c", code, "results/one", "results/one/a file")
    assert ran.returncode == 0, ran.stderr
    fetched = tpu("fetch", "mine", "results/one")
    assert fetched.returncode == 0, fetched.stderr
    assert (tmp_path / "checkout" / "results" / "one" / "a file").read_text() == "it is"
    assert tpu("delete", "mine").returncode == 0


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([], "unknown command ''; allowed: create, run, fetch, delete"),
        (["stop", "mine"], "unknown command 'stop'; allowed: create, run, fetch, delete"),
        (["create"], "create: NAME is ''; allowed: small letters"),
        (["create", "Mine"], "create: NAME is 'Mine'; allowed: small letters"),
        (["create", "mine", "yours"], "create: unexpected 'yours'"),
        (["run", "mine"], "run: COMMAND is missing"),
        (["fetch", "mine"], "fetch: one DIR is needed, there are 0"),
        (["fetch", "mine", "results/../.."], "fetch: DIR is 'results/../..'; allowed: one in"),
        (["fetch", "mine", ""], "fetch: DIR is ''; allowed: one in"),
        (["fetch", "mine", "./"], "fetch: DIR is './'; allowed: one in"),
        (["delete", "mine", "--now"], "delete: unexpected '--now'"),
    ],
)
def test_a_wrong_call_is_told_the_right_ones(tpu, machine, args, message):
    process = tpu(*args)
    assert process.returncode == 2
    assert process.stderr.startswith(f"tpu_vm: {message}")
    assert "scripts/tpu_vm.sh [--dry_run] create NAME" in process.stderr
    assert [*machine.iterdir()] == []


def test_a_failure_there_is_one_here(tpu):
    assert tpu("run", "mine", "false").returncode != 0


def test_nothing_runs_on_what_was_there_before(tpu, machine):
    """Where this commit cannot be brought."""
    assert tpu("run", "mine", "true").returncode == 0
    assert tpu("run", "mine", "touch", "ran", BROKEN="scp").returncode != 0
    assert not (machine / "dropout_lab" / "ran").exists()


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({}, "SLURM_SUBMIT_DIR: is not set: submit this with sbatch"),
        ({"SLURM_SUBMIT_DIR": str(ROOT), "DROPOUT_LAB_VENV": "nowhere"}, "no nowhere/bin/python; "),
    ],
)
def test_a_slurm_task_that_cannot_begin_says_why(variables, message):
    script = ROOT / "scripts" / "slurm_sweep.sh"
    environment = {"PATH": os.environ["PATH"], **variables}
    process = subprocess.run(
        ["bash", script], env=environment, capture_output=True, text=True, check=False
    )
    assert process.returncode == 1
    assert message in process.stderr


@pytest.mark.slow
def test_slurm_tasks_share_a_sweep(tmp_path):
    flags = ["--config=configs/digits_mlp.py:dropout,smoke", "--config.model.widths=(16,)"]
    sweep = [*flags, "--vary=seed=0,1,2", "--lanes=1", f"--workdir={tmp_path / 'sweep'}"]
    slurm = {"SLURM_SUBMIT_DIR": str(ROOT), "DROPOUT_LAB_VENV": sys.prefix}
    tasks = [
        subprocess.Popen(
            ["bash", ROOT / "scripts" / "slurm_sweep.sh", *sweep],
            cwd=tmp_path,
            env=os.environ | slurm,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    told = [task.communicate(timeout=300)[1] for task in tasks]
    assert [task.returncode for task in tasks] == [0, 0], told
    assert len(Store(tmp_path / "sweep").records()) == 3
