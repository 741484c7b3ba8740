import json
import os

import pytest

from dropout_lab.errors import InputError
from dropout_lab.sweeps.execution.plan import read_plan
from dropout_lab.sweeps.grid import product
from dropout_lab.sweeps.status import describe
from dropout_lab.sweeps.store import Store
from dropout_lab.sweeps.trials import groups, make_trials

SEEDS = {"seed": [3, 1, 2]}


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "new" / "sweep")


def fill(store, config, grid):
    """Adds a grid's trials to the sweep and returns them."""
    trials = make_trials(config, product(grid))
    store.check(config, grid)
    store.extend(config, grid, trials)
    return trials


def record_of(trial, **fields):
    """Returns a record with all required fields."""
    return {
        **{key: {} for key in ("metrics", "data", "versions", "device")},
        "schema": 1,
        "id": trial.id,
        "config": trial.config.to_dict(),
        "status": "ok",
        "seed": trial.config.seed,
        "history": [],
        "epoch": 1,
        "wall_seconds": 0.5,
        "git_revision": None,
        **fields,
    }


def test_reading_writes_nothing(store, config, tmp_path):
    assert not store.has("a")
    store.check(config, {})
    with pytest.raises(InputError, match=r"sweep' holds no sweep: no sweep\.json"):
        store.trials()
    with pytest.raises(InputError, match="holds no sweep"):
        store.records()
    assert list(tmp_path.iterdir()) == []


def test_trials_keep_their_order_and_configurations(store, config):
    trials = fill(store, config, SEEDS)
    configs = Store(store.directory).trials()
    assert list(configs) == [trial.id for trial in trials]
    assert [config["seed"] for config in configs.values()] == [3, 1, 2]
    as_json = [json.loads(json.dumps(trial.config.to_dict())) for trial in trials]
    assert list(configs.values()) == as_json


def test_records_come_in_the_order_of_the_trials(store, config):
    first, second, third = fill(store, config, SEEDS)
    for trial in (third, first):
        store.add(record_of(trial))
    assert (store.has(first.id), store.has(second.id)) == (True, False)
    expected = json.loads(json.dumps([record_of(first), record_of(third)]))
    assert store.records() == expected
    assert store.record(third.id) == expected[1]
    assert store.record(second.id) is None
    assert sorted(path.name for path in (store.directory / "trials").iterdir()) == sorted(
        f"{trial.id}.json" for trial in (first, third)
    )


