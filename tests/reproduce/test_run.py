"""A small experiment on digits, run, read back, checked and published."""

import dataclasses
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from dropout_lab.config import default_config
from dropout_lab.errors import InputError
from dropout_lab.reproduce import Amendment, Cell, CellMetric, run
from dropout_lab.sweeps.execution.options import Execution
from dropout_lab.training import trainer
from tests.reproduce.conftest import small_experiment

pytestmark = pytest.mark.slow  # trains six networks, once for all tests


def reproduce(experiment, directory, protocol="smoke", cells=()):
    return run.reproduce(
        "small",
        experiment,
        protocol,
        default_config(),
        directory,
        command="python it",
        cells=cells,
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
    sample = results.sample(CellMetric("noisy, few"))
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


@pytest.fixture
def from_before(copied):
    """Returns the folder of a run from before commitments were recorded."""
    content = json.loads((copied / "run.json").read_text())
    del content["began"], content["commitment"]
    (copied / "run.json").write_text(json.dumps(content))
    return copied


def test_an_experiment_that_changed_is_found(from_before):
    changed = small_experiment(base={"data.name": "digits", "optimizer.lr": 0.04})
    with pytest.raises(
        InputError, match=r"tuned with another value of optimizer.lr \(0.05, not 0.04\)"
    ):
        read(from_before, changed)


def test_a_cell_that_changed_is_found(from_before):
    cells = dict(small_experiment().cells)
    cells["plain, few"] = Cell({"variant": "none", "model.widths": (16,)})
    with pytest.raises(InputError, match="was tuned with another grid of 'plain, few', and its"):
        read(from_before, small_experiment(cells=cells))


def fewer_claims(**changes):
    """Returns the experiment with its first claim only, and its protocols changed."""
    experiment = small_experiment()
    protocols = {
        name: dataclasses.replace(protocol, **changes)
        for name, protocol in experiment.protocols.items()
    }
    return small_experiment(claims=experiment.claims[:1], protocols=protocols)


def test_a_claim_that_changed_after_the_run_began_is_refused(copied, no_training):
    message = (
        r"copied': claim 'lowest first: .*' was removed; claim 'noisy, few and noisy, many differ "
        r".*' was removed since its run began; allowed: what it began with, or an amendment with "
        r"the fingerprint '\w{12}' that states the change and the reason"
    )
    with pytest.raises(InputError, match=message):
        read(copied, fewer_claims())
    with pytest.raises(InputError, match=message):
        reproduce(fewer_claims(), copied)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"base": {"data.name": "digits", "optimizer.lr": 0.04}}, "base changed"),
        ({"cells": {**small_experiment().cells, "new": Cell({"variant": "none"})}}, "cells chan"),
    ],
)
def test_another_choice_after_the_run_began_is_refused(copied, changes, what):
    with pytest.raises(InputError, match=f"{what}.* since its run began"):
        read(copied, small_experiment(**changes))


def test_a_change_that_the_page_tells_is_allowed(copied, no_training):
    with pytest.raises(InputError) as error:
        read(copied, fewer_claims())
    [fingerprint] = re.findall(r"fingerprint '(\w+)'", str(error.value))
    amendment = Amendment("Two claims were removed.", "They were wrong.", fingerprint)
    results = reproduce(fewer_claims(amendments=(amendment,)), copied)
    page = (copied / "README.md").read_text()
    assert "Changed since: Two claims were removed. They were wrong.\n" in page
    assert run.differences(results, copied) == []
    other = dataclasses.replace(fewer_claims(amendments=(amendment,)), claims=())
    with pytest.raises(InputError, match="since its run began"):  # it allows no other change
        read(copied, other)


def test_an_edited_commitment_is_found(copied):
    content = json.loads((copied / "run.json").read_text())
    content["commitment"]["claims"][0]["paired"] = False
    (copied / "run.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"run.json: the commitment was edited after"):
        read(copied)


def test_claims_are_fixed_before_anything_is_trained(tmp_path, no_training):
    with pytest.raises(InputError, match=r"6 networks failed, such as .* AssertionError: trained"):
        reproduce(small_experiment(), tmp_path)
    content = json.loads((tmp_path / "run.json").read_text())
    assert [claim["kind"] for claim in content["commitment"]["claims"]] == [
        *("Better", "Alike", "Ordered")
    ]
    assert content["began"].keys() == {"git_revision"}


def test_a_claim_of_an_earlier_run_changes_the_files(from_before):
    run.write(read(from_before), from_before)
    assert run.differences(read(from_before, fewer_claims()), from_before) == [
        *("claims.md", "claims.json", "README.md")
    ]


def test_cells_are_run_in_parts(finished, tmp_path):
    first = reproduce(small_experiment(), tmp_path, cells=["plain*"])
    assert list(first.choices) == ["plain, few"]
    assert first.not_run == ["noisy, few", "noisy, many"]
    assert run.differences(read(tmp_path), tmp_path) == []
    both = reproduce(small_experiment(), tmp_path, cells=["noisy, few"])
    assert list(both.choices) == ["plain, few", "noisy, few"]
    whole = reproduce(small_experiment(), tmp_path)
    assert whole.not_run == []
    assert whole.choices.keys() == finished[1].choices.keys()
    for cell in whole.choices:
        value = CellMetric(cell)
        assert whole.sample(value).by_seed == pytest.approx(finished[1].sample(value).by_seed)


def test_a_cell_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(InputError, match="--cells=plian: no such cell; allowed: plain, few; noi"):
        reproduce(small_experiment(), tmp_path, cells=["plian"])


def test_a_lost_machine_costs_what_was_not_committed(finished, tmp_path, monkeypatch):
    """The records that git tracks of an unfinished run are enough to go on from."""
    checkout = tmp_path / "checkout"
    place = checkout / "experiments" / "unfinished" / "small" / "smoke"
    shutil.copytree(finished[0], place)
    shutil.copy(Path(__file__).parents[2] / ".gitignore", checkout)
    subprocess.run(["git", "init", "-q", checkout], check=True)
    subprocess.run(["git", "add", "."], cwd=checkout, check=True)
    listed = subprocess.run(
        ["git", "ls-files"], cwd=checkout, check=True, capture_output=True, text=True
    )
    tracked = {checkout / line for line in listed.stdout.splitlines()}
    names = {path.relative_to(place).as_posix() for path in tracked if place in path.parents}
    assert {"run.json", "tuned.json", "final/sweep.json"} < names
    assert not {name for name in names if name.endswith((".md", ".svg", ".lock"))}
    for path in checkout.rglob("*"):
        if path.is_file() and path not in tracked and ".git" not in path.parts:
            path.unlink()
    monkeypatch.setattr(trainer.Trainer, "run", None)
    assert reproduce(small_experiment(), place).choices == finished[1].choices


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
