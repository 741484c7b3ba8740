import dataclasses
import fcntl
import json

import jax
import pytest

from dropout_lab.config import resolve
from dropout_lab.errors import InputError
from dropout_lab.system.interrupt import Interrupted, Stop
from dropout_lab.training import run, trainer
from dropout_lab.training.preparation import check_data, load_data, prepare
from dropout_lab.training.record import environment, make_record
from dropout_lab.training.run import train

pytestmark = pytest.mark.usefixtures("shared_programs")


@pytest.fixture
def config(new_config, own_data):
    return new_config("none", own_data)


def as_json(record):
    return json.loads(json.dumps(record))


def files(directory):
    return sorted(path.name for path in directory.iterdir())


def test_a_run_leaves_its_record_its_network_and_nothing_else(config, tmp_path):
    workdir = tmp_path / "new" / "run"
    record = train(config, workdir)
    assert as_json(record) == json.loads((workdir / "record.json").read_text())
    assert files(workdir) == ["config.json", "lock", "model", "record.json"]


def test_a_finished_run_is_only_read(config, tmp_path, monkeypatch):
    record = train(config, tmp_path)
    monkeypatch.setattr(run, "prepare", None)
    config.run.checkpoint_seconds = 7.0
    assert train(config, tmp_path) == as_json(record)


def test_a_record_has_the_revision_of_the_code_that_ran(config, tmp_path, monkeypatch, request):
    """What is committed in the meantime is not."""
    revision = ["old"]
    run_trainer = trainer.Trainer.run

    def run_and_commit(self):
        revision[:] = ["new"]
        return run_trainer(self)

    monkeypatch.setattr("dropout_lab.training.record._git_revision", lambda: revision[0])
    monkeypatch.setattr(trainer.Trainer, "run", run_and_commit)
    request.addfinalizer(environment.cache_clear)
    environment.cache_clear()
    assert train(config, tmp_path)["git_revision"] == "old"


class Stopped(Stop):
    """A stop that is requested from the start."""

    def __init__(self):
        super().__init__()
        self.signum = 15


def test_an_interrupted_run_is_resumed(config, tmp_path, monkeypatch):
    whole = train(config, tmp_path / "whole")
    with monkeypatch.context() as patch:
        patch.setattr("dropout_lab.system.interrupt.Stop", Stopped)
        with pytest.raises(Interrupted):
            train(config, tmp_path / "cut")
    assert files(tmp_path / "cut") == ["checkpoint", "config.json", "lock"]
    resumed = train(config, tmp_path / "cut")
    assert {**resumed, "wall_seconds": 0} == {**whole, "wall_seconds": 0}
    assert files(tmp_path / "cut") == ["config.json", "lock", "model", "record.json"]


def test_a_directory_of_another_configuration_is_refused(config, tmp_path):
    train(config, tmp_path)
    before = (tmp_path / "record.json").read_bytes()
    config.optimizer.lr = 0.5
    config.model.widths = (8, 8)
    config.run.checkpoint_seconds = 5.0
    message = (
        r"belongs to another run: model\.widths is \(8,\) there, \(8, 8\) here, "
        r"optimizer\.lr is 0\.1 there, 0\.5 here; allowed: the same, or another workdir"
    )
    with pytest.raises(InputError, match=message):
        train(config, tmp_path)
    assert (tmp_path / "record.json").read_bytes() == before


def test_a_directory_of_a_sweep_is_refused(config, tmp_path):
    (tmp_path / "sweep.json").write_text("{}")
    with pytest.raises(
        InputError, match="holds a sweep; allowed for a run: a directory of its own"
    ):
        train(config, tmp_path)
    assert files(tmp_path) == ["sweep.json"]


def test_two_runs_at_a_time_in_one_directory_are_refused(config, tmp_path, monkeypatch):
    """The second one changes nothing, and the first one's end lets others in."""

    def during(*args):
        before = files(tmp_path)
        with pytest.raises(InputError, match=r"workdir '.*' is in use: another process trains"):
            train(config, tmp_path)
        assert files(tmp_path) == before
        return make_record(*args)

    with monkeypatch.context() as patch:
        patch.setattr(run, "make_record", during)
        train(config, tmp_path)
    (tmp_path / "record.json").unlink()
    train(config, tmp_path)
    assert files(tmp_path) == ["config.json", "lock", "model", "record.json"]


def test_whoever_opened_the_lock_during_a_run_keeps_others_out_after_it(
    config, tmp_path, monkeypatch
):
    opened = []

    def during(*args):
        opened.append((tmp_path / "lock").open())
        return make_record(*args)

    with monkeypatch.context() as patch:
        patch.setattr(run, "make_record", during)
        train(config, tmp_path)
    (tmp_path / "record.json").unlink()
    with opened[0] as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(InputError, match="is in use"):
            train(config, tmp_path)


