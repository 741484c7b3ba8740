"""Every variant trains: one epoch on digits, with each kind of layer that it has."""

from typing import Any

import jax
import numpy as np
import pytest

from configs import base, digits_cnn, digits_mlp, digits_rnn
from dropout_lab.config import hparams_of, resolve
from dropout_lab.models import MODELS
from dropout_lab.training.arrays import fit_scaling, to_device
from dropout_lab.training.preparation import prepare
from dropout_lab.training.program import as_arrays
from dropout_lab.variants import VARIANTS

pytestmark = pytest.mark.usefixtures("quick_compile")

# From the network that compiles fastest to the one that takes longest.
SIZES: dict[str, dict[str, Any]] = {
    "mlp": {"model.widths": (32,)},
    "cnn": {"model.stages": (8, 16), "model.widths": (32,)},
    "rnn": {"model.units": 24},
    "resnet": {"model.name": "resnet", "model.depth": 10, "model.widening": 1},
}
CONFIGS = {"mlp": digits_mlp, "cnn": digits_cnn, "rnn": digits_rnn}
FAST = {("dropout", "mlp")}


def pairs():
    """Returns each variant with the cheapest model, and with those that add a kind of layer."""
    for variant, made in VARIANTS.items():
        seen: set[Any] = set()
        for model in SIZES:
            places = MODELS[model].places
            layers = {use.layer for use in made.uses(places).values()}
            fits = not made.needs or set(made.needs) & set(places)
            if fits and (layers - seen or (variant, model) == ("none", "mlp")):
                seen |= layers
                marks = () if (variant, model) in FAST else pytest.mark.slow
                yield pytest.param(variant, model, marks=marks)


def config_of(variant, model):
    if model == "resnet":
        config = base.get_config()
        config.variant = variant
    else:
        config = CONFIGS[model].get_config(f"{variant},smoke")
    config.dropout.rate = config.dropout.input_rate = None  # the variant's own
    optimizer: dict[str, Any] = {
        "optimizer.name": "adam",
        "optimizer.lr": 1e-2,
        "train.batch_size": 16,
    }
    config.update_from_flattened_dict(optimizer | SIZES[model])
    return config


def described(tree):
    """Returns the paths, shapes and types of all arrays."""
    flat = jax.tree_util.tree_flatten_with_path(tree)[0]
    return {jax.tree_util.keystr(path): (leaf.shape, leaf.dtype) for path, leaf in flat}


def test_every_variant_and_every_model_is_here():
    trained = [param.values for param in pairs()]
    assert {variant for variant, _ in trained} == set(VARIANTS)
    assert {model for _, model in trained} == set(MODELS)
    assert set(trained) >= FAST


@pytest.mark.parametrize(("variant", "model"), list(pairs()))
def test_an_epoch_lowers_the_loss(variant, model):
    """The loss without noise, before and after; training keeps the state's structure."""
    config = resolve(config_of(variant, model))
    vmapped, dataset = prepare(config)
    program = vmapped.program
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