def test_a_record_is_whole_or_absent(store, config, monkeypatch):
    """A kill while writing leaves no file, or a partial one under another name."""
    [trial, *_] = fill(store, config, SEEDS)

    def killed(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        store.add({"id": trial.id})
    assert not store.has(trial.id)
    assert store.records() == []
    assert list((store.directory / "trials").iterdir()) == []


def test_partial_files_of_a_record_are_deleted_once_it_is_written(store, config):
    first, second, _ = fill(store, config, SEEDS)
    trials = store.directory / "trials"
    trials.mkdir(exist_ok=True)
    for trial in (first, second):
        (trials / f".{trial.id}.json.k3x9").write_text('{"id": ')
    store.add(record_of(first))
    store.delete_unfinished()
    assert {path.name for path in trials.iterdir()} == {
        f"{first.id}.json",
        f".{second.id}.json.k3x9",  # another process may be writing it
    }


def test_a_record_that_is_no_json_is_a_bug(store, config):
    [trial, *_] = fill(store, config, SEEDS)
    with pytest.raises(ValueError, match="not JSON compliant"):
        store.add({"id": trial.id, "loss": float("nan")})
    assert not store.has(trial.id)


@pytest.mark.parametrize(
    ("kind", "content", "reason"),
    [
        ("trials", '{"id": ', "not JSON"),
        ("trials", "[1]", "fields are missing"),
        ("trials", {"metrics": None}, "metrics is None"),
        ("trials", {"metrics": {"val_error": "x"}}, "val_error is 'x'"),
        ("trials", {"metrics": {"val_error": -0.5}}, "val_error is -0.5"),
        ("trials", {"metrics": {"val_error": True}}, "val_error is True"),
        ("trials", {"metrics": {"val_loss": float("nan")}}, "not JSON: NaN is no finite number"),
        ("trials", {"history": [1]}, "a row of the history is not an object"),
        ("trials", {"history": [{"epoch": 1, "train_loss": []}]}, "train_loss is \\[\\]"),
        ("trials", {"lanes": 0}, "lanes is 0"),
        ("trials", {"wall_seconds": -1.0}, "wall_seconds is -1.0"),
        ("trials", {"status": "fine"}, "status is 'fine'"),
        ("trials", {"config": {"seed": 3}}, "its configuration is of trial '"),
        ("trials", {"schema": True}, "schema is True"),
        ("trials", '{"schema": 1, "schema": 1}', "not JSON: 'schema' is given twice"),
        ("trials", "[" * 100_000, "not JSON: "),
        ("trials", '{"schema": 1e999}', "not JSON: 1e999 is no finite number"),
        ("failures", "{}", "fields are missing"),
        (".", '{"schema": 1, "base": null, "varied": [], "trials": {}}', "base is None"),
        (
            ".",
            '{"schema": 1, "base": {}, "varied": ["seed"], "trials": {"a": 1}}',
            "a varied key or a trial is of the wrong type",
        ),
        *(
            (
                ".",
                {"schema": 1, "base": {}, "varied": [], "trials": {"a": {"train": damage}}},
                "a varied key or a trial is of the wrong type",
            )
            for damage in ({}, {"epochs": {}}, {"epochs": [1, [{}]]})
        ),
    ],
)
def test_reading_a_damaged_file_is_an_error(store, config, kind, content, reason):
    [trial, *_] = fill(store, config, SEEDS)
    if isinstance(content, dict):
        content = json.dumps(content if kind == "." else record_of(trial, **content))
    path = store.directory / kind / ("sweep.json" if kind == "." else f"{trial.id}.json")
    path.parent.mkdir(exist_ok=True)
    path.write_text(content)
    readers = [describe] if kind == "failures" else [describe, Store.records]
    for read in readers:
        with pytest.raises(InputError, match=rf"{path.name} is damaged \({reason}.*to go on"):
            read(store)


@pytest.mark.parametrize("kind", ["trials", "failures", "plans", "."])
def test_a_file_of_a_later_version_is_said_to_be_one(store, config, kind):
    """It is not called damaged, so it is neither moved away nor made again."""
    [trial, *_] = trials = fill(store, config, SEEDS)
    [group] = groups(trials)
    names = {"plans": f"{group.id}.json", ".": "sweep.json"}
    path = store.directory / kind / names.get(kind, f"{trial.id}.json")
    path.parent.mkdir(exist_ok=True)
    path.write_text('{"schema": 99}')
    with pytest.raises(InputError, match=rf"{path.name} has schema 99, which a later version"):
        read_plan(store, group.id) if kind == "plans" else describe(store)
    if kind == "trials":
        with pytest.raises(InputError, match="later version"):
            store.quarantine_damaged([trial.id])
    assert path.exists()


def test_a_list_of_trials_with_another_configuration_is_an_error(store, config):
    [trial, *_] = fill(store, config, SEEDS)
    path = store.directory / "sweep.json"
    content = json.loads(path.read_text())
    content["trials"][trial.id]["train"]["epochs"] = 9
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match=rf"damaged \(trial '{trial.id}' has another config"):
        store.configs([trial.id])


def test_damaged_records_are_moved_by_one_process_at_a_time(store, config, monkeypatch):
    [trial, *_] = fill(store, config, SEEDS)
    store.add({"id": trial.id})
    quarantine = store.quarantine

    def checked(path):
        with Store(store.directory).lock("sweep", wait=False) as acquired:
            assert not acquired
        return quarantine(path)

    monkeypatch.setattr(store, "quarantine", checked)
    assert len(store.quarantine_damaged([trial.id])) == 1
    assert not store.has(trial.id)


