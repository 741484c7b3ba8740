"""Types and precision of a program's computations."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dropout_lab.config import hparams_of, resolve, trial_id
from dropout_lab.models import MODELS
from dropout_lab.system.compilation import options_for_one_call
from dropout_lab.training.arrays import Examples
from dropout_lab.training.program import Program, as_arrays
from dropout_lab.variants import VARIANTS

HALF: dict[str, Any] = {"compute.dtype": "bfloat16"}
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
ONE_OF_EACH_KIND = ("drop_connect", "sparse_variational_dropout", "standout", "zoneout")
"""Noise of weights, learnt, from the units, in a recurrent cell; dropout has a test of its own."""


def types(tree):
    return jax.tree.map(lambda leaf: leaf.dtype, tree)


@pytest.mark.slow
def test_half_precision_computes_and_weights_stay_whole(runs, new_config):
    whole = runs.train(new_config("dropout"))
    program, hparams, state = runs.init(new_config("dropout", HALF))
    jax.tree.map(np.testing.assert_array_equal, state.weights, whole[0])
    state, loss = runs.epoch(program, hparams, state)
    assert set(jax.tree.leaves(types(state.weights))) == {np.dtype("float32")}
    assert float(loss) == pytest.approx(whole[2], rel=0.02)
    assert float(loss) != whole[2]
    kernels = jax.tree.leaves(state.weights.params)
    assert any((leaf != leaf.astype(jnp.bfloat16)).any() for leaf in kernels)  # off its grid
    metrics = program.evaluate(
        state.weights, hparams, runs.data, runs.scaling, inference="mc", passes=2
    )
    assert set(types(metrics).values()) == {np.dtype("float32")}


@pytest.mark.slow
def test_penalties_are_whole(runs, new_config):
    """So heavy that nothing else of the loss counts."""
    options: dict[str, Any] = {"dropout.penalty_weight": 1e6, "dropout.penalty_warmup": (0.0, 0.0)}
    losses = []
    for changes in (options, options | HALF):
        program, hparams, state = runs.init(new_config("sparse_variational_dropout", changes))
        args = hparams, runs.data, runs.scaling
        losses.append(float(program.train_epoch(state, *args, steps=1)[1]))
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)


def in_half_precision(variant, runs, new_config):
    """Returns a program in bfloat16 of the model that compiles fastest, and its arguments."""
    model = next(name for name in SMALL if VARIANTS[variant].fits(MODELS[name].places))
    adam = {"optimizer.name": "adam", "optimizer.lr": 0.02}
    config = resolve(new_config(variant, SMALL[model] | HALF | adam))
    program, hparams = Program(config, (8, 8, 1), 3), as_arrays(hparams_of(config))
    images = np.kron(runs.data.images, np.ones((1, 2, 2, 1), np.uint8))  # pooling needs the pixels
    return program, (hparams, Examples(jnp.asarray(images), runs.data.labels), runs.scaling)


@pytest.mark.parametrize(
    "variant",
    [pytest.param(name, marks=() if name == "dropout" else pytest.mark.slow) for name in VARIANTS],
)
def test_every_variant_computes_in_half_precision(variant, runs, new_config):
    """Its logits are of that type, so nothing on the way to them is not; the state's types stay."""
    program, args = in_half_precision(variant, runs, new_config)
    before = jax.eval_shape(program.init, args[0])

    def logits(weights):
        weights = weights._replace(params=program.network.cast_to_compute(weights.params))
        return program.network.module(weights, "mean")(jnp.ones((2, 8, 8, 1), jnp.bfloat16))

    assert jax.eval_shape(logits, before.weights).dtype == jnp.bfloat16
    after, loss = jax.eval_shape(functools.partial(program.train_epoch, steps=5), before, *args)
    assert loss.dtype == jnp.float32
    assert types(after) == types(before)
    assert set(jax.tree.leaves(types(after))) <= {np.dtype("float32"), np.dtype("int32")}


@pytest.mark.slow
@pytest.mark.parametrize("variant", ONE_OF_EACH_KIND)
def test_half_precision_trains(variant, runs, new_config):
    program, args = in_half_precision(variant, runs, new_config)
    state, losses = program.init(args[0]), []
    epoch = program.train_epoch.lower(state, *args, steps=5)
    epoch = epoch.compile(compiler_options=options_for_one_call())
    for _ in range(5):
        state, loss = epoch(state, *args)
        losses.append(float(loss))
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0]


@pytest.mark.parametrize(
    ("changes", "operands"),
    [
        ({"compute.precision": "default"}, ("DEFAULT, DEFAULT", "xf32>, ")),
        ({"compute.precision": "highest"}, ("HIGHEST, HIGHEST", "xf32>, ")),
        (HALF, ("DEFAULT, DEFAULT", "xbf16>, ")),
    ],
)
def test_products_are_of_the_type_and_as_precise_as_configured(changes, operands, runs, new_config):
    """Those of both passes."""
    program, hparams, state = runs.init(new_config("none", changes))
    text = program.train_epoch.lower(state, hparams, runs.data, runs.scaling, steps=1).as_text()
    products = [line for line in text.splitlines() if "dot_general" in line]
    assert len(products) == 5  # of two layers; the gradient of the input is not needed
    assert all(operand in line for line in products for operand in operands)


def test_how_it_computes_is_part_of_a_trials_identity(new_config):
    one, half, precise = (
        resolve(new_config("none", changes))
        for changes in ({}, HALF, {"compute.precision": "highest"})
    )
    assert len({trial_id(one), trial_id(half), trial_id(precise)}) == 3
    both = resolve(new_config("none", HALF | {"compute.precision": "highest"}))
    assert trial_id(both) == trial_id(half)
