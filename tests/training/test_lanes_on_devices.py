"""Lanes on several devices train as on one."""

import pytest

pytestmark = pytest.mark.slow

SHARDED = """
    import re
    import jax, jax.numpy as jnp, numpy as np
    from configs import digits_cnn
    from dropout_lab import ops
    from dropout_lab.config import hparams_of, resolve
    from dropout_lab.training import program, vmapped
    from dropout_lab.training.trainer import Trainer
    from dropout_lab.training.preparation import prepare

    assert len(jax.devices()) == 8

    def config_of(seed):
        config = digits_cnn.get_config("dropout,smoke")
        config.update_from_flattened_dict({
            "seed": seed, "dropout.rate": 0.1 * (seed % 8), "train.epochs": 1 + seed % 2,
            "model.stages": (4, 8), "model.widths": (8,), "model.batch_norm": True,
            "data.train_size": 320,
        })
        return resolve(config)

    configs = [config_of(seed) for seed in range(15)]
    sharded, dataset = prepare(configs[0], 16)
    results = Trainer(sharded, configs, dataset).run()

    def noise(hparams):
        key = program._key(hparams, program._NOISE, 3)
        return ops.dropout(key, jnp.ones((16, 32)), rate=hparams["dropout.rate"])

    trainer = Trainer(sharded, configs, dataset)
    state = sharded.init(trainer._hparams)
    for leaf in jax.tree.leaves(state):
        assert len(leaf.sharding.device_set) == 8 and leaf.addressable_shards[0].data.shape[0] == 2
    examples = trainer._on_device(dataset.train)
    scaling = sharded.replicate(trainer._scaling("select"))
    compiled = sharded.train_epoch.lower(
        state, trainer._hparams, examples, scaling, steps=2
    ).compile()
    assert not re.findall("all-gather|all-reduce|all-to-all|collective-[a-z]+|reduce-scatter",
                          compiled.as_text())
    masks = sharded._lift(noise, 0)(trainer._hparams)

    vmapped.make_mesh = lambda lanes, data: None
    together = vmapped.VmappedProgram(sharded.program, 16)
    expected = Trainer(together, configs, dataset).run()
    hparams = Trainer(together, configs, dataset)._hparams
    np.testing.assert_array_equal(masks, together._lift(noise, 0)(hparams))
    for ours, theirs in zip(results, expected, strict=True):
        ours, theirs = ours.progress, theirs.progress
        assert ours.metrics.keys() == theirs.metrics.keys()
        for mine, other in zip(ours.history, theirs.history, strict=True):
            assert mine.keys() == other.keys() and mine["phase"] == other["phase"]
            np.testing.assert_allclose(mine["train_loss"], other["train_loss"], rtol=1e-4)
        np.testing.assert_allclose(
            ours.metrics["val_nll"], theirs.metrics["val_nll"], rtol=1e-3
        )
"""


def test_lanes_on_eight_devices_are_lanes_on_one(on_eight_devices):
    on_eight_devices(SHARDED)
