"""Versions against the tested ones, and jax against its other half."""

import platform
import re
import sys
import tomllib
from pathlib import Path

import pytest

import dropout_lab
from dropout_lab.doctor import State, requirements
from dropout_lab.doctor.requirements import (
    PYTHONS,
    check_jax_pair,
    check_package,
    check_python,
    check_requirements,
)

ROOT = Path(__file__).parents[2]


@pytest.fixture
def install(monkeypatch, tmp_path):
    """Returns a function that makes a package look installed, in front of what is."""
    monkeypatch.syspath_prepend(tmp_path)

    def install(name, version, *needs):
        folder = tmp_path / f"{name.replace('-', '_')}-{version}.dist-info"
        folder.mkdir()
        lines = [f"Name: {name}", f"Version: {version}", *(f"Requires-Dist: {x}" for x in needs)]
        (folder / "METADATA").write_text("\n".join(["Metadata-Version: 2.1", *lines, ""]))

    return install


@pytest.mark.parametrize(
    ("version", "state", "text"),
    [
        ("3.11.2", State.OK, "Python 3.11.2; tested from 3.11 to 3.13"),
        ("3.13.9", State.OK, "Python 3.13.9; tested from 3.11 to 3.13"),
        ("3.14.0rc1", State.ADVICE, "Python 3.14.0rc1 is newer than tested from 3.11 to 3.13"),
    ],
)
def test_a_python_is_compared_with_the_tested_ones(monkeypatch, version, state, text):
    monkeypatch.setattr(platform, "python_version", lambda: version)
    [finding] = check_python()
    assert (finding.state, finding.text) == (state, text)
    assert (not finding.cure) == (state is State.OK)


def test_the_tested_pythons_are_those_of_the_matrix():
    rows = (ROOT / "scripts" / "test_matrix.sh").read_text()
    assert set(PYTHONS) == set(re.findall(r"version=(3\.\d+)", rows))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == f">={PYTHONS[0]}"


def test_the_package_is_that_of_the_checkout(install, monkeypatch, tmp_path):
    install("dropout_lab", "0.9")
    for root in (ROOT, None):
        [finding] = check_package(root)
        assert (finding.state, finding.text) == (State.OK, f"dropout_lab {dropout_lab.__version__}")
    [finding] = check_package(tmp_path)
    assert finding.state is State.ADVICE
    assert finding.text == f"dropout_lab is imported from {ROOT}, not from {tmp_path}"
    assert finding.cure.endswith(f"pip install --editable {tmp_path}")
    monkeypatch.setattr(requirements, "_installed", lambda name: None)
    [finding] = check_package(ROOT)
    assert finding.state is State.ADVICE
    assert finding.text.endswith(f" is used from {ROOT}, but not installed")


@pytest.mark.parametrize(
    ("version", "state", "text"),
    [
        (None, State.BROKEN, "a-thing is not installed; tested from 1.2 to 1.9"),
        ("1.1", State.BROKEN, "a-thing 1.1 is too old; tested from 1.2 to 1.9"),
        ("1.2", State.OK, "a-thing 1.2; tested from 1.2 to 1.9"),
        ("1.9", State.OK, "a-thing 1.9; tested from 1.2 to 1.9"),
        ("1.10", State.ADVICE, "a-thing 1.10 is newer than tested from 1.2 to 1.9"),
    ],
)
def test_a_version_is_compared_with_the_tested_ones(install, tmp_path, version, state, text):
    (tmp_path / "requirements.txt").write_text("# Why.\nA_thing>=1.2\n")
    lock = "a-thing==0.3 ; python_version < '3'\na-thing==1.9 ; python_version >= '3'\nother==4\n"
    (tmp_path / "requirements.lock").write_text(lock)
    if version:
        install("a-thing", version)
    [finding] = check_requirements(tmp_path)
    assert (finding.state, finding.text) == (state, text)
    assert (not finding.cure) == (state is State.OK)
    if state is not State.OK:
        assert f"{sys.executable} -m pip install" in finding.cure


def test_an_installed_package_knows_its_oldest_versions(install):
    """Outside a checkout, where no lock says which are the newest."""
    install("dropout_lab", "0.9", "a-thing>=1.2", 'other>=4; extra == "test"')
    install("a-thing", "1.1")
    [finding] = check_requirements(None)
    assert finding.text == "a-thing 1.1 is too old; tested from 1.2"
    assert finding.cure.endswith("pip install 'a-thing>=1.2'")


NEEDS = (
    "jaxlib<=0.9.3,>=0.9.1",
    "numpy>=99",
    'jaxlib==0.9.1; extra == "minimum-jaxlib"',
    'jax-cuda13-plugin[with-cuda]<=0.9.3,>=0.9.3; extra == "cuda13"',
)


def pairs(install, **versions):
    install("jax", "0.9.3", *NEEDS)
    for name, version in versions.items():
        install(name.replace("_", "-"), version)
    return [(finding.state, finding.text) for finding in check_jax_pair()]


def test_a_pair_that_goes_together(install):
    assert pairs(install, jaxlib="0.9.2") == [(State.OK, "jaxlib 0.9.2 fits jax 0.9.3")]


def test_a_wrong_jaxlib(install):
    [(state, text)] = pairs(install, jaxlib="0.9.0")
    assert (state, text) == (
        State.BROKEN,
        "jax 0.9.3 needs jaxlib<=0.9.3,>=0.9.1; installed: 0.9.0",
    )


def test_a_wrong_plugin(install):
    findings = pairs(install, jaxlib="0.9.3", jax_cuda13_plugin="0.9.2")
    text = "jax 0.9.3 needs jax-cuda13-plugin<=0.9.3,>=0.9.3; installed: 0.9.2"
    assert findings == [
        (State.OK, "jaxlib 0.9.3 fits jax 0.9.3"),
        (State.BROKEN, text),
    ]
    *_, broken = check_jax_pair()
    assert broken.cure.endswith("--force-reinstall 'jax[cuda13]==0.9.3' jaxlib")
