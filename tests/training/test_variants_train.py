"""Every variant trains: one epoch on digits, with each kind of layer that it has."""

from typing import Any

import jax
import numpy as np
import pytest

from dropout_lab.config import default_config, hparams_of, resolve
from dropout_lab.models import MODELS
from dropout_lab.training.arrays import fit_scaling, to_device
from dropout_lab.training.preparation import prepare
from dropout_lab.training.program import as_arrays
from dropout_lab.variants import VARIANTS
from tests.models.small import small_options

pytestmark = pytest.mark.usefixtures("quick_compile")

SIZES: dict[str, Any] = {"widths": (32,), "stages": (8, 16), "units": 24, "width": 24}
FAST = {("dropout", "mlp")}


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
def test_an_epoch_lowers_the_loss(variant, model):
    """The loss without noise, before and after; training keeps the state's structure."""
    config = resolve(config_of(variant, model))
    lanes, dataset = prepare(config)
    program = lanes.program
    data, scaling = to_device(dataset.train), fit_scaling(config.data.scaling, dataset.train)
    hparams = as_arrays(hparams_of(config))
    lengths, state = program.lengths(hparams, len(dataset.train)), program.init(hparams)
    before = jax.tree.map(np.array, state)

    def nll(weights):
        metrics = program.evaluate(weights, hparams, data, scaling, inference="mean")
        return float(metrics["nll"])

    first = nll(state.weights)
    state, loss = program.train_epoch(state, hparams, data, scaling, steps=lengths.steps_per_epoch)
    last = nll(state.weights)
    assert last < 0.9 * first
    assert np.isfinite(loss)
    assert described(state) == described(before)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(state))
    assert int(state.step) == lengths.steps_per_epoch
    jax.tree.map(np.testing.assert_array_equal, state.weights.rates, before.weights.rates)
    moved = jax.tree.map(lambda a, b: (np.asarray(a) != b).any(), state.weights, before.weights)
    still = [path for path, any_moved in paths(moved.params).items() if not any_moved]
    assert not still, "parameters without a gradient"


def paths(tree):
    flat = jax.tree_util.tree_flatten_with_path(tree)[0]
    return {jax.tree_util.keystr(path): leaf for path, leaf in flat}
