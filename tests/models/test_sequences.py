"""Padding of sequences: what it becomes, and which steps are left."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from dropout_lab.config import default_config, flatten, present_places
from dropout_lab.models import MODELS
from dropout_lab.models.sequences import PADDING, split_padding
from dropout_lab.variants import LayerFactory

FEATURES = jnp.array([[[1.0, 2.0], [3.0, 0.0], [jnp.nan, jnp.nan]]])
TOKENS = jnp.array([[5, 0, PADDING]])


@pytest.mark.parametrize(
    ("x", "values"),
    [(FEATURES, [[[1, 2], [3, 0], [0, 0]]]), (TOKENS, [[5, 0, 0]])],
    ids=["features", "tokens"],
)
def test_padding_becomes_zero_and_absent(x, values):
    split, present = split_padding(x)
    assert split.dtype == x.dtype
    np.testing.assert_array_equal(split, values)
    np.testing.assert_array_equal(present, [[True, True, False]])


def test_a_step_with_a_number_is_no_padding():
    """A NaN among numbers is an error of the data, which must not vanish."""
    values, present = split_padding(jnp.array([[[jnp.nan, 1.0]]]))
    assert present.all()
    assert jnp.isnan(values[0, 0, 0])


def test_padding_has_no_gradient():
    gradient = jax.grad(lambda x: (split_padding(x)[0] ** 2).sum())(FEATURES)
    np.testing.assert_array_equal(gradient, [[[2, 4], [6, 0], [0, 0]]])


class Asked(LayerFactory):
    """Notes the places for which a network asks for noise."""

    def __init__(self):
        super().__init__("none")
        self.places = set()

    def noise(self, place, shape=(), *, index=None):
        self.places.add(place)
        return super().noise(place, shape, index=index)


BATCH = jnp.array([[3, 1, 4, -1], [1, 5, -1, -1]])
SIZES: dict[str, dict[str, Any]] = {"mlp": {"widths": ()}, "rnn": {"units": 4}}


def make(name, **options):
    options = SIZES[name] | {"vocabulary": 6, "embedding": 3, "factory": Asked()} | options
    return MODELS[name]((4,), 5, rngs=nnx.Rngs(0), **options)


@pytest.mark.usefixtures("quick_compile")
def test_a_bag_of_words_is_the_mean_of_its_embeddings():
    model = make("mlp")
    table = np.asarray(model.embedding.table[...])
    means = np.stack([table[[3, 1, 4]].mean(0), table[[1, 5]].mean(0)])
    np.testing.assert_allclose(model.features(BATCH, None), means, rtol=1e-6)


@pytest.mark.parametrize("name", SIZES)
def test_there_is_noise_on_embeddings_of_tokens_alone(name):
    def asked(**options):
        factory = Asked()
        nnx.eval_shape(lambda: make(name, factory=factory, **options))
        return factory.places

    assert "embedding" in asked()
    numbers = MODELS[name]
    factory = Asked()
    nnx.eval_shape(lambda: numbers((4, 2), 5, factory=factory, rngs=nnx.Rngs(0), **SIZES[name]))
    assert factory.places == asked() - {"embedding"}


@pytest.mark.parametrize(
    ("changes", "there"),
    [
        ({}, False),
        ({"data.name": "text_lines"}, True),
        ({"data.name": "npz", "data.vocabulary": 9}, True),
        ({"data.name": "npz"}, False),
    ],
)
def test_the_place_is_there_where_the_configuration_says_tokens(changes, there):
    flat = flatten(default_config().to_dict()) | {"model.name": "rnn"} | changes
    assert ("embedding" in present_places(flat)) == there


@pytest.mark.slow
@pytest.mark.usefixtures("quick_compile")
def test_each_step_is_predicted_from_those_before():
    model = make("rnn", head="token")
    logits = model(BATCH)
    assert logits.shape == (2, 4, 5)
    changed = model(BATCH.at[0, 2].set(0))
    np.testing.assert_array_equal(changed[0, :2], logits[0, :2])
    assert not np.allclose(changed[0, 2], logits[0, 2])
