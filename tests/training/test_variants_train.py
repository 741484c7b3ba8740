"""Every variant trains on digits, with each kind of layer that it has; some in lanes as alone."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dropout_lab.config import default_config, hparams_of, resolve
from dropout_lab.models import MODELS
from dropout_lab.training.arrays import fit_scaling, to_device
from dropout_lab.training.preparation import prepare
from dropout_lab.training.program import as_arrays
from dropout_lab.training.vmapped import VmappedProgram
from dropout_lab.variants import VARIANTS
from tests.models.small import small_options

SIZES: dict[str, Any] = {"widths": (32,), "stages": (8, 16), "units": 24, "width": 24, "layers": 1}
FAST = {("dropout", "mlp")}
# Noise of units, of weights, learnt, from the units, in windows, in time, of layers and of tokens.
IN_LANES = {
    "none",
    "dropout",
    "drop_connect",
    "sparse_variational_dropout",
    "concrete_dropout",
    "standout",
    "targeted_dropout",
    "stochastic_pool",
    "zoneout",
    "layer_drop",
    "word_dropout",
}
SEEDS = (0, 1, 2)
STEPS, CALLS = 10, 8  # updates per call; about an epoch


def pairs():
    """Returns each variant with the models where it has a kind of layer of its own.

    Models come in their table's order; those left without a variant get dropout.
    """
    chosen = [("none", "mlp")]
    for variant, made in VARIANTS.items():
        seen: set[Any] = set()
        for name, model in MODELS.items():
            layers = {choice.layer for choice in made.layers_at(model.places).values()}
            if made.fits(model.places) and layers - seen:
                seen |= layers
                chosen.append((variant, name))
    chosen += [("dropout", name) for name in MODELS if name not in {used for _, used in chosen}]
    return [pytest.param(*pair, marks=() if pair in FAST else pytest.mark.slow) for pair in chosen]


def first_model(variant):
    return next(model for name, model in (param.values for param in pairs()) if name == variant)


def config_of(variant, model):
    config = default_config()
    changes: dict[str, Any] = {
        "variant": variant,
        "model.name": model,
        "optimizer.name": "adam",
        "optimizer.lr": 1e-2,
        "train.batch_size": 16,
    }
    # With a dense layer above it, a noisy recurrent layer learns too little in one epoch.
    sizes = SIZES | ({"widths": ()} if "recurrent" in MODELS[model].places else {})
    changes |= {f"model.{key}": value for key, value in small_options(model, **sizes).items()}
    config.update_from_flattened_dict(changes)
    return config


def described(tree):
    """Returns the paths, shapes and types of all arrays."""
    flat = jax.tree_util.tree_flatten_with_path(tree)[0]
    return {jax.tree_util.keystr(path): (leaf.shape, leaf.dtype) for path, leaf in flat}


def test_every_variant_and_every_model_is_here():
    tested = [param.values for param in pairs()]
    assert {variant for variant, _ in tested} == set(VARIANTS)
    assert {model for _, model in tested} == set(MODELS)
    assert set(tested) >= FAST


@pytest.mark.parametrize(("variant", "model"), pairs())
def test_training_lowers_the_loss_and_lanes_are_separate_runs(variant, model):
    """The loss without noise, before and after; training keeps the state's structure.

    In lanes, as one variant of each kind trains, the losses of the first updates agree; at the
    end, rounding is less than what a seed is worth.
    """
    config = resolve(config_of(variant, model))
    lanes, dataset = prepare(config)
    program = lanes.program
    data, scaling = to_device(dataset.train), fit_scaling(config.data.scaling, dataset.train)
    values = [as_arrays(hparams_of(config) | {"seed": np.int32(seed)}) for seed in SEEDS]
    starts = [program.init(hparams) for hparams in values]
    before = jax.tree.map(np.array, starts[0])

    def nll(weights, hparams):
        metrics = program.evaluate(weights, hparams, data, scaling, inference="mean")
        return float(metrics["nll"])

    def trained(of, state, hparams):
        losses = []
        for _ in range(CALLS):
            state, loss = of.train_epoch(state, hparams, data, scaling, steps=STEPS)
            losses.append(loss)
        return state, np.array(losses)

    first = nll(starts[0].weights, values[0])
    state, losses = trained(program, jax.tree.map(jnp.copy, starts[0]), values[0])
    assert nll(state.weights, values[0]) < 0.9 * first
    assert np.isfinite(losses).all()
    assert described(state) == described(before)
    assert program.train_epoch._cache_size() == 1
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(state))
    assert int(state.step) == CALLS * STEPS
    jax.tree.map(np.testing.assert_array_equal, state.weights.rates, before.weights.rates)
    moved = jax.tree.map(lambda a, b: (np.asarray(a) != b).any(), state.weights, before.weights)
    still = [path for path, any_moved in paths(moved.params).items() if not any_moved]
    assert not still, "parameters without a gradient"
    if model != first_model(variant) or variant not in IN_LANES:
        return

    several = VmappedProgram(program, len(SEEDS))
    state, together = trained(several, stacked(starts), stacked(values))
    ended = []
    for lane, (start, hparams) in enumerate(zip(starts, values, strict=True)):
        alone, losses = trained(program, start, hparams)
        np.testing.assert_allclose(together[0, lane], losses[0], rtol=1e-4)
        beside = jax.tree.map(lambda leaf, lane=lane: leaf[lane], state.weights)
        ended.append((nll(alone.weights, hparams), nll(beside, hparams)))
    nlls_alone, nlls = np.array(ended).T
    assert (np.abs(nlls - nlls_alone) < np.ptp(nlls_alone)).all()


def stacked(trees):
    return jax.tree.map(lambda *leaf: jnp.stack(leaf), *trees)


def paths(tree):
    flat = jax.tree_util.tree_flatten_with_path(tree)[0]
    return {jax.tree_util.keystr(path): leaf for path, leaf in flat}
