"""A sweep on several devices, in a process that has eight."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.conftest import xla_flags

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SWEEP = """
    import sys
    import jax
    from configs import digits_mlp
    from dropout_lab.sweeps.execution.options import Execution
    from dropout_lab.sweeps.execution.runner import run_sweep
    from dropout_lab.sweeps.store import Store
    from dropout_lab.training import trainer

    assert jax.local_device_count() == 8
    devices = []

    class Watched(trainer.Trainer):
        def run(self):
            hparams = jax.tree.leaves(self._hparams)
            devices.append({len(leaf.sharding.device_set) for leaf in hparams})
            return super().run()

    trainer.Trainer = Watched
    config = digits_mlp.get_config("dropout,smoke")
    config.model.widths, config.data.train_size = (8,), 320
    store = Store(sys.argv[1])
    grid = {"dropout.rate": [0.1, 0.3, 0.5], "seed": [0, 1]}
    assert run_sweep(config, grid, store, Execution(lanes=8, executor="local")).failed == {}
    assert devices == [{8}], devices

"""


def test_the_lanes_of_a_sweep_spread_over_all_devices(tmp_path):
    """Six trials, padded so that each device has a lane."""
    script = tmp_path / "sweep.py"
    script.write_text(textwrap.dedent(SWEEP))
    flags = xla_flags("--xla_force_host_platform_device_count=8") | {"JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [sys.executable, script, tmp_path / "run"],
        env=os.environ | flags | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    records = [json.loads(path.read_text()) for path in tmp_path.glob("run/trials/*.json")]
    assert len(records) == 6
    assert {record["lanes"] for record in records} == {6}
    assert {record["device"]["count"] for record in records} == {8}
    assert {record["status"] for record in records} == {"ok"}
