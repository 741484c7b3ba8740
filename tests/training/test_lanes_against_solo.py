"""Lanes train as the trials do alone: every variant, and on several devices."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dropout_lab.config import hparams_of, resolve
from dropout_lab.models import MODELS
from dropout_lab.training.program import as_arrays
from dropout_lab.training.vmapped import VmappedProgram
from dropout_lab.variants import VARIANTS

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick_compile")]

# From the network that compiles fastest to the one that takes longest.
SMALL: dict[str, dict[str, Any]] = {
    "mlp": {"model.name": "mlp", "model.widths": (8,)},
    "cnn": {"model.name": "cnn", "model.stages": (4, 4), "model.widths": (8,)},
    "rnn": {"model.name": "rnn", "model.units": 8},
    "resnet": {"model.name": "resnet", "model.depth": 10},
    "transformer": {
        "model.name": "transformer",
        "model.layers": 2,
        "model.width": 8,
        "model.heads": 2,
        "model.ff_width": 12,
    },
}
SEEDS = (0, 1, 2)


@pytest.mark.parametrize("variant", VARIANTS)
def test_lanes_of_every_variant_agree_with_separate_runs(runs, new_config, new_program, variant):
    """The losses of ten updates; at the end, rounding is less than what a seed is worth."""
    model = next(name for name in SMALL if VARIANTS[variant].fits(MODELS[name].places))
    options = SMALL[model] | {"train.batch_size": 40, "train.epochs": 30, "optimizer.lr": 0.03}
    configs = [resolve(new_config(variant, options | {"seed": seed})) for seed in SEEDS]
    one = new_program(new_config(variant, options))[1]
    several = VmappedProgram(one, len(SEEDS))

    def stacked(trees):
        return jax.tree.map(lambda *leaf: jnp.stack(leaf), *trees)

    def trained(program, state, hparams):
        losses = []
        for _ in range(30):
            state, loss = program.train_epoch(state, hparams, runs.data, runs.scaling, steps=1)
            losses.append(loss)
        return np.array(losses), state.weights

    def nll(weights, hparams):
        data = runs.data, runs.scaling
        return float(one.evaluate(weights, hparams, *data, inference="mean")["nll"])

    values = [as_arrays(hparams_of(config)) for config in configs]
    starts = [one.init(hparams) for hparams in values]
    together, weights = trained(several, stacked(starts), stacked(values))
    ended = []
    for lane, (start, hparams) in enumerate(zip(starts, values, strict=True)):
        losses, alone = trained(one, start, hparams)
        np.testing.assert_allclose(together[:10, lane], losses[:10], rtol=1e-4)
        beside = jax.tree.map(lambda leaf, lane=lane: leaf[lane], weights)
        ended.append((nll(alone, hparams), nll(beside, hparams)))
    alone_nlls, nlls = np.array(ended).T
    assert (np.abs(nlls - alone_nlls) < np.ptp(alone_nlls)).all()


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
            "train.refit": seed > 12, "data.train_size": 320,
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
