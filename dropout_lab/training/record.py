"""The record of a run: configuration, results and environment."""

import functools
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
import numpy as np
from ml_collections import FrozenConfigDict

from dropout_lab.config import code_of, trial_id
from dropout_lab.data import Dataset
from dropout_lab.system.machine import threads
from dropout_lab.training.arrays import example_shape
from dropout_lab.training.trainer import Result
from dropout_lab.version import __version__

SCHEMA = 1
"""Version of the record's layout."""

_PACKAGES = ("jax", "jaxlib", "flax", "optax", "numpy")


def make_record(config: FrozenConfigDict, dataset: Dataset, result: Result) -> dict[str, Any]:
    """Returns a trial's record, ready for JSON.

    Its fields: schema, id, status ("ok" or "diverged"), seed, config (resolved), metrics (errors in
    percent), history (one row per epoch: loss of the batches, error on a sample of the training
    data, metrics of validation; older records have no train_error), epoch (the selected one),
    wall_seconds (of all trials that ran side by side), lanes (number of these trials; absent in
    older records), data (name, sizes, shape, classes, fingerprint; range, unless examples are bytes
    or tokens; vocabulary of tokens; of own data class_names, a table's columns and
    notes on conversions), versions,
    device, git_revision; for a network or variant of one's own, code (path, sha256 and text of its
    file, by key).
    """
    progress = result.progress
    return {
        "schema": SCHEMA,
        "id": trial_id(config),
        "status": result.status,
        "seed": config.seed,
        "config": config.to_dict(),
        "metrics": progress.metrics,
        "history": progress.history,
        "epoch": progress.selected,
        "wall_seconds": round(progress.seconds, 3),
        "lanes": result.lanes,
        "data": {
            "name": dataset.name,
            "train": len(dataset.train),
            "val": len(dataset.val),
            "test": len(dataset.test),
            "shape": list(example_shape(dataset.train)),
            "classes": dataset.classes,
            "fingerprint": dataset.fingerprint,
            **({"class_names": list(dataset.class_names)} if dataset.class_names else {}),
            **({"columns": list(dataset.columns)} if dataset.columns else {}),
            **({"notes": list(dataset.notes)} if dataset.notes else {}),
            **({} if dataset.vocabulary is None else {"vocabulary": dataset.vocabulary}),
            **_range(dataset),
        },
        **environment(),
        **({"code": code} if (code := code_of(config)) else {}),
    }


def _range(dataset: Dataset) -> dict[str, Any]:
    images = dataset.train.images
    if images.dtype.kind != "f":
        return {}
    return {"range": [float(np.nanmin(images)), float(np.nanmax(images))]}


@functools.cache
def environment() -> dict[str, Any]:
    """Returns the versions, the device and the code's revision."""
    device = jax.devices()[0]
    return {
        "versions": {
            "python": platform.python_version(),
            "dropout_lab": __version__,  # also where the package is used without being installed
            **{package: version(package) for package in _PACKAGES},
        },
        "device": {
            "platform": device.platform,
            "kind": device.device_kind,
            "count": jax.device_count(),
            "cpus": threads(),
            "machine": platform.machine(),
        },
        "git_revision": _git_revision(),
    }


def _git_revision() -> str | None:
    """Returns the commit of the code, with "+" if the work tree differs; None outside git.

    Records of unfinished runs, which change while they are made, are not code.
    """
    file = Path(__file__)

    def git(*args: str) -> str:
        command = ["git", "-C", str(file.parent), *args]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        git("ls-files", "--error-unmatch", file.name)  # an installed copy is in no repository
        code = ("--", ":(top)", ":(top,exclude)experiments/unfinished")
        changes = git("status", "--porcelain", "-uno", *code)
        return git("rev-parse", "HEAD") + ("+" if changes else "")
    except (OSError, subprocess.CalledProcessError):
        return None
