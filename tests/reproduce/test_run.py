"""A small experiment on digits, run, read back, checked and published."""

import dataclasses
import json
import shutil

import pytest

from dropout_lab.config import default_config
from dropout_lab.errors import InputError
from dropout_lab.reproduce import Cell, Value, run
from dropout_lab.sweeps.execution.runner import Execution
from dropout_lab.training import trainer
from tests.reproduce.conftest import small_experiment

pytestmark = pytest.mark.slow  # trains six networks, once for all tests


def reproduce(experiment, directory, protocol="smoke"):
    return run.reproduce(
        "small",
        experiment,
        protocol,
        default_config(),
        directory,
        command="python it",
        execution=Execution(1, "local"),
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Returns the folder of a smoke run, and its results."""
    directory = tmp_path_factory.mktemp("small")
    return directory, reproduce(small_experiment(), directory)


@pytest.fixture
def copied(finished, tmp_path):
    return shutil.copytree(finished[0], tmp_path / "copied")


@pytest.fixture
def no_training(monkeypatch):
    def refuse(lanes):
        raise AssertionError("trained")

    monkeypatch.setattr(trainer.Trainer, "run", refuse)


def read(directory, experiment=None):
    return run.read("small", experiment or small_experiment(), default_config(), directory)


def test_results_are_of_the_final_networks(finished):
    directory, results = finished
    sample = results.sample(Value("noisy, few"))
    records = [json.loads(path.read_text()) for path in (directory / "final/trials").iterdir()]
    errors = {
        record["seed"]: record["metrics"]["test_error"]
        for record in records
        if record["config"]["variant"] == "dropout" and record["config"]["model"]["widths"] == [8]
    }
    assert sample.by_seed == errors
    assert errors.keys() == {0, 1}
    assert sample.resolution == pytest.approx(100 / 300)
    assert {record["data"]["train"] for record in records} == {96}
    for name in ("table.md", "table.tex", "table.csv", "figure.svg", "claims.md", "README.md"):
        assert (directory / name).read_text()


def test_started_again_it_only_reads(finished, copied, no_training):
    again = reproduce(small_experiment(), copied)
    assert again.choices == finished[1].choices
    assert run.differences(again, copied) == []


def test_what_was_published_is_what_the_records_say(finished, tmp_path, no_training):
    place = tmp_path / "results" / "small" / "smoke"
    run.publish(finished[0], place)
    assert run.differences(read(place), place) == []
    assert {path.name for path in place.iterdir() if path.is_dir()} == {"final"}
    assert {path.name for path in (place / "final").iterdir()} == {"plans", "sweep.json", "trials"}


def test_what_is_published_takes_the_place_of_what_was(finished, tmp_path):
    place = tmp_path / "results"
    run.publish(finished[0], place)
    whole = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    (place / "search" / "trials").mkdir(parents=True)
    for old in ("measured.json", "final/trials/0123456789abcdef.json", "search/trials/0.json"):
        (place / old).write_text("{}")
    (place / "table.md").write_text("old")
    run.publish(finished[0], place)
    assert {path: path.read_bytes() for path in place.rglob("*") if path.is_file()} == whole


@pytest.mark.parametrize("name", ["table.md", "table.csv", "figure.json", "claims.json"])
def test_a_file_edited_by_hand_is_found(copied, name):
    (copied / name).write_text((copied / name).read_text() + " ")
    assert run.differences(read(copied), copied) == [name]


def test_a_record_edited_by_hand_is_found(copied):
    path = next((copied / "final/trials").iterdir())
    record = json.loads(path.read_text())
    record["metrics"]["test_error"] += 1
    path.write_text(json.dumps(record))
    with pytest.raises(InputError, match=r"tuned.json and the records differ in the result of"):
        read(copied)


def test_a_record_that_is_missing_is_found(copied):
    next((copied / "final/trials").iterdir()).unlink()
    with pytest.raises(InputError, match=r"tuned.json and the records differ"):
        read(copied)


def test_an_experiment_that_changed_is_found(copied):
    changed = small_experiment(base={"data.name": "digits", "optimizer.lr": 0.04})
    with pytest.raises(
        InputError, match=r"tuned with another value of optimizer.lr \(0.05, not 0.04\)"
    ):
        read(copied, changed)


def test_a_cell_that_changed_is_found(copied):
    cells = dict(small_experiment().cells)
    cells["plain, few"] = Cell({"variant": "none", "model.widths": (16,)})
    with pytest.raises(InputError, match="was tuned with another grid of 'plain, few', and its"):
        read(copied, small_experiment(cells=cells))


def test_a_claim_that_changed_changes_the_files(copied):
    fewer = small_experiment(claims=small_experiment().claims[:1])
    assert run.differences(read(copied, fewer), copied) == ["claims.md", "claims.json", "README.md"]


def test_a_folder_belongs_to_one_protocol(copied):
    with pytest.raises(
        InputError, match="another experiment: protocol is 'smoke' there, 'short' here"
    ):
        reproduce(small_experiment(), copied, "short")


def test_a_folder_belongs_to_one_experiment(copied, no_training):
    message = "experiment is 'small' there, 'other' here; allowed: the same, or another workdir"
    with pytest.raises(InputError, match=message):
        run.reproduce("other", small_experiment(), "smoke", default_config(), copied, command="")


def test_time_adds_up(copied):
    before = json.loads((copied / "run.json").read_text())
    (copied / "run.json").write_text(json.dumps(before | {"seconds": 1000.0}))
    results = reproduce(small_experiment(), copied)
    assert 1000.0 <= results.run["seconds"] < 1060.0


def test_nothing_to_read_is_an_error(tmp_path):
    with pytest.raises(InputError, match="holds no results of experiment small"):
        read(tmp_path)


def test_a_search_chooses_before_the_end(tmp_path):
    """The paper's protocol, made short: two settings of one cell."""
    experiment = small_experiment()
    protocol = dataclasses.replace(experiment.protocols["paper"], seeds=(0, 1), search_seeds=(9,))
    cells = {"noisy, few": experiment.cells["noisy, few"]}
    one = small_experiment(
        cells=cells,
        claims=(),
        table=None,
        curves=None,
        protocols={"paper": protocol, "short": protocol},
    )
    results = reproduce(one, tmp_path, "short")
    choice = results.choices["noisy, few"]
    errors = [setting.stats("val_error").mean for setting in choice.tried]
    assert errors[choice.chosen] == min(errors)
    assert {run.seed for setting in choice.tried for run in setting.runs} == {9}
    assert (tmp_path / "README.md").read_text().count("dropout.rate=") == 2
