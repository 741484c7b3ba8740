"""Checks of jax, its devices and its results, made in a separate process."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from dropout_lab.doctor import probe
from dropout_lab.doctor.finding import Finding, State
from dropout_lab.doctor.requirements import cure_of_jax, pip_install
from dropout_lab.system.machine import WITHOUT_BACKEND

MASKS = "ceae57b445450193"
"""Hash of the masks that ``probe`` draws, on every backend."""

_CHANCE = 90.0  # percent of digits that guessing gets wrong
_LONGEST = 300  # seconds
_HARDWARE = {
    "/dev/nvidia0": ("an NVIDIA GPU", "jax[cuda13]"),
    "/dev/accel0": ("a TPU", "jax[tpu]"),
    "/dev/vfio/0": ("a TPU", "jax[tpu]"),
}


def check_jax() -> Iterator[Finding]:
    """Yields findings about each step of ``probe``, up to the one that failed."""
    done, error = _run()
    readers = (_read_import, _read_devices, _read_masks, _read_training)
    for reader, answer in zip(readers, done, strict=False):
        yield from reader(answer)
    if error is not None:
        step = probe.STEPS[len(done)]
        yield Finding(State.BROKEN, f"cannot {step}: {error}", _cures()[len(done)])


def _run() -> tuple[list[dict[str, Any]], str | None]:
    """Returns the probe's answers, and the error that ended it."""
    root = str(Path(__file__).parents[2])
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    process = subprocess.Popen(
        [sys.executable, "-c", f"from {probe.__name__} import main; main()"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": path},
    )
    error = None
    try:
        out, log = process.communicate(timeout=_LONGEST)
        if process.returncode:
            lines = log.strip().splitlines()
            error = lines[-1] if lines else f"the process ended with status {process.returncode}"
    except subprocess.TimeoutExpired:
        process.kill()
        out, _ = process.communicate()
        error = f"no answer within {_LONGEST} s"
    return [json.loads(line) for line in out.splitlines()], error


def _cures() -> Sequence[str]:
    return (
        cure_of_jax(),
        WITHOUT_BACKEND,
        cure_of_jax(),
        "read the error above; in a checkout, scripts/test.sh fast shows which part fails",
    )


def _read_import(answer: Mapping[str, Any]) -> Iterator[Finding]:
    yield Finding(State.OK, f"jax {answer['version']} imports")


def _read_devices(answer: Mapping[str, Any]) -> Iterator[Finding]:
    devices = answer["devices"]
    memory = f", {answer['memory'] / 2**30:.1f} GiB each" if answer["memory"] else ""
    text = f"backend {answer['backend']}: {len(devices)} x {devices[0]}{memory}"
    missed = [value for path, value in _HARDWARE.items() if os.path.exists(path)]
    if answer["backend"] == "cpu" and missed:
        hardware, package = missed[0]
        yield Finding(State.ADVICE, f"{text}; but there is {hardware}", pip_install(package))
    else:
        yield Finding(State.OK, text)


def _read_masks(answer: Mapping[str, Any]) -> Iterator[Finding]:
    if answer["masks"] == MASKS:
        yield Finding(State.OK, "random masks have the expected values")
    else:
        yield Finding(
            State.BROKEN,
            f"random masks are {answer['masks']}, not {MASKS}: other machines' records will differ",
            f"unset JAX_THREEFRY_PARTITIONABLE, JAX_ENABLE_X64 and XLA_FLAGS; else {cure_of_jax()}",
        )


def _read_training(answer: Mapping[str, Any]) -> Iterator[Finding]:
    error, seconds = answer["val_error"], answer["seconds"]
    text = f"an epoch on digits in {seconds:.1f} s: validation error {error:.0f} %"
    if error < _CHANCE / 2:
        yield Finding(State.OK, text)
    else:
        yield Finding(State.BROKEN, f"{text}, expected below {_CHANCE / 2:.0f} %", _cures()[3])