def test_a_record_that_disappears_while_it_is_read_is_none(store, config, monkeypatch):
    fill(store, config, SEEDS)
    monkeypatch.setattr(Store, "has", lambda store, trial: True)
    assert "0 done" in describe(store)
    assert store.records() == []


def test_more_values_extend_the_sweep_at_its_end(store, config):
    before = list(fill(store, config, SEEDS))
    fill(store, config, {"seed": [2, 9, 3]})
    configs = store.trials()
    assert list(configs)[:3] == [trial.id for trial in before]
    assert [config["seed"] for config in configs.values()] == [3, 1, 2, 9]


def test_more_keys_extend_the_sweep(store, config):
    fill(store, config, SEEDS)
    fill(store, config, {"seed": [3], "optimizer.lr": [0.1, 0.2]})
    values = [(trial["seed"], trial["optimizer"]["lr"]) for trial in store.trials().values()]
    assert values == [(3, 0.1), (1, 0.1), (2, 0.1), (3, 0.2)]


def test_a_varied_key_may_differ_in_the_common_configuration(store, config):
    fill(store, config, SEEDS)
    config.seed = 77
    fill(store, config, {"optimizer.lr": [0.3]})
    assert [trial["seed"] for trial in store.trials().values()] == [3, 1, 2, 77]


def test_how_to_run_may_differ(store, config):
    fill(store, config, SEEDS)
    config.run.checkpoint_seconds = 7.0
    config.data.dir = "/elsewhere"
    store.check(config, SEEDS)


def test_another_configuration_is_refused(store, config):
    fill(store, config, SEEDS)
    config.optimizer.lr = 0.5
    config.model.widths = (9, 9)
    message = (
        r"belongs to another sweep: model\.widths is \[8\] there, \[9, 9\] here, "
        r"optimizer\.lr is 0\.1 there, 0\.5 here; allowed: the same, or another workdir"
    )
    with pytest.raises(InputError, match=message):
        store.check(config, SEEDS)
    store.check(config, {"optimizer.lr": [0.5], "model.widths": [(9, 9)]})


def test_of_two_sweeps_begun_together_one_is_refused(store, config):
    """Both check the directory before either writes."""
    store.check(config, SEEDS)
    fill(store, config, SEEDS)
    config.optimizer.lr = 0.5
    with pytest.raises(InputError, match="belongs to another sweep"):
        store.extend(config, SEEDS, make_trials(config, product(SEEDS)))
    assert len(store.trials()) == 3


def test_a_key_that_older_code_lacked_is_added_to_the_sweep(store, config):
    fill(store, config, SEEDS)
    sweep = json.loads((store.directory / "sweep.json").read_text())
    del sweep["base"]["compute.dtype"]
    (store.directory / "sweep.json").write_text(json.dumps(sweep))
    fill(store, config, SEEDS)
    config.compute.dtype = "bfloat16"
    with pytest.raises(InputError, match=r"compute\.dtype is 'float32' there, 'bfloat16' here"):
        store.check(config, SEEDS)


def test_a_directory_of_a_single_run_is_refused(tmp_path, config):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(
        InputError, match="holds a run; allowed for a sweep: a directory of its own"
    ):
        Store(tmp_path).check(config, SEEDS)


def test_a_directory_of_a_tuning_is_refused(tmp_path, config):
    (tmp_path / "tuned.json").write_text("{}")
    with pytest.raises(InputError, match="holds a tuning; allowed for a sweep: a directory of its"):
        Store(tmp_path).check(config, SEEDS)


def test_a_file_in_the_way_is_an_error(tmp_path, config):
    (tmp_path / "file").write_text("kept")
    with pytest.raises(InputError, match=r"cannot be used: .*/file is a file"):
        Store(tmp_path / "file" / "sweep").check(config, SEEDS)
