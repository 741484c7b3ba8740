"""What trackers write, read back by other tools; an error in one stops nothing."""

import csv
import json
import os
import re
import subprocess
import sys
import urllib.request
from typing import Any

import pytest

from dropout_lab.config import default_config, resolve, trial_id
from dropout_lab.errors import InputError
from dropout_lab.tracking.sink import Guarded, open_sink, replay, trial_of


def make_record(seed):
    config = default_config()
    config.variant, config.seed = "dropout", seed
    resolved = resolve(config)
    return {
        "id": trial_id(resolved),
        "config": json.loads(json.dumps(resolved.to_dict())),
        "status": "ok",
        "epoch": 2,
        "metrics": {"test_error": 1.5 + seed, "val_nll": None},
        "history": [
            {"phase": "select", "epoch": 1, "train_loss": 2.0, "val_error": 9.0},
            {"phase": "select", "epoch": 2, "train_loss": 1.0 + seed, "val_error": None},
        ],
    }


RECORDS = [make_record(seed) for seed in (0, 1)]
VARIED = ["variant", "seed"]


def write(name, workdir):
    sink = open_sink(name, workdir, fresh=True)
    for record in RECORDS:
        replay(sink, trial_of(record, VARIED), record)
    sink.close()
    return workdir / name


def test_a_trial_alone_is_told_by_what_differs_from_the_defaults():
    settings = trial_of(RECORDS[1]).settings
    assert (settings["variant"], settings["seed"]) == ("dropout", 1)
    assert not settings.keys() & {"optimizer.lr", "model.name"}
    assert trial_of(RECORDS[1], VARIED).label == "variant=dropout seed=1"


def test_csv_has_a_line_for_each_value(tmp_path):
    for _ in range(2):  # the second replaces the first
        directory = write("csv", tmp_path)
    history, trials = (
        [
            line[1:]
            for line in csv.reader((directory / name).read_text().splitlines())
            if line[0] == RECORDS[1]["id"]
        ]
        for name in ("history.csv", "trials.csv")
    )
    assert history == [
        ["select", "1", "train_loss", "2.0"],
        ["select", "1", "val_error", "9.0"],
        ["select", "2", "train_loss", "2.0"],
    ]
    assert trials == [
        ["status", "status", "ok"],
        ["setting", "variant", "dropout"],
        ["setting", "seed", "1"],
        ["metric", "test_error", "2.5"],
    ]


def test_a_trackers_error_is_one_warning(capsys):
    class Full:
        calls = 0

        def epoch(self, trial, row):
            Full.calls += 1
            raise OSError("No space left\non device")

        def end(self, trial, record):
            self.epoch(trial, record)

        def close(self):
            self.epoch(None, None)

    full: Any = Full()
    guarded = Guarded(full, "csv")
    for record in RECORDS:
        replay(guarded, trial_of(record), record)
    guarded.close()
    assert Full.calls == 1
    assert capsys.readouterr().err == (
        "warning: csv is no longer followed: OSError: No space left on device\n"
    )


def test_an_unknown_tracker_and_a_missing_package_are_errors(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="unknown tracker 'tensorbord'; did you mean 'tensorb"):
        open_sink("tensorbord", tmp_path, fresh=True)
    for name, package in (("tensorboard", "tensorboardX"), ("wandb", "wandb")):
        monkeypatch.setitem(sys.modules, package, None)
        message = rf"^tracker '{name}' needs {package}: pip install 'dropout_lab\[{name}\]'$"
        with pytest.raises(InputError, match=message):
            open_sink(name, tmp_path, fresh=True)


@pytest.mark.slow
def test_no_tracker_needs_tensorflow_or_torch(tmp_path):
    """Neither is imported."""
    pytest.importorskip("tensorboardX", reason="needs tensorboardX: pip install tensorboardX")
    code = (
        "import sys; from dropout_lab.tracking import tensorboard, csv_files\n"
        "print(sorted({'torch', 'tensorflow'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.fixture(scope="module")
def events(tmp_path_factory):
    pytest.importorskip("tensorboardX", reason="needs tensorboardX: pip install tensorboardX")
    return write("tensorboard", tmp_path_factory.mktemp("events"))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_tensorboards_reader_finds_the_scalars(events):
    reader = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator",
        reason="needs TensorBoard: pip install tensorboard",
    )
    found = {}
    for folder in sorted(events.iterdir()):
        read = reader.EventAccumulator(str(folder)).Reload()
        found[folder.name] = {
            tag: [(event.step, event.value) for event in read.Scalars(tag)]
            for tag in read.Tags()["scalars"]
        }
    names = [f"variant=dropout seed={seed} {RECORDS[seed]['id'][:6]}" for seed in (0, 1)]
    assert list(found) == names
    assert found[names[1]] == {
        "select/train_loss": [(1, 2.0), (2, 2.0)],
        "select/val_error": [(1, 9.0)],
        "final/test_error": [(2, 2.5)],
    }


@pytest.mark.slow
def test_tensorboard_serves_scalars_and_settings(events):
    pytest.importorskip("tensorboard", reason="needs TensorBoard: pip install tensorboard")
    command = ["-m", "tensorboard.main", f"--logdir={events}", "--host=127.0.0.1", "--port=0"]
    with subprocess.Popen(
        [sys.executable, *command, "--load_fast=false", "--reload_interval=1"],
        stderr=subprocess.PIPE,
        text=True,
    ) as served:
        assert served.stderr is not None
        try:
            url = next(
                match[0]
                for line in served.stderr
                if (match := re.search(r"http://127\.0\.0\.1:\d+", line))
            )

            def ask(path, body=None):
                data = None if body is None else json.dumps(body).encode()
                headers = {"Content-Type": "application/json"}
                request = urllib.request.Request(f"{url}/data/plugin/{path}", data, headers)
                with urllib.request.urlopen(request, timeout=60) as answer:
                    return json.load(answer)

            while len(ask("scalars/tags")) < 2:  # until both are read
                pass
            groups = ask(
                "hparams/session_groups",
                {
                    "experimentName": "",
                    "allowedStatuses": ["STATUS_SUCCESS", "STATUS_UNKNOWN"],
                    "colParams": [],
                    "startIndex": 0,
                    "sliceSize": 10,
                },
            )["sessionGroups"]
            assert {group["hparams"]["seed"] for group in groups} == {0, 1}
            assert {group["hparams"]["variant"] for group in groups} == {"dropout"}
            assert {
                value["value"]
                for group in groups
                for value in group["metricValues"]
                if value["name"]["tag"] == "final/test_error"
            } == {1.5, 2.5}
        finally:
            served.kill()


@pytest.mark.slow
def test_weights_and_biases_keeps_runs_offline(tmp_path):
    pytest.importorskip("wandb", reason="needs Weights & Biases: pip install wandb")
    code = "import pathlib, sys; from tests.tracking import test_sinks as here; "
    code += "here.write('wandb', pathlib.Path(sys.argv[1]))"
    env = os.environ | {"WANDB_MODE": "offline", "HOME": str(tmp_path / "home")}
    subprocess.run([sys.executable, "-c", code, tmp_path], env=env, check=True, timeout=300)
    written = {path.stem: path for path in (tmp_path / "wandb").rglob("*.wandb")}
    assert written.keys() == {f"run-{record['id']}" for record in RECORDS}
    for path in written.values():
        content = path.read_bytes()
        for name in (b"select/train_loss", b"final/test_error", b"variant=dropout seed="):
            assert name in content
