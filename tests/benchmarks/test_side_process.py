"""Sides in processes of their own."""

import importlib.util

import pytest

from dropout_lab.errors import InputError
from scripts.benchmarks.facts import Fact
from scripts.benchmarks.problems import Sizes
from scripts.benchmarks.side_process import Peer, SideProcess, check_peers

FAKE = Peer("tests.benchmarks.fake_side")


def test_an_unknown_peer_is_told():
    with pytest.raises(InputError, match=r"unknown peer 'trch'; did you mean 'torch'\?"):
        check_peers(["flax", "trch"])


def test_a_missing_peer_is_told_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"'torch' is not installed: pip install -e '\.\[peers\]'"):
        check_peers(["torch"])


def test_a_process_lists_prepares_measures_and_forgets():
    with SideProcess(FAKE, Sizes(widths=(5, 6), steps=3)) as process:
        assert process.works() == [("width", "fake"), ("death", "fake"), ("setting", "fake")]
        process.prepare("width", "fake")
        assert process.take_repeat("width", "fake") == 5.0
        assert process.facts("width", "fake") == {"steps": Fact(3, 0.5)}
        process.forget("width", "fake")


def test_a_death_is_an_error_that_names_the_request(capfd):
    message = r"fake_side died on \('prepare', 'death', 'fake'\)"
    with SideProcess(FAKE, Sizes()) as process, pytest.raises(RuntimeError, match=message):
        process.prepare("death", "fake")
    assert "as it should" in capfd.readouterr().err


def test_a_peer_has_a_setting_and_a_name_of_its_own():
    peer = Peer(FAKE.module, "fake", {"FAKE_SETTING": "7"})
    with SideProcess(peer, Sizes(widths=(5,)), "renamed") as process:
        assert process.works() == [
            ("width", "renamed"),
            ("death", "renamed"),
            ("setting", "renamed"),
        ]
        process.prepare("setting", "renamed")
        assert process.take_repeat("setting", "renamed") == 7.0
    with SideProcess(Peer(FAKE.module, "other"), Sizes(), "renamed") as process:
        assert process.works() == []
