"""What tests of every part share."""

import atexit
import contextlib
import importlib
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import jax
import numpy as np
import pytest

from dropout_lab.data import sources
from dropout_lab.data.dataset import Split, TrainTest

# Read before any test changes the environment.
TFDS_DATA_DIR = os.environ.get("TFDS_DATA_DIR")

HALF_AN_ENTRY = "Error reading persistent compilation cache entry"


def share_compiled_programs():
    """Caches compiled programs for all processes of this run of the tests, and only for it.

    Reading a program takes a tenth of compiling it, and many tests need the same ones.
    """
    if "PYTEST_XDIST_WORKER" in os.environ:
        return  # a process of the run, which has the environment of its first one
    folder = tempfile.mkdtemp(prefix="programs-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    settings = {
        "jax_compilation_cache_dir": folder,
        "jax_persistent_cache_min_compile_time_secs": 0,
    }
    for name, value in settings.items():
        jax.config.update(name, value)
        os.environ[name.upper()] = str(value)
    # JAX writes entries in place, so that another process may read half of one; it then warns and
    # compiles.
    os.environ["PYTHONWARNINGS"] = f"ignore:{HALF_AN_ENTRY}"


share_compiled_programs()


def xla_flags(*added):
    """Returns the environment with more flags of XLA than those that the tests run with."""
    return {"XLA_FLAGS": " ".join([os.environ.get("XLA_FLAGS", ""), *added]).strip()}


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


@pytest.fixture
def no_large_files():
    """Returns a context in which the system refuses files above 100 bytes, as a quota does."""

    @contextlib.contextmanager
    def limited():
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    return limited


@pytest.fixture(scope="module")
def quick_compile():
    """Compiles with hardly any optimisation, here and in processes started from here.

    For modules that compile more than they compute; all others compile as users do.
    """
    name = "jax_disable_most_optimizations"
    before = jax.config.values[name]
    jax.config.update(name, True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(name.upper(), "1")
        yield
    jax.config.update(name, before)


@pytest.fixture(scope="module", autouse=True)
def programs_are_let_go():
    """Frees all compiled programs after a module when they take up many memory maps.

    Each takes three of the 65,530 maps that Linux allows a process; a worker that kept the programs
    of the whole suite crashed near its end.
    """
    yield
    maps = Path("/proc/self/maps")
    if maps.exists() and maps.read_bytes().count(b"\n") > 20_000:
        jax.clear_caches()


@pytest.fixture
def fake_images(monkeypatch):
    """Puts random images, enough for a smoke run, in place of the published sets."""

    def load(image_set, data_dir):
        rng = np.random.default_rng(0)

        def split(n):
            images = rng.integers(0, 256, (n, *image_set.shape), np.uint8)
            return Split(images, rng.integers(0, image_set.classes, n).astype(np.int32))

        return TrainTest(split(800), split(64))

    monkeypatch.setattr(sources, "load", load)
    load_data_cache = importlib.import_module("dropout_lab.training.preparation")._load
    load_data_cache.cache_clear()
    yield
    load_data_cache.cache_clear()


@pytest.fixture
def on_eight_devices(tmp_path):
    """Returns a function that runs a script which sees eight CPU devices; it has to succeed."""

    def run(script):
        path = tmp_path / "script.py"
        path.write_text(textwrap.dedent(script))
        added = {
            **xla_flags(
                "--xla_force_host_platform_device_count=8",
                "--xla_backend_optimization_level=0",  # most of the time goes to compiling
            ),
            "JAX_PLATFORMS": "cpu",
            "PYTHONPATH": str(Path(__file__).parents[1]),
        }
        done = subprocess.run(
            [sys.executable, path], env=os.environ | added, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr

    return run


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
