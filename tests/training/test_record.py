import json
import subprocess

import jax
import pytest

from dropout_lab.config import resolve, trial_id
from dropout_lab.training import record as record_module
from dropout_lab.training.record import SCHEMA, environment, make_record
from dropout_lab.training.trainer import Trainer


@pytest.fixture(scope="module")
def config(new_config):
    return new_config("none", {"train.refit": True, "seed": 5})


@pytest.fixture(scope="module")
def record(config, vmapped_of, tiny_dataset):
    resolved = resolve(config)
    [result] = Trainer(vmapped_of(resolved), [resolved], tiny_dataset).run()
    return make_record(resolved, tiny_dataset, result)


def test_a_record_tells_everything(record, config):
    resolved = resolve(config)
    assert record["schema"] == SCHEMA
    assert record["id"] == trial_id(resolved)
    assert record["status"] == "ok"
    assert record["seed"] == 5
    assert record["config"] == resolved.to_dict()
    assert record["epoch"] == 3
    assert len(record["history"]) == 6
    assert {"train_error", "val_error", "test_error"} < record["metrics"].keys()
    assert 0 < record["wall_seconds"] < 60
    assert record["lanes"] == 1
    sizes = {"train": 40, "val": 24, "test": 24, "shape": [4, 4, 1], "classes": 3}
    assert record["data"] == {"name": "digits", "fingerprint": "none", **sizes}


def test_a_record_tells_where_it_was_made(record):
    assert {"python", "dropout_lab", "jax", "jaxlib", "flax", "optax", "numpy"} == record[
        "versions"
    ].keys()
    assert record["versions"]["jax"] == jax.__version__
    device = record["device"]
    assert device["platform"] == jax.default_backend()
    assert device["count"] == jax.device_count()


def test_a_record_is_json(record):
    again = json.loads(json.dumps(record, allow_nan=False))
    assert again["metrics"] == record["metrics"]
    assert again["history"] == record["history"]


@pytest.fixture
def fresh_environment():
    environment.cache_clear()
    yield environment
    environment.cache_clear()


@pytest.mark.parametrize(("status", "mark"), [("", ""), (" M configs/base.py\n", "+")])
def test_the_revision_is_marked_if_the_code_differs(fresh_environment, monkeypatch, status, mark):
    def git(command, **options):
        output = "abc123\n" if "rev-parse" in command else status
        return subprocess.CompletedProcess(command, 0, output)

    monkeypatch.setattr(subprocess, "run", git)
    assert fresh_environment()["git_revision"] == "abc123" + mark


@pytest.mark.parametrize(
    ("changed", "mark"), [("experiments/unfinished/run.json", ""), ("experiments/new.py", "+")]
)
def test_records_of_unfinished_runs_are_not_code(
    fresh_environment, monkeypatch, tmp_path, changed, mark
):
    for name in ("experiments/unfinished/run.json", "experiments/new.py", "dropout_lab/record.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("before")
    identity = ("-c", "user.name=nobody", "-c", "user.email=nobody@example.org")
    for command in (("init", "-q"), ("add", "."), (*identity, "commit", "-qm", "all")):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    (tmp_path / changed).write_text("after")
    monkeypatch.setattr(record_module, "__file__", str(tmp_path / "dropout_lab" / "record.py"))
    revision = fresh_environment()["git_revision"]
    assert revision.removesuffix("+") + mark == revision


@pytest.mark.parametrize("error", [OSError("no git"), subprocess.CalledProcessError(128, "git")])
def test_no_revision_outside_git(fresh_environment, monkeypatch, error):
    def git(command, **options):
        raise error

    monkeypatch.setattr(subprocess, "run", git)
    assert fresh_environment()["git_revision"] is None
