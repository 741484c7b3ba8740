"""Data that is there or not, and places that can be written or not."""

import os

import pytest

from dropout_lab.data.catalog import IMAGE_SETS
from dropout_lab.doctor import State, checkup
from dropout_lab.doctor.directories import check_data, check_directories
from dropout_lab.system.files import write_json


@pytest.fixture(autouse=True)
def _isolated(monkeypatch, tmp_path):
    for name in ("HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.delenv("TFDS_DATA_DIR", raising=False)


def test_data_is_found_where_training_finds_it(monkeypatch, tmp_path):
    prepared = tmp_path / "tfds" / "cifar10" / "3.0.2"
    write_json(prepared / "dataset_info.json", {"fileFormat": "array_record"})
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))
    folder = tmp_path / "raw" / "mnist"
    folder.mkdir(parents=True)
    for original in IMAGE_SETS["mnist"].files:
        (folder / original.name).touch()
    *present, missing = check_data(str(tmp_path / "raw"))
    assert [(finding.state, finding.text) for finding in present] == [
        (State.OK, "digits: part of scikit-learn"),
        (State.OK, f"mnist: {folder}"),
        (State.OK, f"cifar10: {prepared}"),
    ]
    assert (missing.state, missing.text) == (
        State.ADVICE,
        "not found: fashion_mnist, cifar100; downloaded at first use",
    )
    (folder / IMAGE_SETS["mnist"].files[0].name).unlink()
    assert "not found: mnist, fashion_mnist" in [*check_data(str(tmp_path / "raw"))][-1].text


def test_a_folder_named_for_data_that_holds_none_is_broken(monkeypatch, tmp_path):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    *_, finding = check_data(None)
    assert finding.state is State.BROKEN
    assert finding.text.startswith(f"TFDS_DATA_DIR is {tmp_path}, which has none of mnist, ")


def test_a_folder_one_level_off_is_named(monkeypatch, tmp_path):
    prepared = tmp_path / "data" / "tfds" / "mnist" / "3.0.1"
    write_json(prepared / "dataset_info.json", {"fileFormat": "array_record"})
    monkeypatch.setenv("HOME", str(tmp_path))
    *_, finding = check_data("~/data")
    assert finding.state is State.BROKEN
    assert finding.text.endswith(f"; it is one level too high: name {tmp_path}/data/tfds")


def test_a_folder_for_data_that_cannot_be_read_is_broken(monkeypatch, tmp_path):
    (tmp_path / "mnist").mkdir()
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    *_, finding = check_data(str(tmp_path))
    assert finding.state is State.BROKEN
    assert finding.text == f"--data_dir is {tmp_path}, which cannot be read"
    assert finding.cure.startswith("get permission")


def test_damaged_data_is_not_a_matter_of_packages(tmp_path):
    info = tmp_path / "mnist" / "3.0.1" / "dataset_info.json"
    info.parent.mkdir(parents=True)
    info.touch()
    findings = checkup._guarded("data", lambda: check_data(str(tmp_path)), tmp_path)
    *_, finding = findings
    assert finding.state is State.BROKEN
    assert finding.text.startswith(f"cannot check data: {info}: not readable")
    assert finding.cure == "repair or remove it"


def test_places_are_tried_and_left_as_they_were(tmp_path):
    findings = [*check_directories(tmp_path / "new" / "run")]
    assert [finding.state for finding in findings] == [State.OK, State.OK]
    assert [*tmp_path.iterdir()] == []


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    finding, _ = check_directories(tmp_path / "file" / "run")
    assert finding.state is State.BROKEN
    assert finding.text == f"results: cannot write in {tmp_path}/file: Not a directory"
