"""Layers inside programs written for Flax's own: attributes, summaries, Linen, sharding."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from dropout_lab import nn

INIT = nnx.initializers.lecun_normal()
FLAT, IMAGES, STEPS = (4, 6), (2, 6, 6, 3), (4, 3, 6)


def _on_units(name, of, **options):
    return lambda rngs: getattr(nn, name)(0.2, rngs=rngs, **options), of


def _dense(name, **options):
    return lambda rngs: getattr(nn, name)(6, 5, kernel_init=INIT, rngs=rngs, **options), FLAT


def _conv(name, **options):
    return lambda rngs: getattr(nn, name)(3, 5, 3, kernel_init=INIT, rngs=rngs, **options), IMAGES


def _cell(cell, name, **options):
    def make(rngs):
        noise = getattr(nn, name)(0.2, **options)
        return getattr(nn, cell)(6, 5, noise=noise, kernel_init=INIT, rngs=rngs)

    return make, STEPS


RATED = {
    "AlphaDropout": _on_units("AlphaDropout", FLAT),
    "ClassicDropout": _on_units("ClassicDropout", FLAT),
    "ConcreteConv": _conv("ConcreteConv", rate=0.2),
    "ConcreteDense": _dense("ConcreteDense", rate=0.2),
    "DropBlock": _on_units("DropBlock", IMAGES),
    "DropConnect": _dense("DropConnect", rate=0.2),
    "Dropout": _on_units("Dropout", FLAT),
    "FastDropout": _dense("FastDropout", rate=0.2),
    "FeatureAlphaDropout": _on_units("FeatureAlphaDropout", IMAGES),
    "GaussianDropout": _on_units("GaussianDropout", FLAT),
    "MaxPoolDropout": _on_units("MaxPoolDropout", IMAGES),
    "MomentDense": _dense("MomentDense", rate=0.2),
    "MomentOutput": _dense("MomentOutput", rate=0.2),
    "Shakeout": _dense("Shakeout", rate=0.2),
    "SpatialDropout": _on_units("SpatialDropout", IMAGES),
    "Standout": _dense("Standout", rate=0.2),
    "StochasticDepth": _on_units("StochasticDepth", FLAT),
    "TargetedConv": _conv("TargetedConv", rate=0.2),
    "TargetedDropout": _dense("TargetedDropout", rate=0.2),
    "UniformDropout": _on_units("UniformDropout", FLAT),
    "WeightedChannelDropout": _on_units("WeightedChannelDropout", FLAT),
}
RECURRENT = {
    "NaiveState": _cell("GRU", "NaiveState"),
    "RecurrentDropout": _cell("LSTM", "RecurrentDropout"),
    "VariationalState": _cell("GRU", "VariationalState"),
    "WeightDrop": _cell("LSTM", "WeightDrop"),
    "Zoneout": _cell("LSTM", "Zoneout", cell_rate=0.3),
}
ATTENTION = {
    name: (
        lambda rngs, name=name: nn.Attention(
            6, 2, noise=getattr(nn, name)(0.2), kernel_init=INIT, rngs=rngs
        ),
        STEPS,
    )
    for name in ("AttentionDropout", "DropHead", "DropKey")
}
INSIDE = RECURRENT | ATTENTION
# Called by networks with more than inputs, or telling the layer above which units are left.
PARTS = {
    "BatchwiseDense": _dense("BatchwiseDense", rate=0.2),
    "BatchwiseInput": _dense("BatchwiseInput", rate=0.2, hidden_rate=0.2),
} | {
    name: (lambda rngs, name=name: getattr(nn, name)(0.2, rngs=rngs), STEPS)
    for name in ("EmbeddingDropout", "LayerDrop", "PatchDropout", "WordDropout")
}
UNRATED = {
    "Cutout": (lambda rngs: nn.Cutout(rngs=rngs), IMAGES),
    "InformationConv": _conv("InformationConv"),
    "InformationDropout": _dense("InformationDropout"),
    "Masksembles": (lambda rngs: nn.Masksembles(rngs=rngs), FLAT),
    "SparseConv": _conv("SparseConv"),
    "SparseDense": _dense("SparseDense"),
    "StochasticPool": (lambda rngs: nn.StochasticPool(rngs=rngs), IMAGES),
    "VariationalDense": _dense("VariationalDense", rate=0.2),
    "VariationalDropout": _on_units("VariationalDropout", FLAT, shape=(6,)),
}
LAYERS = RATED | INSIDE | UNRATED
NEITHER_NOISE_NOR_WHOLE = {"CellNoise", "NoisyConv", "NoisyDense", "NoisyLayer"} | {
    "AttentionNoise",
    "BatchwiseOutput",
    "EmbeddingNoise",
    "Rated",
    "RatedNoise",
    "Stochastic",
    "UnitNoise",
}


def made(name):
    """Returns a layer, the options of a call, and inputs."""
    make, shape = (LAYERS | PARTS)[name]
    layer = make(nnx.Rngs(0, dropout=1))
    # Layers on units have streams of their own; the others get them at call.
    own = isinstance(layer, nn.UnitNoise)
    return layer, {} if own else {"rngs": nnx.Rngs(dropout=1)}, np.ones(shape, np.float32)


def test_every_noisy_layer_has_a_row():
    noisy = {
        name
        for name in nn.__all__
        if isinstance(kind := getattr(nn, name), type) and issubclass(kind, nn.Stochastic)
    }
    assert LAYERS.keys() | PARTS.keys() == noisy - NEITHER_NOISE_NOR_WHOLE


@pytest.mark.parametrize("name", [*RATED, *INSIDE, *PARTS])
def test_a_rate_is_written_compared_and_formatted_as_a_number(name):
    layer = made(name)[0]
    noise = layer.noise if name in INSIDE else layer
    assert f"{noise.rate:.2f}" == "0.20"
    assert 0.125 < noise.rate <= 0.25
    assert 0.125 <= noise.rate < 0.25
    assert float(noise.rate) == pytest.approx(0.2)
    assert noise.rate
    kind = type(noise.rate)
    noise.rate = 0.125
    assert type(noise.rate) is kind
    layer.set_attributes(rate=0.25)
    assert type(noise.rate) is kind
    assert 0.24 < noise.rate <= 0.25 + 1e-6
    assert f"{noise.rate:.3f}" == "0.250"
    with pytest.raises(ValueError, match=rf"^{name}: rate is 1\.5; allowed: \[0, "):
        noise.rate = 1.5
    assert f"{noise.rate:.3f}" == "0.250"


def test_a_written_rate_is_the_one_in_force():
    layer: Any = nn.Dropout(0.5, rngs=nnx.Rngs(0))
    layer.rate = 1.0
    np.testing.assert_array_equal(layer(jnp.ones(8)), 0)
    assert float(layer.rate) == 1.0
    assert nnx.state(layer, nn.DropRate)["rate"][...] == 1.0
    layer.rate = nn.DropRate(jnp.float32(0))
    np.testing.assert_array_equal(layer(jnp.ones(8)), 1)
    zoneout = nn.Zoneout(0.5, cell_rate=0.5)
    with pytest.raises(ValueError, match=r"^Zoneout: cell_rate: rate is 2; allowed: \[0, 1\]"):
        zoneout.set_attributes(cell_rate=2)


@pytest.mark.parametrize(
    "name",
    [
        name if name in ("Dropout", "GaussianDropout", "Zoneout") else slow
        for name in LAYERS
        for slow in [pytest.param(name, marks=pytest.mark.slow)]
    ],
)
def test_a_layer_can_be_tabulated(name):
    layer, options, x = made(name)
    functions = {
        (kind, key): value for kind in type(layer).__mro__ for key, value in vars(kind).items()
    }
    assert type(layer).__name__ in nnx.tabulate(layer, x, **options)
    now = {(kind, key): value for kind, key in functions for value in [vars(kind)[key]]}
    assert now == functions
    layer(x, **options)


@pytest.mark.parametrize(
    "name", [name if name == "DropConnect" else pytest.param(name, marks=pytest.mark.slow)
             for name in LAYERS]
)  # fmt: skip
def test_a_layer_takes_numpys_float64(name):
    layer, options, x = made(name)
    y = layer(x.astype(np.float64), **options)
    assert {leaf.dtype for leaf in jax.tree.leaves(y)} == {jnp.dtype("float32")}


def test_rates_and_penalties_have_names_in_linen():
    assert nnx.variable_name_from_type(nn.DropRate) == "drop_rates"
    assert nnx.variable_name_from_type(nn.BatchPenalty) == "batch_penalties"
    module = nnx.bridge.ToLinen(nn.Dropout, args=(0.5,))
    x = jnp.ones((4, 64))
    variables = module.init({"params": jax.random.key(0), "dropout": jax.random.key(1)}, x)
    assert variables["drop_rates"]["rate"] == 0.5
    y: Any = module.apply(variables, x, rngs={"dropout": jax.random.key(2)})
    assert set(np.unique(y)) == {0, 2}


@pytest.mark.slow
def test_moments_in_float16_do_not_overflow():
    x = jnp.full((4, 6), 300, jnp.float16)
    layer = made("MomentDense")[0]
    hidden = layer(x, activation=jax.nn.relu)
    assert np.isfinite(hidden.variance).all()
    images = jnp.full(IMAGES, 300, jnp.float16)
    y = made("SparseConv")[0](images, rngs=jax.random.key(0))
    assert np.isfinite(y).all()
