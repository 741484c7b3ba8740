"""What tests of every part share."""

import os
from pathlib import Path

import jax
import pytest

# Read before any test changes the environment.
TFDS_DATA_DIR = os.environ.get("TFDS_DATA_DIR")


@pytest.fixture
def key():
    return jax.random.key(0)


@pytest.fixture
def real_tfds():
    """Returns a function from a name to the folder that holds the real data set, or skips."""

    def root(name):
        if not TFDS_DATA_DIR or not any(Path(TFDS_DATA_DIR, name).glob("*/dataset_info.json")):
            pytest.skip(f"needs TFDS_DATA_DIR to hold {name} prepared in array_record format")
        return TFDS_DATA_DIR

    return root


@pytest.fixture(autouse=True)
def strict_promotion(request):
    """Ops promote no dtype and no rank behind the caller's back."""
    if "ops" not in request.path.relative_to(Path(__file__).parent).parts:
        yield
        return
    with jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        yield


@pytest.fixture
def dry_pip(monkeypatch):
    """Lets pip do all but fetch and write: what is asked for must be there."""
    for name in ("DRY_RUN", "NO_INDEX", "NO_DEPS"):
        monkeypatch.setenv(f"PIP_{name}", "1")
    monkeypatch.setenv("PIP_NO_BUILD_ISOLATION", "0")  # sic: 0 is without
