"""README's comparison with other libraries: what can be checked where they are installed."""

import importlib
import os
import re
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

from dropout_lab import ops

os.environ.setdefault("KERAS_BACKEND", "jax")
pytestmark = pytest.mark.slow

README = (Path(__file__).parents[2] / "README.md").read_text()
_, _, SECTION = README.partition("## Beside other libraries")
ROWS = {
    re.sub(r"\[(.*?)\].*", r"\1", cells[0]): cells
    for line in SECTION.partition("\n## ")[0].splitlines()
    if line.startswith("| ")
    for cells in [[cell.strip() for cell in line.split("|")[1:-1]]]
}
X, KEY = jnp.ones((4, 8)), jax.random.key(0)


def flax_linen(rate):
    import flax.linen as linen

    return linen.Dropout(rate).apply({}, X, deterministic=False, rngs={"dropout": KEY})


def flax_nnx(rate):
    from flax import nnx

    return nnx.Dropout(rate, rngs=nnx.Rngs(0))(X, deterministic=False)


def flax_attention(rate):
    import flax.linen as linen

    x, options = X[None, :, None], {"dropout_rng": KEY, "dropout_rate": rate}
    return linen.dot_product_attention(x, x, x, deterministic=False, **options)


def flax_nnx_attention(rate):
    from flax import nnx

    x, options = X[None, :, None], {"dropout_rng": KEY, "dropout_rate": rate}
    return nnx.dot_product_attention(x, x, x, deterministic=False, **options)


def keras(rate):
    return pytest.importorskip("keras").layers.Dropout(rate)(X, training=True)


def haiku(rate):
    return pytest.importorskip("haiku").dropout(KEY, rate, X)


def equinox(rate):
    return pytest.importorskip("equinox").nn.Dropout(rate)(X, key=KEY)


def ours(rate):
    return ops.dropout(KEY, X, rate=rate)


REFUSING = [flax_linen, flax_nnx, flax_attention, flax_nnx_attention, keras]


@pytest.mark.parametrize("dropout", REFUSING, ids=lambda function: function.__name__)
def test_a_traced_rate_is_refused(dropout):
    name = dropout.__name__.split("_")[0].capitalize()
    assert ROWS[name][2].startswith("no: ")
    with pytest.raises(jax.errors.TracerBoolConversionError):
        jax.jit(dropout)(0.5)


@pytest.mark.parametrize("dropout", [haiku, equinox, ours], ids=lambda function: function.__name__)
def test_a_traced_rate_is_taken(dropout):
    name = {"ours": "dropout_lab"}.get(dropout.__name__, dropout.__name__.capitalize())
    assert ROWS[name][2].startswith("yes")
    traced = []

    @jax.jit
    def step(rate):
        traced.append(rate)
        return dropout(rate)

    assert step(0.5).shape == step(0.25).shape == X.shape
    assert len(traced) == 1


def test_at_a_rate_of_one_only_equinox_has_no_gradient():
    eqx = pytest.importorskip("equinox")
    assert "NaN" in ROWS["Equinox"][2]

    def theirs(x):
        return eqx.nn.Dropout(jnp.float32(1))(x, key=KEY).sum()

    assert jnp.isnan(jax.grad(theirs)(X)).any()
    assert (jax.grad(lambda x: ops.dropout(KEY, x, rate=jnp.float32(1)).sum())(X) == 0).all()


NAMES = {
    "Flax": ("flax.linen", ("Dropout",)),
    "Haiku": ("haiku", ("dropout",)),
    "Equinox": ("equinox.nn", ("Dropout",)),
    "Keras": ("keras.layers", ("Dropout", "GaussianDropout", "AlphaDropout", "SpatialDropout2D")),
    "PyTorch": ("torch.nn", ("Dropout", "Dropout1d", "Dropout3d", "AlphaDropout")),
    "timm": ("timm.layers", ("DropBlock2d", "DropPath", "PatchDropout")),
}


@pytest.mark.parametrize("library", NAMES)
def test_a_library_has_what_the_table_says(library):
    module, names = NAMES[library]
    found = importlib.import_module(pytest.importorskip(module.split(".")[0]) and module)
    row = ROWS[library][1]
    for name in names:
        assert name.removesuffix("2D").removesuffix("1d").removesuffix("3d") in row
        assert hasattr(found, name)


def test_every_library_in_the_table_is_looked_at():
    unchecked = {"library", ":--", "dropout_lab", "torch-uncertainty", "probly"}
    assert ROWS.keys() - unchecked == NAMES.keys()
