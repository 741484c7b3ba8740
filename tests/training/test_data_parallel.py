"""Devices that split every batch train like one: equal masks, equal sums except for rounding."""

import jax
import pytest

from dropout_lab.config import resolve
from dropout_lab.errors import InputError
from dropout_lab.training.mesh import make_mesh

SHARED = """
    import re
    import jax, jax.numpy as jnp, numpy as np
    from dropout_lab.config import default_config
    from dropout_lab import ops
    from dropout_lab.config import hparams_of, resolve
    from dropout_lab.training import program as programs
    from dropout_lab.training.arrays import Examples, Scaling
    from dropout_lab.training.vmapped import VmappedProgram
    from dropout_lab.training.mesh import split_batch

    rng = np.random.default_rng(0)

    def examples(n):
        return Examples(rng.integers(0, 256, (n, 8, 8, 1), np.uint8), rng.integers(0, 3, n))

    train, test = examples(48), examples(20)  # eight devices do not divide what is tested
    scaling = Scaling(jnp.zeros((1, 1, 1)), jnp.full((1, 1, 1), 1 / 255))

    def noise(hparams):
        ones = split_batch(jnp.ones((16, 64)))
        return ops.dropout(programs._key(hparams, programs._NOISE, 3), ones, rate=0.5)

    def trained(changes, lanes, data):
        config = default_config()
        config.update_from_flattened_dict({
            "variant": "dropout", "train.batch_size": 16, "dropout.input_rate": 0.2,
            "model.widths": (8,), "model.batch_norm": True, "mesh.data": data, **changes,
        })
        config = resolve(config)
        program = VmappedProgram(programs.Program(config, (8, 8, 1), 3), lanes)
        hparams = programs.as_arrays(hparams_of(config))
        hparams = jax.tree.map(lambda leaf: jnp.stack([leaf] * lanes), hparams)
        hparams["seed"] = jnp.arange(lanes, dtype=jnp.uint32)
        hparams = program.split_lanes(hparams)
        shared = program.replicate((train, scaling))
        state = program.init(hparams)
        train_epoch = program.train_epoch.lower(state, hparams, *shared, steps=3).compile()
        if lanes == 1 and data == 8:
            # Devices exchange sums over the batch only, and no noise.
            text = train_epoch.as_text()
            assert re.findall("all-reduce", text)
            assert not re.findall("all-gather|all-to-all|collective-|reduce-scatter", text)
        state, loss = train_epoch(state, hparams, *shared)
        masks = metrics = ()
        if not changes:  # compiling is slow
            masks = program._lift(noise, 0)(hparams)
            metrics = program.evaluate(
                state.weights, hparams, *program.replicate((test, scaling)),
                inference="mc", passes=2,
            )
        for leaf in jax.tree.leaves((state, metrics)):
            assert len(leaf.sharding.device_set) == min(8, data * lanes), leaf.sharding
        first = jax.tree.map(lambda leaf: np.asarray(leaf)[0], (masks, state, loss, metrics))
        return first[0], first[1:]

    weights = {"variant": "drop_connect", "dropout.input_rate": None, "dropout.per_example": True}
    for changes, meshes in (
        ({}, ((1, 8), (4, 2))),
        (weights, ((2, 4),)),
        ({"data.cutmix": 1.0, "train.ema": 0.9, "schedule.warmup": 1.0}, ((4, 2),)),
        ({"variant": "variational_rnn", "model.name": "rnn", "model.units": 8}, ((2, 4),)),
    ):
        masks, expected = trained(changes, 1, 1)
        for lanes, data in meshes:
            ours, actual = trained(changes, lanes, data)
            np.testing.assert_array_equal(ours, masks)
            jax.tree.map(
                lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6),
                actual, expected,
            )
"""


@pytest.mark.slow
def test_two_and_eight_devices_train_what_one_does(on_eight_devices):
    on_eight_devices(SHARED)


def test_more_devices_than_there_are_is_an_error():
    count = jax.device_count()
    message = f"mesh.data is {count + 1} with devices: {count}; allowed: 1 to {count}"
    with pytest.raises(InputError, match=message):
        make_mesh(1, count + 1)


def test_a_batch_that_devices_cannot_share_evenly_is_an_error(new_config):
    changes = {"train.batch_size": 100, "mesh.data": 8}
    message = "mesh.data is 8 with batches of 100 examples; allowed: divisors of the batch size"
    with pytest.raises(InputError, match=message):
        resolve(new_config("none", changes))
