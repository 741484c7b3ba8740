"""Findings made from the probe's answers; the probe itself runs in tests/scripts/test_doctor.py."""

import subprocess
import sys

import pytest

from dropout_lab.doctor import State, accelerator, probe

IMPORTED = {"version": "0.9.3"}
CPU = {"backend": "cpu", "devices": ["cpu"], "memory": None}
SAME = {"masks": accelerator.MASKS}
LEARNT = {"val_error": 12.0, "seconds": 2.0}


@pytest.fixture
def answer(monkeypatch):
    """Returns a function that gives the findings for these answers of the probe."""
    monkeypatch.setattr(accelerator, "_HARDWARE", {})

    def answer(*done, error=None):
        monkeypatch.setattr(accelerator, "_run", lambda: (list(done), error))
        return [(finding.state, finding.text) for finding in accelerator.check_jax()]

    return answer


def test_masks_have_the_known_values():
    assert probe._masks() == accelerator.MASKS


def test_all_is_well(answer):
    findings = answer(IMPORTED, CPU, SAME, LEARNT)
    assert findings == [
        (State.OK, "jax 0.9.3 imports"),
        (State.OK, "backend cpu: 1 x cpu"),
        (State.OK, "random masks have the expected values"),
        (State.OK, "an epoch on digits in 2.0 s: validation error 12 %"),
    ]


@pytest.mark.parametrize("count", range(len(probe.STEPS)))
def test_the_step_that_failed_is_named(answer, count):
    findings = answer(*[IMPORTED, CPU, SAME][:count], error="ValueError: why")
    assert findings[count:] == [(State.BROKEN, f"cannot {probe.STEPS[count]}: ValueError: why")]
    *_, finding = accelerator.check_jax()
    assert finding.cure


def test_hardware_that_jax_does_not_see(answer, monkeypatch, tmp_path):
    monkeypatch.setattr(accelerator, "_HARDWARE", {str(tmp_path): ("a GPU", "jax[cuda13]")})
    text = "backend cpu: 1 x cpu; but there is a GPU"
    assert answer(IMPORTED, CPU)[1] == (State.ADVICE, text)
    gpus = CPU | {"backend": "gpu", "devices": ["A100"] * 2, "memory": 40 * 2**30}
    assert answer(IMPORTED, gpus)[1] == (State.OK, "backend gpu: 2 x A100, 40.0 GiB each")


def test_other_masks_and_no_learning_are_broken(answer):
    findings = answer(IMPORTED, CPU, {"masks": "0"}, LEARNT | {"val_error": 88.0})
    assert [state for state, _ in findings[2:]] == [State.BROKEN, State.BROKEN]


@pytest.mark.parametrize(
    ("code", "seconds", "error"),
    [
        ("print('{}'); raise ValueError('why')", 60, "ValueError: why"),
        ("print('{}', flush=True); import os; os._exit(3)", 60, "ended with status 3"),
        ("print('{}', flush=True); import time; time.sleep(60)", 1, "no answer within 1 s"),
    ],
)
def test_a_probe_that_raises_crashes_or_hangs(monkeypatch, code, seconds, error):
    start = subprocess.Popen

    def other(command, **options):
        return start([sys.executable, "-S", "-c", code], **options)

    monkeypatch.setattr(subprocess, "Popen", other)
    monkeypatch.setattr(accelerator, "_LONGEST", seconds)
    done, message = accelerator._run()
    assert done == [{}]
    assert message
    assert error in message
