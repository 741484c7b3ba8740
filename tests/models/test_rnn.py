"""The recurrent network: what it reads in which order, and where its noise goes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from dropout_lab import nn
from dropout_lab.errors import InputError
from dropout_lab.models.rnn import RNN
from dropout_lab.variants import LayerFactory

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick_compile")]

SHAPE = (6, 5, 2)
X = jnp.asarray(np.random.default_rng(0).normal(size=(4, *SHAPE)).astype(np.float32))


class Places(LayerFactory):
    """Makes a variant's layers, but inside the cell the noise that a test gives."""

    def __init__(self, variant="none", cell=None):
        super().__init__(variant)
        self.cell, self.asked = cell, []

    def noise(self, place, shape=(), *, index=None):
        if place == "recurrent":
            return self.cell
        self.asked.append((place, shape))
        return super().noise(place, shape, index=index)


def make(factory=None, *, shape=SHAPE, seed=0, **options):
    factory = Places() if factory is None else factory
    return RNN(shape, 3, factory=factory, rngs=nnx.Rngs(seed), **{"units": 8} | options)


def parameters(model):
    return sum(leaf.size for leaf in jax.tree.leaves(nnx.state(model, nnx.Param)))


@pytest.mark.parametrize(
    ("options", "layers"),
    [
        # Each of 6 rows has 5 x 2 features.
        ({}, [4 * 8 * (10 + 8 + 1), (8 + 1) * 3]),
        ({"cell": "gru"}, [3 * 8 * (10 + 8 + 1), (8 + 1) * 3]),
        ({"sequence": "pixels"}, [4 * 8 * (2 + 8 + 1), (8 + 1) * 3]),
        ({"shape": (6, 5)}, [4 * 8 * (5 + 8 + 1), (8 + 1) * 3]),
        ({"widths": (7,)}, [4 * 8 * (10 + 8 + 1), (8 + 1) * 7, (7 + 1) * 3]),
        ({"widths": (7,), "batch_norm": True}, [4 * 8 * 19, 9 * 7, 8 * 3, 2 * 7]),
    ],
)
def test_number_of_parameters(options, layers):
    model = nnx.eval_shape(lambda: make(**options))
    assert parameters(model) == sum(layers)


def read(model, x):
    """Returns the sequence that the recurrent layer of a model gets."""
    seen = []

    class Reader(nnx.Module):
        def __call__(self, x, *, rngs, **_):
            seen.append(np.asarray(x))
            return jnp.zeros((x.shape[0], 8))

    model.recurrent = Reader()
    model(x)
    return seen[0]


def test_rows_are_read_from_the_top():
    np.testing.assert_array_equal(read(make(), X), np.asarray(X).reshape(4, 6, 10))
    flat = np.asarray(X)[..., 0]
    np.testing.assert_array_equal(read(make(shape=(6, 5)), jnp.asarray(flat)), flat)


def test_pixels_are_read_row_by_row():
    sequence = read(make(sequence="pixels"), X)
    for row, col in np.ndindex(6, 5):
        np.testing.assert_array_equal(sequence[:, row * 5 + col], X[:, row, col])


def test_a_permutation_is_one_order_for_all_images_and_both_modes():
    model = make(sequence="pixels", permutation=3)
    plain = np.asarray(X).reshape(4, 30, 2)
    order = np.random.default_rng(3).permutation(30)
    sequence = read(model, X)
    np.testing.assert_array_equal(sequence, plain[:, order])
    assert sorted(order) == list(range(30))
    assert (order != np.arange(30)).any()
    model.eval()
    np.testing.assert_array_equal(read(model, X), sequence)
    assert not np.array_equal(read(make(sequence="pixels", permutation=4), X), sequence)


def test_logits_are_those_of_the_last_state():
    model = make(cell="gru")
    state = model.recurrent(X.reshape(4, 6, 10))
    np.testing.assert_allclose(model(X), model.classifier.output(state), rtol=1e-6)


@pytest.mark.parametrize("widths", [(), (7,)])
def test_each_place_gets_its_noise(widths):
    cell = nn.WeightDrop(0.5)
    factory = Places("dropout", cell)
    model = make(factory, widths=widths)
    asked = [("input", SHAPE), ("sequence", (6, 10))]
    assert factory.asked == asked + [("hidden", (width,)) for width in (8, *widths)]
    assert type(model.input_noise) is type(model.state_noise) is nn.Dropout
    assert model.recurrent.noise is cell
    assert [type(layer.noise) for layer in model.classifier.layers] == [nn.Dropout] * len(widths)


@pytest.mark.parametrize("place", ["input_noise", "state_noise", "recurrent"])
def test_noise_of_each_place_is_drawn_in_training_and_not_in_evaluation(place):
    model = make(Places("dropout", nn.RecurrentDropout(0.5)), cell="gru")
    for name, off in (("input_noise", None), ("state_noise", None)):
        if name != place:
            setattr(model, name, off)
    if place != "recurrent":
        model.recurrent.noise = None
    graph, state = nnx.split(model)

    @jax.jit
    def train_and_evaluate(seed):
        noisy = nnx.merge(graph, state)(X, rngs=nnx.Rngs(dropout=seed))
        model = nnx.merge(graph, state)
        model.eval()
        return noisy, model(X)

    keys = map(jax.random.key, (0, 0, 1))
    (first, quiet), (again, _), (other, _) = map(train_and_evaluate, keys)
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other, atol=1e-3)
    assert not np.allclose(first, quiet, atol=1e-3)
    with pytest.raises(ValueError, match="no `rngs` argument was provided to "):
        model(X)


def test_one_seed_gives_every_variant_the_same_weights():
    plain, noisy = make(seed=3), make(Places("dropout", nn.Zoneout(0.1, cell_rate=0.5)), seed=3)
    for ours, theirs in zip(
        *(jax.tree.leaves(nnx.state(model, nnx.Param)) for model in (plain, noisy)), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cell": "lstn"}, "^unknown cell 'lstn'; did you mean 'lstm'.* Allowed: gru, lstm.$"),
        ({"sequence": "row"}, "^unknown sequence 'row'; did you mean 'rows'"),
        ({"permutation": 0}, "permutation is 0 with sequence 'rows'; allowed: .* 'pixels' only"),
        ({"shape": (64,)}, r"examples have shape \(64,\); allowed: tokens \(steps,\), \(steps"),
        ({"shape": (6, 5), "sequence": "pixels"}, "sequence is 'pixels' with steps of features"),
        ({"head": "token", "widths": (4,)}, r"widths is \(4,\) with config.model.head 'token'"),
        ({"shape": (1, 8, 8, 1)}, r"examples have shape \(1, 8, 8, 1\)"),
        ({"activation": "rleu", "widths": (4,)}, "^unknown activation 'rleu'"),
    ],
)
def test_bad_arguments_are_errors(options, message):
    with pytest.raises(InputError, match=message):
        make(**options)
