"""What is special to ops on attention, tokens and patches, besides the contract."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dropout_lab import ops

pytestmark = pytest.mark.usefixtures("quick_compile")


@pytest.mark.parametrize("keys", [2, 8])
def test_dropped_logits_leave_one_key_of_each_query(logits_op, keys, key):
    """The dropped fraction is ``rate - rate**K / K``, and the key left over is any of them."""
    call, queries = jax.jit(logits_op.call), 2**14
    x = jnp.ones((queries, keys))
    for rate in (0.1, 0.5, 0.9, 1.0):
        y = np.asarray(call(key, x, rate))
        dropped = np.isneginf(y)
        np.testing.assert_array_equal(y[~dropped], 1)
        assert not dropped.all(-1).any()
        expected = rate - rate**keys / keys
        bound = 4 * np.sqrt(expected * (1 - expected) / queries) + 1e-6
        assert (np.abs(dropped.mean(0) - expected) < bound).all()
    assert ((~dropped).sum(-1) == 1).all()


def test_masked_logits_are_no_keys(logits_op, key):
    """They stay masked, none of them is the one left, and a row of them has no key."""
    masked = np.arange(8) >= np.arange(9)[:, None]
    x = jnp.where(masked, -jnp.inf, jnp.ones((9, 8)))
    for rate in (0.3, 1.0):
        kept = np.isfinite(logits_op.call(key, x, rate))
        assert not kept[masked].any()
        np.testing.assert_array_equal(kept.any(-1), np.arange(9) > 0)


def test_a_column_is_dropped_for_all_queries_of_a_head(key):
    weights = jnp.full((64, 2, 5, 8), 1 / 8)
    y = np.asarray(ops.attention_dropout(key, weights, rate=0.5, columns=True))
    np.testing.assert_array_equal(y, np.broadcast_to(y[..., :1, :], y.shape))
    dropped = (y[:, :, 0] == 0).mean()
    assert abs(dropped - 0.5) < 4 * 0.5 / np.sqrt(64 * 2 * 8)
    assert (y[:, 0] != y[:, 1]).any()


def test_normalised_weights_add_up_to_1_or_are_all_0(key):
    weights = jax.nn.softmax(jax.random.normal(key, (512, 3)))
    call = jax.jit(lambda rate: ops.attention_dropout(key, weights, rate=rate, normalised=True))
    y, kept = np.asarray(call(0.6)), np.asarray(ops.attention_dropout(key, weights, rate=0.6)) != 0
    left = np.where(kept, weights, 0)
    total = left.sum(-1, keepdims=True)
    np.testing.assert_allclose(y, left / np.where(total > 0, total, 1), rtol=1e-6)
    assert {0, 1} == set(np.round(y.sum(-1), 5))
    np.testing.assert_allclose(call(0.0), weights, rtol=1e-6)
    np.testing.assert_array_equal(call(1.0), 0)


@pytest.mark.parametrize("per_example", [True, False])
def test_all_occurrences_of_a_word_type_are_dropped_together(per_example, key):
    types = jax.random.randint(key, (64, 30), 0, 10)
    x = jnp.ones((64, 30, 2))
    y = np.asarray(
        ops.embedding_dropout(key, x, rate=0.5, types=types, vocabulary=10, per_example=per_example)
    )
    masks = [
        {(t, v) for t, v in zip(*pair, strict=True)}
        for pair in zip(types.tolist(), y[..., 0].tolist(), strict=True)
    ]
    assert all(len(mask) == len({t for t, _ in mask}) for mask in masks)
    assert (len(set.union(*masks)) == 10) == (not per_example)
    np.testing.assert_array_equal(y[..., 0], y[..., 1])


def test_padding_is_no_word(key):
    """It is 0, and neither counted as a word nor as one that is left."""
    present = np.arange(6) < np.array([[6], [3], [0]])
    y = np.asarray(
        ops.word_dropout(key, jnp.ones((3, 6, 1)), rate=0.4, present=jnp.asarray(present))
    )[..., 0]
    np.testing.assert_array_equal(y[~present], 0)
    kept = y > 0
    expected = present.sum(-1) / np.maximum(kept.sum(-1), 1)
    np.testing.assert_allclose(y, kept * expected[:, None], rtol=1e-6)
    np.testing.assert_allclose(y.sum(-1), [6, 3, 0], rtol=1e-6)


@pytest.mark.parametrize(("rate", "left"), [(0, 10), (0.25, 8), (0.5, 5), (0.99, 1), (1, 1)])
def test_every_example_keeps_the_same_number_of_patches(rate, left, key):
    y = np.asarray(ops.patch_dropout(key, jnp.ones((50, 10, 2)), rate=rate))
    np.testing.assert_array_equal(y[..., 0].sum(-1), left)
    assert len(np.unique(y[..., 0], axis=0)) > 1 or rate == 0


def test_padded_patches_come_last(key):
    present = np.arange(6) < np.array([[6], [2]])
    ranks = np.asarray(ops.patch_ranks(key, (2, 6), jnp.asarray(present)))
    np.testing.assert_array_equal(np.sort(ranks, -1), np.broadcast_to(np.arange(6), (2, 6)))
    assert set(ranks[1, :2]) == {0, 1}
    np.testing.assert_array_equal(ops.patches_left(0.5, jnp.array([6, 2, 0])), [3, 1, 1])


def test_a_layer_is_skipped_for_all_examples_or_none(key):
    skip = jax.vmap(lambda key: ops.layer_drop(key, jnp.ones(4), rate=0.3, skipped=jnp.zeros(4)))
    y = np.asarray(skip(jax.random.split(key, 4096)))
    assert set(y.sum(-1)) == {0, 4}
    assert abs((y[:, 0] == 0).mean() - 0.3) < 4 * np.sqrt(0.3 * 0.7 / 4096)