def test_a_run_that_ends_while_another_prepares_it_is_only_read(config, tmp_path, monkeypatch):
    ended = []

    def slowly(resolved):
        monkeypatch.setattr(run, "prepare", prepare)
        ended.append(train(config, tmp_path))
        monkeypatch.setattr(run, "Trainer", None)
        return prepare(resolved)

    monkeypatch.setattr(run, "prepare", slowly)
    assert train(config, tmp_path) == as_json(ended[0])


def test_a_damaged_record_is_an_error(config, tmp_path):
    train(config, tmp_path)
    (tmp_path / "record.json").write_text('{"status": ')
    with pytest.raises(InputError, match=r"record\.json is damaged .* move it away to go on"):
        train(config, tmp_path)


@pytest.mark.parametrize("parts", [("file",), ("file", "run"), ("file", "run", "deeper")])
def test_a_file_in_the_way_is_an_error(config, tmp_path, parts):
    (tmp_path / "file").write_text("kept")
    with pytest.raises(InputError, match=r"workdir .* cannot be used: .*/file is a file; allowed"):
        train(config, tmp_path.joinpath(*parts))
    assert (tmp_path / "file").read_text() == "kept"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train.batch_size": 41}, r"batch_size is 41 with 40 training examples; allowed: 1 to 40"),
        (
            {"train.select": "best_val", "data.val_size": 0},
            r"select is 'best_val' with no validation data; allowed: 'last', or",
        ),
        (
            {"train.patience": 3, "data.val_size": 0},
            r"patience is 3 with no validation data; allowed: None, or a config\.data\.val_size",
        ),
    ],
)
def test_what_the_data_cannot_give_is_an_error(new_config, own_data, tmp_path, changes, message):
    config = new_config("none", {**own_data, **changes})
    if "data.val_size" not in changes:
        config.data.val_size = 24
    with pytest.raises(InputError, match=message):
        train(config, tmp_path)
    assert files(tmp_path) == []


def test_only_images_are_cropped(new_config, tiny_dataset, flat_images):
    config = resolve(new_config("none", {"data.augment": "crop_flip"}))
    check_data(config, tiny_dataset)
    with pytest.raises(InputError, match=r"examples of shape \(16,\); allowed: \(height, width"):
        check_data(config, flat_images)


def test_only_images_are_cut_out_of(new_config, tiny_dataset):
    config = resolve(new_config("cutout"))
    check_data(config, tiny_dataset)
    train = tiny_dataset.train
    flat = dataclasses.replace(train, images=train.images.reshape(len(train), -1))
    with pytest.raises(
        InputError, match=r"variant 'cutout' needs images, .* shape \(16,\); allowed"
    ):
        check_data(config, dataclasses.replace(tiny_dataset, train=flat))


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("jax_default_prng_impl", "rbg", "'threefry2x32'"),
        ("jax_threefry_partitionable", False, "True"),
        ("jax_random_seed_offset", 1, "0"),
        ("jax_enable_x64", True, "False"),
    ],
)
def test_settings_of_jax_that_change_results_are_refused(config, tmp_path, name, value, allowed):
    before = getattr(jax.config, name)
    jax.config.update(name, value)
    try:
        with pytest.raises(InputError, match=f"{name} is {value!r}, .*; allowed: {allowed}; unset"):
            train(config, tmp_path)
    finally:
        jax.config.update(name, before)
    assert files(tmp_path) == []


def test_data_is_loaded_once(config):
    resolved = resolve(config)
    assert load_data(resolved) is load_data(resolved)


def test_nothing_is_written_by_a_bad_configuration(config, tmp_path, monkeypatch):
    monkeypatch.setattr(trainer.Trainer, "run", None)
    config.dropout.rate = 1.5
    with pytest.raises(InputError, match=r"config\.dropout\.rate is 1\.5; allowed: a number from"):
        train(config, tmp_path / "new")
    assert files(tmp_path) == []


@pytest.mark.parametrize("kept", [True, False])
def test_the_record_of_another_run_is_not_returned(config, tmp_path, kept):
    train(config, tmp_path)
    if not kept:
        (tmp_path / "config.json").unlink()
    config.seed = 7
    with pytest.raises(InputError, match=r"belongs to another run: seed is 0 there, 7 here"):
        train(config, tmp_path)


@pytest.mark.parametrize("content", ["[1]", "3", '{"a": ', '{"seed": 0, "seed": 0}', "[" * 10**5])
def test_a_damaged_configuration_is_an_error(config, tmp_path, content):
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(InputError, match=r"config\.json is damaged \("):
        train(config, tmp_path)


def test_more_updates_than_can_be_counted_are_an_error(config):
    config.train.epochs = 2**31 - 1
    resolved = resolve(config)
    with pytest.raises(InputError, match=r"epochs is 2147483647, of 5 updates each; allowed: 1 to"):
        check_data(resolved, load_data(resolved))
