"""Sequences in training: padding changes nothing, and neither does what is under it."""

import jax
import numpy as np
import pytest

from dropout_lab.config import default_config, hparams_of, resolve
from dropout_lab.data import load
from dropout_lab.errors import InputError
from dropout_lab.training.arrays import fit_scaling, to_device
from dropout_lab.training.preparation import check_data
from dropout_lab.training.program import Program, as_arrays

pytestmark = pytest.mark.usefixtures("quick_compile")

N, STEPS, FEATURES, TYPES = 40, 5, 3, 7


def arrays(kind, more=0):
    """Returns the arrays of an npz file, padded by ``more`` steps, with rubbish under padding."""
    rng, rubbish = np.random.default_rng(0), np.random.default_rng(more)
    made = {}
    for part in ("train", "test"):
        shape = (N, STEPS, FEATURES) if kind == "features" else (N, STEPS)
        draw = rng.normal if kind == "features" else lambda size: rng.integers(0, TYPES, size)
        x, lengths = draw(size=shape), rng.integers(1, STEPS + 1, N)
        x = np.concatenate([x, np.zeros((N, more, *shape[2:]), x.dtype)], axis=1)
        hidden = np.arange(STEPS + more) >= lengths[:, None]
        x[hidden] = rubbish.integers(0, TYPES, x[hidden].shape)
        made |= {f"x_{part}": x, f"lengths_{part}": lengths, f"y_{part}": rng.integers(0, 3, N)}
    return made


def dataset_of(folder, kind, more=0):
    np.savez(folder / f"{kind}{more}.npz", **arrays(kind, more))
    return load("npz", path=str(folder / f"{kind}{more}.npz"))


def config_of(model="rnn", variant="none", **changes):
    config = default_config()
    sizes = {"model.units": 4, "model.embedding": 3, "model.widths": (4,), "train.batch_size": 8}
    changes = {"data.name": "npz", "data.path": "-", "model.name": model} | sizes | changes
    config.update_from_flattened_dict({"variant": variant, **changes})
    return resolve(config)


def trained(config, dataset):
    """Returns weights after an epoch, its loss, and metrics of the test part."""
    check_data(config, dataset)
    shape = dataset.train.images.shape[1:]
    program = Program(config, shape, dataset.classes, dataset.vocabulary)
    hparams, scaling = (
        as_arrays(hparams_of(config)),
        fit_scaling(config.data.scaling, dataset.train),
    )
    data = to_device(dataset.train)
    state, loss = program.train_epoch(program.init(hparams), hparams, data, scaling, steps=3)
    test = to_device(dataset.test)
    metrics = program.evaluate(state.weights, hparams, test, scaling, inference="mean")
    return state.weights, loss, metrics


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("features", {"data.scaling": "channel", "model.cell": "gru", "variant": "zoneout"}),
        pytest.param("tokens", {"variant": "variational_rnn"}, marks=pytest.mark.slow),
        pytest.param("tokens", {"model.name": "mlp"}, marks=pytest.mark.slow),
    ],
    ids=["gru", "lstm", "mlp"],
)
def test_more_padding_changes_nothing(tmp_path, kind, changes):
    """Neither the order of examples, nor scaling, weights, loss and metrics, exactly."""
    short, long = (
        trained(config_of(**changes), dataset_of(tmp_path, kind, more)) for more in (0, 3)
    )
    for ours, theirs in zip(jax.tree.leaves(short), jax.tree.leaves(long), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("scaling", ["channel", "feature"])
def test_padding_is_no_part_of_means_and_deviations(tmp_path, scaling):
    x = arrays("features")
    kept = np.arange(STEPS) < x["lengths_train"][:, None]
    values = np.where(kept[..., None], x["x_train"], np.nan).astype(np.float32)
    np.savez(tmp_path / "own.npz", **x)
    fitted = fit_scaling(scaling, load("npz", path=str(tmp_path / "own.npz"), val_size=0).train)
    axes = (0, 1) if scaling == "channel" else (0,)
    np.testing.assert_allclose(
        np.broadcast_to(fitted.shift, (STEPS, FEATURES)),
        np.broadcast_to(np.nanmean(values, axes), (STEPS, FEATURES)),
        rtol=1e-5,
    )
    np.testing.assert_allclose(
        np.broadcast_to(1 / fitted.scale, (STEPS, FEATURES)),
        np.broadcast_to(np.nanstd(values, axes), (STEPS, FEATURES)),
        rtol=1e-5,
    )


@pytest.mark.parametrize(
    ("kind", "changes", "message"),
    [
        ("tokens", {"model.name": "cnn"}, "model 'cnn' reads no tokens.*; allowed: mlp, rnn"),
        ("tokens", {"data.scaling": "channel"}, "scaling is 'channel' with tokens; allowed: 'unit"),
        ("features", {"model.name": "mlp"}, "model 'mlp' reads no sequences with lengths.*rnn"),
    ],
)
def test_networks_that_cannot_read_them_are_refused(tmp_path, kind, changes, message):
    with pytest.raises(InputError, match=message):
        check_data(config_of(**changes), dataset_of(tmp_path, kind))
